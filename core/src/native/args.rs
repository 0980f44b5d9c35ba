//! The command line, as redis-server understands it: `[redis.conf | -] [--name value …]`.

use std::io::Read;
use std::path::Path;

use super::{check, explain, include};
use crate::engine::Config;
use crate::engine::config::lines_of_arguments;

/// What the command line asks for.
#[derive(Debug)]
pub enum Wish {
    /// To serve with these settings.
    Serve(Box<Config>),
    /// To print this and end.
    Print(String),
    /// To look at a file.
    Check(check::Wish),
}

const USAGE: &str = "\
Usage: redstart-server [/path/to/redis.conf] [options] [-]
       redstart-server - (read config from stdin)
       redstart-server -v or --version
       redstart-server -h or --help
       redstart-server --check-rdb FILE
       redstart-server --check-aof [--fix | --truncate-to-timestamp SECONDS] FILE

Options are the parameters of redis.conf, each behind two dashes:
       redstart-server (run the server with default settings)
       redstart-server /etc/redis/6379.conf
       redstart-server --port 7777
       redstart-server --playground yes (with a page for browsers on port 8080)
       redstart-server /etc/myredis.conf --loglevel verbose -";

/// The option that the program's name stands for: links to it can be called like Redis's tools.
pub fn option_of_name(name: &str) -> Option<&'static str> {
    let options = ["--check-rdb", "--check-aof"];
    options.into_iter().find(|option| name.ends_with(option.trim_start_matches('-')))
}

/// Understands the words behind the program's name. The error is what to print before ending.
pub fn parse(args: &[String]) -> Result<Wish, String> {
    let mut config = Config::default();
    let folder = std::env::current_dir()
        .map_err(|error| format!("Can't tell the current folder: {error}"))?;
    config.dir = folder.to_string_lossy().into_owned().into_bytes();
    match args {
        [only] if matches!(only.as_str(), "-v" | "--version") => {
            let version = env!("CARGO_PKG_VERSION");
            let bits = usize::BITS;
            return Ok(Wish::Print(format!("Redstart server v={version} bits={bits}")));
        }
        [only] if matches!(only.as_str(), "-h" | "--help") => {
            return Ok(Wish::Print(USAGE.into()));
        }
        [option, rest @ ..] if matches!(option.as_str(), "--check-rdb" | "--check-aof") => {
            let wish = check::parse(option == "--check-aof", rest);
            return wish.map(Wish::Check).ok_or_else(|| USAGE.to_owned());
        }
        _ => {}
    }
    let (file, options) = match args.split_first() {
        Some((first, rest)) if !first.starts_with('-') => (Some(first.as_str()), rest),
        _ => (None, args),
    };
    let (from_stdin, options) = match options {
        [first, rest @ ..] if first == "-" => (true, rest),
        [rest @ .., last] if last == "-" => (true, rest),
        _ => (false, options),
    };
    let mut text = Vec::new();
    if let Some(file) = file {
        let path = folder.join(file);
        let read = std::fs::read(&path).map_err(|error| {
            let why = explain(&error);
            format!("Fatal error, can't open config file '{}': {why}", path.display())
        });
        text = read?;
        config.file = Some(path.to_string_lossy().into_owned());
    }
    if from_stdin {
        text.push(b'\n');
        std::io::stdin()
            .read_to_end(&mut text)
            .map_err(|error| format!("Can't read the configuration from stdin: {error}"))?;
    }
    text.push(b'\n');
    text.extend_from_slice(lines_of_arguments(options).as_bytes());
    config
        .read_file(&text, &mut |path| include::read(&folder, path))
        .map_err(|error| error.to_string())?;
    if from_stdin && config.daemonize {
        return Err("A configuration from stdin can't be used in the background.".to_owned());
    }
    let dir = String::from_utf8_lossy(&config.dir).into_owned();
    if !Path::new(&dir).is_dir() {
        return Err(format!("Can't chdir to '{dir}': No such file or directory"));
    }
    // The node shows this, as Redis shows where it works, and compares it with folders it is moved to.
    let dir = folder.join(dir);
    let dir = dir.canonicalize().unwrap_or(dir);
    config.dir = dir.to_string_lossy().into_owned().into_bytes();
    Ok(Wish::Serve(Box::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(args: &[&str]) -> Result<Config, String> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        match parse(&args)? {
            Wish::Serve(config) => Ok(*config),
            Wish::Print(text) => Err(text),
            Wish::Check(wish) => Err(format!("{wish:?}")),
        }
    }

    #[test]
    fn options_are_read_as_lines() {
        let config = serve(&["--port", "7777", "--save", "", "--appendonly", "no"]).unwrap();
        assert_eq!(config.port, 7777);
        assert!(config.save.is_empty());
        assert!(serve(&["--version"]).unwrap_err().starts_with("Redstart server v="));
        assert!(serve(&["--port", "x"]).unwrap_err().contains("FATAL CONFIG FILE ERROR"));
        assert!(serve(&["--check-aof", "--fix", "a"]).unwrap_err().contains("Damage"));
        assert!(serve(&["--check-rdb"]).unwrap_err().contains("Usage"));
        assert_eq!(option_of_name("/usr/bin/redis-check-aof"), Some("--check-aof"));
        assert_eq!(option_of_name("redstart-server"), None);
        assert!(serve(&["no-such.conf"]).unwrap_err().contains("can't open config file"));
        assert!(serve(&["--dir", "no-such-folder"]).unwrap_err().contains("Can't chdir"));
    }
}
