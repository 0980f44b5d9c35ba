//! `redis.conf` and the command line.
//!
//! The text is what a host read; the engine opens no file. An `include` line asks the host for
//! another text. Arguments such as `--port 6380` become lines of the same form and are read after
//! the file, so that they win.

use std::borrow::Cow;
use std::fmt;

use super::{Config, Kind, REDIS_VERSION, Value, table};
use crate::resp::words;

/// Files that may include each other, one inside the other.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Words that older versions knew and that are passed over, as in Redis.
const FORGOTTEN: [&str; 4] = [
    "io-threads-do-reads",
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// Parameters of Valkey 9 that mean nothing here. They are passed over, and told of.
const OF_VALKEY: [&str; 30] = [
    "active-defrag-cycle-us",
    "availability-zone",
    "cluster-announce-client-ipv4",
    "cluster-announce-client-ipv6",
    "cluster-announce-client-port",
    "cluster-announce-client-tls-port",
    "cluster-blacklist-ttl",
    "cluster-config-save-behavior",
    "cluster-databases",
    "cluster-manual-failover-timeout",
    "cluster-slot-migration-log-max-len",
    "cluster-slot-stats-enabled",
    "commandlog-large-reply-max-len",
    "commandlog-large-request-max-len",
    "commandlog-reply-larger-than",
    "commandlog-request-larger-than",
    "dual-channel-replication-enabled",
    "extended-redis-compatibility",
    "hash-seed",
    "log-format",
    "log-timestamp-format",
    "mptcp",
    "prefetch-batch-max-size",
    "rdma-bind",
    "rdma-completion-vector",
    "rdma-port",
    "rdma-rx-size",
    "repl-mptcp",
    "tls-auto-reload-interval",
    "unixsocketgroup",
];

/// What Valkey calls otherwise.
const RENAMED: [(&str, &str); 4] = [
    ("commandlog-execution-slower-than", "slowlog-log-slower-than"),
    ("commandlog-slow-execution-max-len", "slowlog-max-len"),
    ("primaryauth", "masterauth"),
    ("primaryuser", "masteruser"),
];

/// Directives that cannot be followed, and must not be passed over: somebody counts on them.
const REFUSED: [(&str, &str); 5] = [
    ("import-mode", "Nothing is imported from another server here"),
    ("loadmodule", "Modules cannot be loaded"),
    ("rename-command", "Commands cannot be renamed"),
    ("tls-auth-clients-user", "There is no TLS"),
    ("user", "There are no users but the default one, who may do everything"),
];

/// What the default user may do, in other words too; all of it must be said.
const EVERYTHING: [&[&str]; 5] =
    [&["on"], &["nopass"], &["~*", "allkeys"], &["&*", "allchannels"], &["+@all", "allcommands"]];

/// Whether a line says what holds anyway, as CONFIG REWRITE of Redis writes it: the default user needs no
/// password (but that of `requirepass`) and may do everything.
pub(super) fn is_default_user(words: &[Vec<u8>]) -> bool {
    let [directive, name, rules @ ..] = words else { return false };
    let is_one_of = |rule: &[u8], words: &[&str]| words.iter().any(|word| rule == word.as_bytes());
    let sanitizes = ["sanitize-payload", "skip-sanitize-payload"];
    directive.eq_ignore_ascii_case(b"user")
        && name == b"default"
        && EVERYTHING.iter().all(|words| rules.iter().any(|rule| is_one_of(rule, words)))
        && rules.iter().all(|rule| {
            is_one_of(rule, &sanitizes) || EVERYTHING.iter().any(|words| is_one_of(rule, words))
        })
}

/// The texts of the files that an `include` line names.
type Include<'a> = dyn FnMut(&str) -> Result<Vec<Vec<u8>>, String> + 'a;

/// A line that is not understood. Shown as redis-server shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Its number, from 1.
    pub line: usize,
    /// The line, without white space around it.
    pub text: String,
    /// What is wrong with it.
    pub message: Cow<'static, str>,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***\n\
             Reading the configuration file, at line {}\n>>> '{}'\n{}",
            self.line, self.text, self.message
        )
    }
}

impl std::error::Error for FileError {}

impl Config {
    /// Reads the lines of a configuration file. `include` is asked for the texts of the files that an
    /// `include` line names; its error ends the reading. Lines before the wrong one have had their
    /// effect.
    pub fn read_file(&mut self, text: &[u8], include: &mut Include<'_>) -> Result<(), FileError> {
        let mut reader = Reader { config: self, include, saw_save: false };
        reader.read(text, 0)
    }
}

struct Reader<'a> {
    config: &'a mut Config,
    include: &'a mut Include<'a>,
    /// The first `save` line takes the place of the default, the following ones add to it.
    saw_save: bool,
}

