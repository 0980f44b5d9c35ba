//! What the page shows, as functions of plain data. A component emits actions and holds nothing
//! but what only the browser knows, such as how far a pane is scrolled.

mod footer;
mod header;
mod hints;
mod log;
mod pane;

pub(super) use footer::Footer;
pub(super) use header::Header;
pub(super) use pane::PaneView;
