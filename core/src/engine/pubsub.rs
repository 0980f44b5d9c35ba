//! Publish and subscribe.

/// Who is subscribed to what.
#[derive(Debug, Default)]
pub struct Pubsub {}
