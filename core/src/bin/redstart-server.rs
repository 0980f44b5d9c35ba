//! The server: `redstart-server [redis.conf] [--name value …]`.
fn main() {}
