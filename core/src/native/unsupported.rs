//! Settings that are known and cannot be honoured.
//!
//! Whoever starts this server with the configuration of another is told which settings have no effect.
//! Where it would be dangerous to go on without it, as other servers or clients count on it, the server
//! does not start.

use crate::engine::Config;
use crate::engine::config::{PARAMS, Param};

/// What the server must not go on without, and why it has it not.
const NEEDED: [(&str, &str); 4] = [
    ("aclfile", "there are no users but the default one, who may do everything"),
    ("cluster-enabled", "it cannot be part of a cluster"),
    ("replicaof", "it cannot be a replica"),
    ("tls-port", "it has no TLS"),
];

/// Settings that the host itself honours.
const OF_HOST: [&str; 7] = [
    "playground",
    "playground-bind",
    "playground-dir",
    "playground-port",
    "shutdown-on-sigint",
    "shutdown-on-sigterm",
    "supervised",
];

/// An error if a setting is one that the server must not go on without.
pub fn refuse(config: &Config) -> Result<(), String> {
    let wanted = NEEDED.iter().find_map(|(name, why)| {
        let param = PARAMS.iter().find(|param| param.name == *name)?;
        is_set(config, param).then_some((param, why))
    });
    match wanted {
        None => Ok(()),
        Some((param, why)) => {
            let value = config.text_named(param.name);
            Err(format!("Can't start with '{} {value}': {why}.", param.name))
        }
    }
}

/// A line for the log for each setting that differs from its default and has no effect.
pub fn warnings(config: &Config) -> impl Iterator<Item = String> {
    let is_idle = |param: &&Param| !param.has_effect() && !OF_HOST.contains(&param.name);
    let idle = PARAMS.iter().filter(is_idle).filter(|param| is_set(config, param));
    let own = idle.map(|param| param.name);
    let names = own.chain(config.passed_over.iter().map(String::as_str));
    names.map(|name| format!("WARNING The setting '{name}' has no effect in this server."))
}

fn is_set(config: &Config, param: &Param) -> bool {
    let text = config.text(param);
    let is_nobody = param.name == "replicaof" && text.eq_ignore_ascii_case(b"no one");
    text != param.default.as_bytes() && !is_nobody
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_missed_is_told() {
        let mut config = Config::default();
        assert_eq!(warnings(&config).count(), 0);
        assert_eq!(refuse(&config), Ok(()));
        let text = "io-threads 4\ntimeout 5\nsupervised systemd\nlua-time-limit 5000\n\
            replicaof no one\ntls-cert-file x\ndual-channel-replication-enabled no\nplayground yes\n";
        config.read_file(text.as_bytes(), &mut |_| Ok(Vec::new())).unwrap();
        let told: Vec<String> = warnings(&config).collect();
        let idle = ["io-threads", "tls-cert-file", "dual-channel-replication-enabled"];
        let expect =
            idle.map(|name| format!("WARNING The setting '{name}' has no effect in this server."));
        assert_eq!(told, expect);
        for (line, why) in [
            ("replicaof 10.0.0.1 6379", "it cannot be a replica"),
            ("cluster-enabled yes", "it cannot be part of a cluster"),
            ("tls-port 6380", "it has no TLS"),
        ] {
            let mut config = Config::default();
            config.read_file(line.as_bytes(), &mut |_| Ok(Vec::new())).unwrap();
            assert_eq!(refuse(&config), Err(format!("Can't start with '{line}': {why}.")));
        }
    }
}
