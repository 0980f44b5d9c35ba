//! The operating system's limit on open files, of which every client is one.
//!
//! Shells give a process few of them, often 1024, and let it ask for more, up to another limit. Here is
//! asked for what `maxclients` needs, at the start and whenever it is set; where that is refused,
//! `maxclients` is what is possible, as in Redis, and a log line says so.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::log::Log;
use crate::engine::Config;
use crate::node::Level;

/// Files that the server opens for itself, as Redis counts them.
const OWN: u64 = 32;

/// Makes room for the clients that `config` allows, or lets it allow fewer. The error is a line for
/// the log: there is no room for a single one.
pub fn provide(config: &mut Config, log: &mut Log) -> Result<(), String> {
    let wanted = config.maxclients + OWN;
    let before = getrlimit(Resource::Nofile);
    let refused = raise(wanted).err();
    let now = getrlimit(Resource::Nofile);
    config.clients_max = now.maximum.map(|files| files.saturating_sub(OWN));
    let (Some(before), Some(files)) = (before.current, now.current) else { return Ok(()) };
    if files >= wanted {
        if files > before {
            let text = format!(
                "Increased maximum number of open files to {files} (it was originally set to {before})."
            );
            log.write(Level::Notice, &text);
        }
        return Ok(());
    }
    if files <= OWN {
        return Err(format!(
            "Your current 'ulimit -n' of {files} is not enough for the server to start. Please increase \
             your open file limit to at least {wanted}. Exiting."
        ));
    }
    let asked = config.maxclients;
    config.maxclients = files - OWN;
    let why = refused.map_or_else(String::new, |error| format!(" because of OS error: {error}"));
    for text in [
        format!(
            "You requested maxclients of {asked} requiring at least {wanted} max file descriptors."
        ),
        format!("Server can't set maximum open files to {wanted}{why}."),
        format!(
            "Current maximum open files is {files}. maxclients has been reduced to {} to compensate for \
             low ulimit. If you need higher maxclients increase 'ulimit -n'.",
            config.maxclients
        ),
    ] {
        log.write(Level::Warning, &text);
    }
    Ok(())
}

/// Makes room for the clients of a `maxclients` that was set, which is not above
/// [`Config::clients_max`].
pub fn follow(maxclients: u64, log: &mut Log) {
    if let Err(error) = raise(maxclients + OWN) {
        log.write(Level::Warning, &format!("Can't open files for {maxclients} clients: {error}"));
    }
}

/// Raises the limit to `files`, or as far as it can be.
fn raise(files: u64) -> rustix::io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= files) {
        return Ok(());
    }
    let set = |current, maximum| setrlimit(Resource::Nofile, Rlimit { current, maximum });
    match limit.maximum {
        // Beyond the upper limit only the system's owner may go.
        Some(maximum) if maximum < files => set(Some(files), Some(files)).or_else(|refused| {
            set(Some(maximum), Some(maximum))?;
            Err(refused)
        }),
        maximum => set(Some(files), maximum),
    }
}
