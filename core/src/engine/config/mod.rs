//! The settings: what `redis.conf`, the command line and CONFIG may say.
//!
//! Each parameter is declared once, in [`table`]: its names, what it may be, its default, whether
//! it can change while the server runs. A parameter that has an effect is bound to a field of
//! [`Settings`], which the rest of the engine reads as plain data. A parameter without a field is
//! accepted, checked, kept and shown like any other, because programs set it, and has no effect.

#[cfg(feature = "config-file")]
mod file;
mod kind;
mod names;
mod params;
#[cfg(feature = "config-file")]
mod rewrite;
mod settings;
pub mod table;

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

#[cfg(feature = "config-file")]
pub use file::{FileError, lines_of_arguments};
pub use kind::{Kind, Value};
pub use params::PARAMS;
pub use settings::{
    Appendfsync, Local, LogLevel, MaxmemoryPolicy, OutputLimit, SavePoint, Settings, VersionCheck,
};
pub use table::{Param, Trait};

use crate::base::Error;
use crate::resp::words;

/// The version of Redis whose behaviour this engine has.
pub const REDIS_VERSION: &str = "8.0.6";

/// A node's settings.
#[derive(Clone, Debug)]
pub struct Config {
    settings: Settings,
    /// Values of parameters without a field, by place in [`PARAMS`]; `None` while it is the default.
    stored: Vec<Option<Value>>,
    /// The configuration file the server was started with, as the host names it to persons. Its disk
    /// takes this name, too, for CONFIG REWRITE.
    pub file: Option<String>,
    /// Settings of a configuration file that mean something to another server only.
    #[cfg(feature = "config-file")]
    pub passed_over: Vec<String>,
    /// The most clients that the host can serve, if there is a limit.
    pub clients_max: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        let mut config = Self {
            settings: Settings::default(),
            stored: vec![None; PARAMS.len()],
            file: None,
            #[cfg(feature = "config-file")]
            passed_over: Vec::new(),
            clients_max: None,
        };
        for param in PARAMS {
            if let Some(field) = &param.field {
                (field.set)(&mut config.settings, &param.default_value());
            }
        }
        config
    }
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

/// The reply of CONFIG SET that the parameter `name` cannot be set.
pub fn refusal(name: &[u8], reason: &str) -> Error {
    let text = "ERR CONFIG SET failed (possibly related to argument '";
    Error::showing(text, name, &format!("') - {reason}"))
}

