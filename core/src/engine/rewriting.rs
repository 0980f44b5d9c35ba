//! CONFIG REWRITE: the settings of now into the file that they came from.
//!
//! Only a host that was started with a configuration file names one. An engine that is built without
//! the feature `config-file`, as the page's is, has none, and no words for it.

#[cfg(feature = "config-file")]
mod file;
#[cfg(not(feature = "config-file"))]
mod fileless;

#[cfg(feature = "config-file")]
pub use file::Rewriting;
#[cfg(not(feature = "config-file"))]
pub use fileless::Rewriting;

use crate::base::Error;

/// The reply where there is no file.
const NO_FILE: Error = Error::text("ERR The server is running without a config file");
