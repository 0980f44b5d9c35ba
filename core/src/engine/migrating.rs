//! MIGRATE: keys on their way to another server.
//!
//! Connections to others need a host with sockets. An engine that is built without the feature
//! `links`, as the page's is, has the command and no way to anybody, whatever is asked.

#[cfg(feature = "links")]
mod links;
#[cfg(feature = "links")]
mod request;
#[cfg(feature = "links")]
mod transfer;
#[cfg(not(feature = "links"))]
mod unlinked;

#[cfg(feature = "links")]
pub use links::Links;
#[cfg(not(feature = "links"))]
pub use unlinked::Links;

use crate::base::Error;

/// The reply where there is no way to the other server.
const CANNOT_CONNECT: Error = Error::text("IOERR error or timeout connecting to the client");
