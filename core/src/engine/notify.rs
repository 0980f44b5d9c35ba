//! Keyspace notifications: what happens to keys, published to whom it interests.

/// Classes of events, as `notify-keyspace-events` names them by letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `g`: commands for keys of any type.
    Generic,
    /// `$`: strings.
    String,
    /// `l`: lists.
    List,
    /// `x`: a key has expired.
    Expired,
    /// `n`: a key was created.
    New,
}
