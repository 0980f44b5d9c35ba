//! Numbers as Redis reads and prints them.
//!
//! `integer` has 64-bit integers, read strictly; `double` reads doubles as C's `strtod` does and
//! prints them short; `extended` computes in the precision of INCRBYFLOAT. Under them, `scan` takes
//! the text of a floating-point number apart, `grisu` finds the digits of a double, `decimal`
//! goes between decimal and binary exactly, and `big` has the integers that do not fit a machine word.

mod big;
mod decimal;
mod double;
mod extended;
mod grisu;
mod integer;
mod scan;

pub use decimal::{format_fixed, format_g17};
pub use double::{DoubleText, format_beyond, format_f64, parse_decimal, parse_f64};
pub use extended::Extended;
pub use integer::{Digits, parse_i64, parse_memory, parse_u64};