impl Reader<'_> {
    fn read(&mut self, text: &[u8], depth: usize) -> Result<(), FileError> {
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            self.read_line(line, depth).map_err(|fault| match fault {
                Fault::Here(message) => FileError {
                    line: index + 1,
                    text: String::from_utf8_lossy(line).into_owned(),
                    message,
                },
                Fault::Inside(error) => error,
            })?;
        }
        Ok(())
    }

    fn read_line(&mut self, line: &[u8], depth: usize) -> Result<(), Fault> {
        let words =
            words::split(line).map_err(|_| here("Unbalanced quotes in configuration line"))?;
        let Some((name, values)) = words.split_first() else { return Ok(()) };
        if name.eq_ignore_ascii_case(b"include") {
            return match values {
                [path] => self.read_included(path, depth),
                _ => Err(here("Bad directive or wrong number of arguments")),
            };
        }
        let is = |word: &&str| name.eq_ignore_ascii_case(word.as_bytes());
        if FORGOTTEN.iter().any(is) {
            return Ok(());
        }
        if let Some(word) = OF_VALKEY.iter().find(|word| is(word)) {
            self.config.passed_over.push((*word).to_owned());
            return Ok(());
        }
        if let Some((_, why)) = REFUSED.iter().find(|(word, _)| is(word))
            && !is_default_user(&words)
        {
            return Err(here(why));
        }
        if is_default_user(&words) {
            return Ok(());
        }
        let renamed = RENAMED.iter().find(|(theirs, _)| is(theirs));
        let Some((param, _)) = table::find(renamed.map_or(name, |(_, ours)| ours.as_bytes()))
        else {
            return Err(here("Bad directive or wrong number of arguments"));
        };
        // As in Redis, `save` alone is `save ""`.
        if values.is_empty() && !matches!(param.kind, Kind::Save) {
            return Err(here("wrong number of arguments"));
        }
        let old = self.config.value(param);
        // Several values may come in one pair of quotes: `save "3600 1"`.
        let split = match values {
            [one] if param.kind.is_list() && one.contains(&b' ') => words::split(one).ok(),
            _ => None,
        };
        let values = split.as_deref().unwrap_or(values);
        let mut value = param.kind.read_words(&old, values).map_err(Fault::Here)?;
        if let (Kind::Save, Value::Save(points)) = (param.kind, &mut value) {
            if let (true, Value::Save(mut all), false) = (self.saw_save, old, points.is_empty()) {
                all.append(points);
                *points = all;
            }
            self.saw_save = true;
        }
        self.config.store(param, value).map_err(Fault::Here)
    }

    fn read_included(&mut self, path: &[u8], depth: usize) -> Result<(), Fault> {
        if depth >= INCLUDE_DEPTH_MAX {
            return Err(here("Files include each other too deeply"));
        }
        let path = String::from_utf8_lossy(path);
        let texts = (self.include)(&path).map_err(|error| Fault::Here(error.into()))?;
        let mut texts = texts.iter();
        texts.try_for_each(|text| self.read(text, depth + 1)).map_err(Fault::Inside)
    }
}

/// What is wrong: with this line, or with one of a file it includes.
enum Fault {
    Here(Cow<'static, str>),
    Inside(FileError),
}

fn here(message: &'static str) -> Fault {
    Fault::Here(Cow::Borrowed(message))
}

/// The configuration lines that command-line arguments stand for: `--name` begins a line, what
/// follows it are its values. `--name value` in one argument is a whole line, and `--save` without
/// a value means no save points.
///
/// A host puts them behind the text of the file, on lines of their own, and reads both as one.
pub fn lines_of_arguments(args: &[String]) -> String {
    let mut lines = String::new();
    // Behind a bare `--name`, the next argument is a value, even if it begins with `--`.
    let mut wants_value = false;
    for (index, arg) in args.iter().enumerate() {
        let Some(option) = arg.strip_prefix("--").filter(|_| !wants_value) else {
            lines.push_str(&String::from_utf8_lossy(&words::quote(arg.as_bytes())));
            lines.push(' ');
            wants_value = false;
            continue;
        };
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(option);
        lines.push(' ');
        wants_value = words::split(arg.as_bytes()).is_ok_and(|words| words.len() == 1);
        let is_bare_save = wants_value && option.trim().eq_ignore_ascii_case("save");
        if is_bare_save && args.get(index + 1).is_none_or(|next| next.starts_with("--")) {
            lines.push_str("\"\"");
            wants_value = false;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let mut config = Config::default();
        let mut include = |path: &str| match path {
            "more.conf" => Ok(vec![b"hz 20\nclient-query-buffer-limit 2mb".to_vec()]),
            "self.conf" => Ok(vec![b"include self.conf".to_vec()]),
            "*.conf" => Ok(vec![b"hz 30\n".to_vec(), b"hz 40".to_vec()]),
            _ => Err("no such file".to_owned()),
        };
        let result = config.read_file(text.as_bytes(), &mut include);
        result.map(|()| config).map_err(|error| error.to_string())
    }

    fn check_error(text: &str, line: usize, shown: &str, message: &str) {
        let expect = format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.6) ***\n\
             Reading the configuration file, at line {line}\n>>> '{shown}'\n{message}"
        );
        assert_eq!(read(text).map(|_| ()), Err(expect), "{text}");
    }

