//! Small charts of what changes with time: scales, and outlines for SVG.

use std::collections::VecDeque;

use yew::prelude::*;

/// Points that a series keeps.
pub const KEPT: usize = 150;

/// Numbers measured one after the other, the newest last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series(VecDeque<f64>);

impl Series {
    /// Adds a number; the oldest goes if there are too many.
    pub fn push(&mut self, value: f64) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(value);
    }

    /// The newest number.
    pub fn last(&self) -> Option<f64> {
        self.0.back().copied()
    }

    /// The largest number; 0 if there is none.
    pub fn max(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An outline in a drawing of this size whose upper edge stands for `top`. The newest number is at
    /// the right edge.
    pub fn outline(&self, width: f64, height: f64, top: f64) -> String {
        let step = width / (KEPT - 1) as f64;
        let first = width - step * self.0.len().saturating_sub(1) as f64;
        let mut path = String::new();
        for (index, value) in self.0.iter().enumerate() {
            let x = first + step * index as f64;
            let y = height - (value / top.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0) * height;
            path.push_str(&format!("{}{x:.1} {y:.1}", if index == 0 { "M" } else { "L" }));
        }
        path
    }
}

/// The least round number that is no less than `value`: 1, 2 or 5 times a power of ten.
pub fn round_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|&step| step >= value * 0.999_999).unwrap_or(10.0 * power)
}

/// The size of a drawing; the page scales it.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 70.0;

/// A chart with its name, its newest number and its scale. `text` writes a number.
pub fn chart(name: AttrValue, series: &Series, text: impl Fn(f64) -> String) -> Html {
    let top = round_up(series.max());
    let line = series.outline(WIDTH, HEIGHT, top);
    let first = WIDTH - WIDTH / (KEPT - 1) as f64 * series.len().saturating_sub(1) as f64;
    let area =
        if series.is_empty() { String::new() } else { format!("{line}V{HEIGHT}H{first:.1}z") };
    let now = series.last().map(&text).unwrap_or_default();
    html! {
        <figure class="chart">
            <figcaption><span>{ name.clone() }</span><strong>{ now.clone() }</strong></figcaption>
            <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img"
                aria-label={format!("{name}: {now}")}>
                <path class="grid" d={format!("M0 {}H{WIDTH}M0 {HEIGHT}H{WIDTH}", HEIGHT / 2.0)} />
                <path class="area" d={area} />
                <path class="line" d={line} />
            </svg>
            <span class="top">{ text(top) }</span>
        </figure>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_round() {
        let rounded = [0.0, 0.3, 1.0, 1.1, 49.0, 50.0, 51.0, 12_345.0].map(round_up);
        assert_eq!(rounded, [1.0, 0.5, 1.0, 2.0, 50.0, 50.0, 100.0, 20_000.0]);
        assert_eq!(round_up(f64::NAN), 1.0);
    }

    #[test]
    fn an_outline_ends_at_the_right_edge_and_stays_inside() {
        let mut series = Series::default();
        assert_eq!(series.outline(100.0, 50.0, 1.0), "");
        (0..KEPT * 2).for_each(|value| series.push(value as f64));
        assert_eq!((series.len(), series.max()), (KEPT, (KEPT * 2 - 1) as f64));
        let path = series.outline(100.0, 50.0, series.max());
        assert!(path.starts_with("M0.0 ") && path.ends_with("L100.0 0.0"), "{path}");
        assert!(series.outline(100.0, 50.0, 0.0).contains("0.0"));
    }
}
