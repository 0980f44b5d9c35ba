//! What is going on: the commands of the panes and of the panel, the slow log, how long commands take,
//! what MONITOR tells, and how memory, commands a second and round trips change.

pub mod figures;
mod latency;
pub(crate) mod view;
