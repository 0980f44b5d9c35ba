//! The browser's clocks as the node's time.

use std::cell::Cell;

use redstart::base::time::{Monotonic, Time};
use wasm_bindgen::prelude::*;

/// How far the precise clock may be off before it is set again.
const DRIFT_MS_MAX: f64 = 20.0;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn counter_ms() -> f64;
}

/// The stopwatch that the node is lent. Browsers count no finer than some microseconds, so that
/// most commands seem to take no time at all.
pub(super) fn stopwatch_ns() -> u64 {
    (counter_ms() * 1e6) as u64
}

/// Reads both clocks.
///
/// `Date.now` counts whole milliseconds. The performance counter is finer but stands still while
/// the machine sleeps; so the calendar time is the counter plus an offset that is set anew
/// whenever the two disagree.
pub(super) struct Clock {
    offset_ms: Cell<f64>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { offset_ms: Cell::new(0.0) }
    }

    pub(super) fn now(&self) -> Time {
        let counter_ms = counter_ms();
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
