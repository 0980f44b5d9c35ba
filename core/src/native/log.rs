//! The log, in Redis's format: `12345:M 14 Nov 2023 22:13:20.000 * text`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};

use super::{explain, in_folder};
use crate::base::time::Time;
use crate::engine::Config;
use crate::engine::config::LogLevel;
use crate::native::clock::Clock;
use crate::node::Level;

/// Where log lines go.
pub struct Log {
    file: Option<File>,
    /// The least that is written; `None` for nothing at all.
    least: Option<Level>,
    clock: Clock,
    pid: u32,
}

impl Log {
    /// The log that `config` asks for: a file, or standard output.
    pub fn open(config: &Config) -> Result<Self, String> {
        let file = if config.logfile.is_empty() {
            None
        } else {
            let path = in_folder(config, &config.logfile);
            let opened = OpenOptions::new().create(true).append(true).open(&path);
            let failed = |error| format!("Can't open the log file: {}", explain(&error));
            Some(opened.map_err(failed)?)
        };
        let mut log = Self { file, least: None, clock: Clock::new(), pid: std::process::id() };
        log.follow(config);
        Ok(log)
    }

    /// Writes what matters as much as `config` says from now on.
    pub fn follow(&mut self, config: &Config) {
        self.least = match config.loglevel {
            LogLevel::Debug => Some(Level::Debug),
            LogLevel::Verbose => Some(Level::Verbose),
            LogLevel::Notice => Some(Level::Notice),
            LogLevel::Warning => Some(Level::Warning),
            LogLevel::Nothing => None,
        };
    }

    /// Writes one line, if it matters enough. A log that cannot be written stops nothing.
    pub fn write(&mut self, level: Level, text: &str) {
        if self.least.is_none_or(|least| level < least) {
            return;
        }
        let mark = match level {
            Level::Debug => '.',
            Level::Verbose => '-',
            Level::Notice => '*',
            Level::Warning => '#',
        };
        let line = format!("{}:M {} {mark} {text}\n", self.pid, date(self.clock.now()));
        let _ = match &mut self.file {
            Some(file) => file.write_all(line.as_bytes()),
            None => io::stdout().write_all(line.as_bytes()),
        };
    }
}

/// Prints text that a person asked for.
pub fn print(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints why the server does not start.
pub fn print_error(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A point in time as the log shows it, in UTC.
fn date(time: Time) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = time.unix_s();
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    format!(
        "{day:02} {} {year} {:02}:{:02}:{:02}.{:03}",
        MONTHS[month - 1],
        second / 3600,
        second / 60 % 60,
        second % 60,
        time.unix_ms().rem_euclid(1000),
    )
}

/// Year, month (1 to 12) and day of a number of days since 1970-01-01, in the Gregorian calendar.
/// (Years are counted from March, so that the leap day comes last: H. Hinnant, "chrono-compatible
/// low-level date algorithms".)
fn civil(days: i64) -> (i64, usize, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month as usize, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Monotonic;

    #[test]
    fn dates() {
        let check = |unix_us, expect| {
            assert_eq!(date(Time { unix_us, mono: Monotonic(0) }), expect);
        };
        check(0, "01 Jan 1970 00:00:00.000");
        check(1_700_000_000_123_456, "14 Nov 2023 22:13:20.123");
        check(951_782_400_000_000, "29 Feb 2000 00:00:00.000");
        check(-1_000, "31 Dec 1969 23:59:59.999");
    }
}
