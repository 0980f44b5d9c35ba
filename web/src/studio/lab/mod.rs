//! The laboratory of eviction: sandboxes with a bound of memory, each with a policy of its own, under
//! the same requests.

pub(crate) mod view;
pub mod workload;