impl DerefMut for Config {
    fn deref_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl Config {
    /// The value of `param`.
    pub fn value(&self, param: &Param) -> Value {
        if let Some(field) = &param.field {
            return (field.get)(&self.settings);
        }
        let stored = self.stored.get(param.place()).cloned().flatten();
        stored.unwrap_or_else(|| param.default_value())
    }

    /// The value of `param` as CONFIG GET shows it.
    pub fn text(&self, param: &Param) -> Vec<u8> {
        param.kind.show(&self.value(param))
    }

    /// The value of the parameter `name` as CONFIG GET shows it, for hosts; nothing if there is none.
    pub fn text_named(&self, name: &str) -> String {
        let text = table::find(name.as_bytes()).map(|(param, _)| self.text(param));
        String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()
    }

    /// Gives `param` the value that `text` is, as CONFIG SET does: lists are one text. On an error
    /// nothing has changed.
    pub fn set(&mut self, param: &'static Param, text: &[u8]) -> Result<(), Cow<'static, str>> {
        let value = param.kind.read(&self.value(param), text)?;
        self.store(param, value)
    }

    /// Gives the parameter `name` the value that `text` is, for hosts and tests. The error is
    /// Redis's text, or says that there is no such parameter.
    pub fn set_named(&mut self, name: &str, text: &str) -> Result<(), Cow<'static, str>> {
        let (param, _) = table::find(name.as_bytes()).ok_or("no such parameter")?;
        self.set(param, text.as_bytes())
    }

    /// The lines of a configuration file that make `base` what this is now, as far as CONFIG SET can:
    /// for a host that keeps the settings. Secrets are left out.
    pub fn lines_beyond(&self, base: &Self) -> Vec<u8> {
        let mut lines = Vec::new();
        let is_kept =
            |param: &&Param| !param.is_immutable() && param.nature != Some(Trait::Sensitive);
        for param in PARAMS.iter().filter(is_kept) {
            let text = self.text(param);
            if text != base.text(param) {
                lines.extend_from_slice(param.name.as_bytes());
                lines.push(b' ');
                lines.extend_from_slice(&words::quote(&text));
                lines.push(b'\n');
            }
        }
        lines
    }

    /// Takes such lines; what is not understood is passed over, as it may come from another version.
    pub fn take_lines(&mut self, lines: &[u8]) {
        for line in lines.split(|&byte| byte == b'\n') {
            let Ok(words) = words::split(line) else { continue };
            if let [name, text] = words.as_slice()
                && let Some((param, _)) = table::find(name)
            {
                // A value that this version refuses leaves the default.
                let _ = self.set(param, text);
            }
        }
    }

    /// Gives `param` a value of its kind, unless that does not go with the others.
    fn store(&mut self, param: &'static Param, value: Value) -> Result<(), Cow<'static, str>> {
        if let Value::Number(number) = value {
            self.fits(param.name, number)?;
        }
        if let Some(field) = &param.field {
            (field.set)(&mut self.settings, &value);
        } else if let Some(place) = self.stored.get_mut(param.place()) {
            *place = Some(value);
        }
        Ok(())
    }

    /// An error if the parameter `name` cannot be `number` as the others are.
    fn fits(&self, name: &str, number: i128) -> Result<(), Cow<'static, str>> {
        let (kmin, kmax) = (self.array_sparse_kmin.into(), self.array_sparse_kmax.into());
        match name {
            "array-slice-size" if number.count_ones() != 1 => {
                Err("array-slice-size must be a power of two".into())
            }
            "array-sparse-kmax" if number > 0 && number <= kmin => {
                Err("array-sparse-kmax must be greater than array-sparse-kmin when non-zero".into())
            }
            "array-sparse-kmin" if kmax > 0 && number >= kmax => {
                Err("array-sparse-kmin must be less than array-sparse-kmax".into())
            }
            "shutdown-on-sigint" | "shutdown-on-sigterm" if number & 3 == 3 => {
                Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into())
            }
            "maxclients" => match self.clients_max {
                Some(max) if number > max.into() => Err(format!(
                    "The operating system is not able to handle the specified number of clients, try \
                     with {max}"
                )
                .into()),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_come_back_as_declared() {
        let config = Config::default();
        for param in PARAMS {
            let shown = String::from_utf8(config.text(param)).unwrap();
            assert_eq!(shown, param.default, "{}", param.name);
            let value = param.kind.read(&param.default_value(), param.default.as_bytes());
            assert_eq!(value, Ok(param.default_value()), "{}", param.name);
        }
    }

    #[test]
    fn parameters_are_in_order_and_named_once() {
        let names: Vec<&str> = PARAMS.iter().map(|param| param.name).collect();
        assert!(names.is_sorted(), "keep the table in alphabetical order");
        for param in PARAMS {
            for name in [Some(param.name), param.alias].into_iter().flatten() {
                let found = table::find(name.as_bytes()).map(|(found, _)| found.name);
                assert_eq!(found, Some(param.name), "{name}");
            }
        }
    }

    #[test]
    fn what_was_set_is_kept_in_lines() {
        let (base, mut config) = (Config::default(), Config::default());
        assert_eq!(config.lines_beyond(&base), b"");
        let changes = [
            ("appendonly", "yes"),
            ("client-output-buffer-limit", "normal 1 2 3"),
            ("maxmemory", "100mb"),
            ("notify-keyspace-events", "KEA"),
            ("requirepass", "secret"),
            ("save", "3600 1 300 100"),
        ];
        for (name, value) in changes {
            config.set_named(name, value).unwrap();
        }
        let lines = config.lines_beyond(&base);
        let mut again = Config::default();
        again.take_lines(&[b"nonsense \"\nmaxmemory x\n".as_slice(), &lines].concat());
        assert_eq!(again.requirepass, b"");
        again.requirepass = b"secret".to_vec();
        assert_eq!(again.lines_beyond(&config), b"");
        assert_eq!(config.lines_beyond(&again), b"");
        assert_eq!(again.maxmemory, 100 << 20);
    }

    #[test]
    fn a_field_and_its_parameter_are_one() {
        let mut config = Config::default();
        assert_eq!(config.databases, 16);
        let name = "client-query-buffer-limit";
        config.set_named("Client-Query-Buffer-Limit", "100mb").unwrap();
        assert_eq!(config.client_query_buffer_limit, 100 << 20);
        config.client_query_buffer_limit = 5;
        assert_eq!(config.text(table::find(name.as_bytes()).unwrap().0), b"5");
        assert!(config.set_named(name, "5x").is_err());
    }
}
