//! Names that parameters take: of files, hosts, nodes, locales. Each refusal is in the words that CONFIG SET
//! replies with.

use super::kind::Kind::{self, Checked, Text};

/// The append-only files' names. Where there is no configuration file, nobody can give others.
pub(super) const APPEND_FILE_NAME: Kind =
    if cfg!(feature = "config-file") { Checked(is_append_file_name) } else { Text };
/// Their folder's name, likewise.
pub(super) const APPEND_DIR_NAME: Kind =
    if cfg!(feature = "config-file") { Checked(is_append_dir_name) } else { Text };

fn is_append_file_name(name: &[u8]) -> Result<(), &'static str> {
    match name {
        b"" => Err("appendfilename can't be empty"),
        _ if name.contains(&b'/') => Err("appendfilename can't be a path, just a filename"),
        _ => Ok(()),
    }
}

fn is_append_dir_name(name: &[u8]) -> Result<(), &'static str> {
    match name {
        b"" => Err("appenddirname can't be empty"),
        _ if name.contains(&b'/') => Err("appenddirname can't be a path, just a dirname"),
        _ => Ok(()),
    }
}

/// Whether a snapshot may be called so.
pub(super) fn is_file_name(name: &[u8]) -> Result<(), &'static str> {
    if name.contains(&b'/') { Err("dbfilename can't be a path, just a filename") } else { Ok(()) }
}

/// Whether a host may be called so.
pub(super) fn is_hostname(name: &[u8]) -> Result<(), &'static str> {
    let is_fine = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if name.len() >= 256 {
        return Err("Hostnames must be less than 256 characters");
    }
    if name.iter().all(is_fine) {
        return Ok(());
    }
    Err("Hostnames may only contain alphanumeric characters, hyphens or dots")
}

/// Whether people may call a node so.
pub(super) fn is_node_name(name: &[u8]) -> Result<(), &'static str> {
    let is_fine = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if name.iter().all(is_fine) {
        return Ok(());
    }
    Err("Announced human node name contained invalid character")
}

/// Whether it is one of the few locales that every system has.
pub(super) fn is_locale(name: &[u8]) -> Result<(), &'static str> {
    if matches!(name, b"" | b"C" | b"POSIX") { Ok(()) } else { Err("Invalid locale name") }
}
