//! Sharing what was done: a link that carries it, a file of the same, and text.
//!
//! A link carries a recording (see [`crate::sandbox::tape`]) behind the `#` of the page's address, where
//! no server sees it. Whoever opens it has an engine of the same seed live through the same commands at
//! the same times, and is told if that replies otherwise than it did here.
//!
//! - [`session`]: what was sent in the panes of the node that keeps the data
//! - [`story`]: a recording and what was sent for it, as lines of a terminal
//! - [`link`]: both as the bytes that are compressed into a link, and back
//! - `text`: the browser's part of it, in `static/share.js`; `view`: what the person sees

pub mod link;
pub mod session;
pub mod story;
pub(crate) mod text;
pub(crate) mod view;
