//! The value of a key: asked for in pages, shown as text, and changed by ordinary commands.
//!
//! - [`load`]: what is asked, and what the replies say
//! - [`edit`]: what a person changes, as commands
//! - [`text`]: bytes as text that can be typed, hexadecimal digits, JSON, times
//! - [`map`]: points on a plain map; [`places`]: members that are points; [`bits`]: a string as bits
//! - `view`: what is seen, and `parts` of it for every type

pub mod bits;
pub mod edit;
pub mod load;
pub mod map;
mod parts;
pub mod places;
pub mod text;
pub(crate) mod view;
