//! Where an engine's time comes from.

use std::cell::Cell;

use js_sys::Function;
use redstart::base::time::{Monotonic, Time};
use wasm_bindgen::prelude::*;

use crate::world;

/// Where monotonic time begins: not at zero, so that subtracting from it is harmless.
const START_US: u64 = 1_000_000;

/// An engine's time.
pub(crate) struct Clock {
    source: Source,
    last: Cell<Time>,
}

enum Source {
    /// The computer's clocks.
    System,
    /// A clock that stands still until it is moved on.
    Still,
    /// A function that tells milliseconds since 1970.
    Function(Function),
}

impl Clock {
    /// The clock that the option `clock` asks for: a number stands still, a function is asked, and
    /// without either it is the computer's.
    pub(crate) fn new(wanted: &JsValue) -> Result<Self, JsError> {
        let (source, unix_ms) = if wanted.is_undefined() || wanted.is_null() {
            (Source::System, js_sys::Date::now())
        } else if let Some(ms) = wanted.as_f64() {
            (Source::Still, ms)
        } else if let Some(function) = wanted.dyn_ref::<Function>() {
            (Source::Function(function.clone()), ask(function))
        } else {
            return Err(JsError::new("clock is a number of milliseconds, or a function"));
        };
        let last = Time { unix_us: (unix_ms * 1000.0) as i64, mono: Monotonic(START_US) };
        Ok(Self { source, last: Cell::new(last) })
    }

    /// The time now.
    pub(crate) fn now(&self) -> Time {
        let last = self.last.get();
        let now = match &self.source {
            Source::Still => last,
            Source::System => Time {
                unix_us: (js_sys::Date::now() * 1000.0) as i64,
                mono: Monotonic(START_US + (world::monotonic_ms() * 1000.0) as u64),
            },
            Source::Function(function) => {
                let unix_us = (ask(function) * 1000.0) as i64;
                let passed_us = u64::try_from(unix_us.saturating_sub(last.unix_us)).unwrap_or(0);
                Time { unix_us, mono: last.mono + passed_us }
            }
        };
        let now = Time { mono: now.mono.max(last.mono), ..now };
        self.last.set(now);
        now
    }

    /// Whether it moves only when it is told to.
    pub(crate) fn is_still(&self) -> bool {
        matches!(self.source, Source::Still)
    }

    /// Moves a clock that stands still.
    pub(crate) fn advance_us(&self, us: u64) {
        self.last.set(self.last.get().plus_us(us));
    }
}

fn ask(function: &Function) -> f64 {
    function.call0(&JsValue::UNDEFINED).ok().and_then(|ms| ms.as_f64()).unwrap_or_default()
}
