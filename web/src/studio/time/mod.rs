//! Time: what has happened in a sandbox step by step, what each step has changed, and its clock.
//!
//! - [`steps`]: the recording as commands; [`moment`]: the data at a step, and what two moments
//!   differ in
//! - `own`: the same of the person's own data, which nothing records; `shared`: sessions of others
//! - `carry`: the data of a step as commands, for another store or to go back to it

mod carry;
pub mod moment;
pub mod own;
mod shared;
pub mod steps;
pub(crate) mod view;
