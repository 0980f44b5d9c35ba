//! What the page shows, as functions of plain data. They emit actions and hold nothing but what
//! only the browser knows, such as how far a pane is scrolled.
//!
//! Only what gains from not being drawn again is a component of Yew's; the rest are functions,
//! which take a tenth of the code.

mod footer;
mod header;
mod hints;
mod line;
mod log;
mod pane;

pub(super) use footer::footer;
pub(super) use header::header;
pub(super) use pane::PaneView;
