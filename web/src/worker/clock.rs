//! The browser's clocks as the node's time.

use std::cell::Cell;

use redstart::base::time::{Monotonic, Time};

use super::scope;

/// How far the precise clock may be off before it is set again.
const DRIFT_MS_MAX: f64 = 20.0;

/// Reads both clocks.
///
/// `Date.now` counts whole milliseconds. The performance counter is finer but stands still while
/// the machine sleeps; so the calendar time is the counter plus an offset that is set anew
/// whenever the two disagree.
pub(super) struct Clock {
    performance: Option<web_sys::Performance>,
    offset_ms: Cell<f64>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { performance: scope().performance(), offset_ms: Cell::new(0.0) }
    }

    pub(super) fn now(&self) -> Time {
        let counter_ms = self.performance.as_ref().map_or(0.0, web_sys::Performance::now);
        let date_ms = js_sys::Date::now();
        if (counter_ms + self.offset_ms.get() - date_ms).abs() > DRIFT_MS_MAX {
            self.offset_ms.set(date_ms - counter_ms);
        }
        let unix_ms = counter_ms + self.offset_ms.get();
        Time {
            unix_us: (unix_ms * 1000.0) as i64,
            mono: Monotonic((counter_ms.max(0.0) * 1000.0) as u64),
        }
    }
}
