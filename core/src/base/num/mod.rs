//! Numbers as Redis reads and prints them.
//!
//! `integer` has 64-bit integers, read strictly; `double` reads doubles as C's `strtod` does and
//! prints them short. Under it, `scan` takes the text of a floating-point number apart and `grisu`
//! finds the digits of a double.

mod double;
mod grisu;
mod integer;
mod scan;

pub use double::{DoubleText, format_f64, parse_f64};
pub use integer::{Digits, parse_i64};