    #[test]
    fn files_of_other_servers_are_read() {
        let text = "commandlog-execution-slower-than 7\ncommandlog-slow-execution-max-len 8\n\
            dual-channel-replication-enabled no\nAvailability-Zone \"\"\n\
            user default on nopass sanitize-payload ~* &* +@all\n";
        let config = read(text).unwrap();
        assert_eq!((config.slowlog_log_slower_than, config.slowlog_max_len), (7, 8));
        let passed_over = ["dual-channel-replication-enabled", "availability-zone"];
        assert_eq!(config.passed_over, passed_over);
        for (line, why) in [
            ("rename-command FLUSHALL \"\"", "Commands cannot be renamed"),
            ("loadmodule /x.so", "Modules cannot be loaded"),
            ("user alice on nopass ~* &* +@all", REFUSED[4].1),
            ("user default on nopass ~* &*", REFUSED[4].1),
            ("user default on nopass ~* &* +@all -flushall", REFUSED[4].1),
            ("user default on #12ab ~* &* +@all", REFUSED[4].1),
        ] {
            check_error(line, 1, line, why);
        }
        let param = |name: &str| table::find(name.as_bytes());
        assert!(OF_VALKEY.iter().all(|name| param(name).is_none()));
        assert!(
            RENAMED.iter().all(|(theirs, ours)| param(theirs).is_none() && param(ours).is_some())
        );
    }

    #[test]
    fn files_are_read() {
        let config = read(
            "# a comment\n\n port 7000\r\nsave 10 1\nsave 20 2 30 3\ninclude more.conf\n\
             client-output-buffer-limit replica 1 2 3\nbind 127.0.0.1 ::1\nrequirepass \"a b\"\n",
        );
        let config = config.unwrap();
        assert_eq!((config.port, config.hz, config.client_query_buffer_limit), (7000, 20, 2 << 20));
        assert_eq!(config.save.len(), 3);
        assert_eq!(config.bind, ["127.0.0.1", "::1"]);
        assert_eq!(config.requirepass, b"a b");
        assert_eq!(config.client_output_buffer_limit[1].soft, 2);
        assert!(read("save 1 1\nsave \"\"").unwrap().save.is_empty());
        assert!(read("save 1 1\nsave ").unwrap().save.is_empty());
        assert_eq!(read("save \"1 1 2 2\"").unwrap().save.len(), 2);
        assert_eq!(read("include *.conf").unwrap().hz, 40);
        assert_eq!(read("bind \"127.0.0.1 ::1\"").unwrap().bind.len(), 2);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let integer = "argument couldn't be parsed into an integer";
        check_error("port 1\nhz zz\n", 2, "hz zz", integer);
        check_error("hz 1 2", 1, "hz 1 2", "wrong number of arguments");
        check_error("hz", 1, "hz", "wrong number of arguments");
        check_error("hz \"1", 1, "hz \"1", "Unbalanced quotes in configuration line");
        check_error("hz=5", 1, "hz=5", "Bad directive or wrong number of arguments");
        check_error("save 1", 1, "save 1", "Invalid save parameters");
        check_error("include nowhere", 1, "include nowhere", "no such file");
        let deep = "Files include each other too deeply";
        check_error("include self.conf", 1, "include self.conf", deep);
    }

    #[test]
    fn arguments_become_lines() {
        let lines = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            lines_of_arguments(&args)
        };
        assert_eq!(lines(&["--port", "1", "--hz", "2"]), "port \"1\" \nhz \"2\" ");
        assert_eq!(lines(&["--save", "--port", "1"]), "save \"\"\nport \"1\" ");
        assert_eq!(lines(&["--save"]), "save \"\"");
        assert_eq!(lines(&["--port 1", "--hz 2"]), "port 1 \nhz 2 ");
        assert_eq!(lines(&["--requirepass", "--secret"]), "requirepass \"--secret\" ");
        assert_eq!(lines(&["--bind", "a", "b"]), "bind \"a\" \"b\" ");
    }
}
