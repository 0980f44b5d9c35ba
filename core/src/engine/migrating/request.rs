//! The words of MIGRATE.

use crate::base::{Error, num};
use crate::engine::Args;

/// How long nothing may move where the client names no time, in milliseconds.
const TIMEOUT_MS: u64 = 1000;

/// What MIGRATE was asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Request<'a> {
    /// A name or an address.
    pub(super) host: &'a [u8],
    /// The port, as it was written.
    pub(super) port: &'a [u8],
    /// The database there.
    pub(super) db: i64,
    /// How long nothing may move.
    pub(super) timeout_ms: u64,
    /// The keys stay here too.
    pub(super) copy: bool,
    /// Keys that are there are replaced.
    pub(super) replace: bool,
    /// As whom to authenticate there, if not as the default user.
    pub(super) username: Option<&'a [u8]>,
    /// What to authenticate with, if at all.
    pub(super) password: Option<&'a [u8]>,
    /// The keys.
    pub(super) keys: Vec<&'a [u8]>,
}

impl<'a> Request<'a> {
    /// Reads the arguments. The port is not looked at before there is something to move.
    pub(super) fn parse(mut args: Args<'a>) -> Result<Self, Error> {
        let (host, port, key) = (args.take()?, args.take()?, args.take()?);
        let (db, timeout) = (args.take()?, args.take()?);
        let mut request = Self { host, port, keys: vec![key], ..Self::default() };
        while !args.is_empty() {
            if args.eat("COPY") {
                request.copy = true;
            } else if args.eat("REPLACE") {
                request.replace = true;
            } else if args.eat("AUTH") {
                request.password = Some(args.take()?);
            } else if args.eat("AUTH2") {
                (request.username, request.password) = (Some(args.take()?), Some(args.take()?));
            } else if args.eat("KEYS") {
                if !key.is_empty() {
                    return Err(Error::text(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty \
                         string",
                    ));
                }
                request.keys = args.rest().iter().collect();
                break;
            } else {
                return Err(Error::Syntax);
            }
        }
        let timeout_ms = num::parse_i64(timeout).ok_or(Error::NotInteger)?;
        request.db = num::parse_i64(db).ok_or(Error::NotInteger)?;
        request.timeout_ms =
            u64::try_from(timeout_ms).ok().filter(|&ms| ms > 0).unwrap_or(TIMEOUT_MS);
        Ok(request)
    }
}
