//! Time: what has happened in a sandbox step by step, what each step has changed, and its clock.
//!
//! - [`steps`]: the recording as commands; [`moment`]: the data at a step, and what two moments
//!   differ in

pub mod moment;
pub mod steps;
pub(crate) mod view;
