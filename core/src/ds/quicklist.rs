//! A list of byte strings.

use std::collections::VecDeque;

/// A list of byte strings.
#[derive(Clone, Debug, Default)]
pub struct QuickList(pub VecDeque<Vec<u8>>);
