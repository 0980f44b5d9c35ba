//! The keys of a database: a tree of folders or a list in some order, and what is known of each.
//!
//! - [`tree`]: keys in folders; [`list`]: keys in one order; [`ordered`]: what both are made of
//! - [`natural`]: the order of names
//! - [`window`]: which rows of a long list are seen
//! - [`browser`]: what is asked of the server, and when
//! - [`examples`]: keys to begin with; `view`: what is seen

pub mod browser;
pub mod examples;
pub mod list;
pub mod natural;
pub mod ordered;
pub mod tree;
pub(crate) mod view;
pub mod window;
