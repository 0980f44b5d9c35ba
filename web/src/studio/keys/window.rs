//! Which rows of a long list are seen, and where they are drawn.
//!
//! Only those are elements of the page. The list scrolls by an element that is as high as all rows
//! together, as far as browsers allow: none draws an element much higher than 17 million pixels, so
//! a longer list is told to be shorter, and a place in it is worked out in proportion. Small steps
//! still move by as much as the hand does.

/// The height that an element has at most, in pixels. Firefox ends below 17.9 million.
const TOTAL_PX_MAX: f64 = 15_000_000.0;

/// Rows drawn above and below what is seen, so that nothing white is seen while scrolling.
const MARGIN_ROWS: usize = 6;

/// A long list, and how far it is scrolled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// How many rows there are.
    pub rows: usize,
    /// The height of each, in pixels.
    pub row_px: f64,
    /// The height of what is seen, in pixels.
    pub height_px: f64,
    /// How far the element is scrolled, in pixels.
    scroll_px: f64,
    /// What of the list is seen first, in pixels of the whole list.
    position_px: f64,
}

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// The first row.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// How far from the element's top the first one is, in pixels.
    pub top_px: f64,
    /// The element's height, in pixels.
    pub total_px: f64,
}

impl Window {
    /// A list that is not scrolled. `row_px` is more than nothing.
    pub fn new(row_px: f64) -> Self {
        Self { rows: 0, row_px, height_px: 0.0, scroll_px: 0.0, position_px: 0.0 }
    }

    /// All rows together.
    fn list_px(&self) -> f64 {
        self.rows as f64 * self.row_px
    }

    /// The element's height.
    fn total_px(&self) -> f64 {
        self.list_px().min(TOTAL_PX_MAX)
    }

    /// How far the list can be scrolled.
    fn end_px(&self) -> f64 {
        (self.list_px() - self.height_px).max(0.0)
    }

    /// The element was scrolled to `scroll_px`.
    pub fn scrolled(&mut self, scroll_px: f64) {
        let step = scroll_px - self.scroll_px;
        self.scroll_px = scroll_px;
        let scroll_end = self.total_px() - self.height_px;
        let is_short = self.list_px() <= TOTAL_PX_MAX;
        let is_at_end = scroll_px <= 0.0 || scroll_px >= scroll_end;
        let is_step = step.abs() < 2.0 * self.height_px && !is_at_end;
        self.position_px = if is_short {
            scroll_px
        } else if is_step {
            self.position_px + step
        } else {
            scroll_px / scroll_end.max(1.0) * self.end_px()
        };
        self.position_px = self.position_px.clamp(0.0, self.end_px());
    }

    /// Other rows are in the list, or more or less of it is seen.
    pub fn resized(&mut self, rows: usize, height_px: f64) {
        self.rows = rows;
        self.height_px = height_px;
        let is_short = self.list_px() <= TOTAL_PX_MAX;
        if is_short {
            self.position_px = self.scroll_px;
        }
        self.position_px = self.position_px.clamp(0.0, self.end_px());
    }

    /// How far the element must be scrolled so that `row` is seen; `None` if it is.
    pub fn reveal(&self, row: usize) -> Option<f64> {
        let top_px = row as f64 * self.row_px;
        let position_px = if top_px < self.position_px {
            top_px
        } else if top_px + self.row_px > self.position_px + self.height_px {
            top_px + self.row_px - self.height_px
        } else {
            return None;
        };
        Some(if self.list_px() <= TOTAL_PX_MAX {
            position_px
        } else if (position_px - self.position_px).abs() < 2.0 * self.height_px {
            self.scroll_px + position_px - self.position_px
        } else {
            position_px / self.end_px().max(1.0) * (self.total_px() - self.height_px)
        })
    }

    /// The rows to draw.
    pub fn drawn(&self) -> Drawn {
        let first_seen = (self.position_px / self.row_px) as usize;
        let first = first_seen.saturating_sub(MARGIN_ROWS).min(self.rows);
        let seen = (self.height_px / self.row_px).ceil() as usize + 1;
        let last = (first_seen + seen + MARGIN_ROWS).min(self.rows);
        let top_px = self.scroll_px + first as f64 * self.row_px - self.position_px;
        Drawn { first, count: last - first, top_px, total_px: self.total_px() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window_of(rows: usize) -> Window {
        let mut window = Window::new(20.0);
        window.resized(rows, 400.0);
        window
    }

    #[test]
    fn only_what_is_seen_is_drawn() {
        let mut window = window_of(1000);
        assert_eq!(window.drawn(), Drawn { first: 0, count: 27, top_px: 0.0, total_px: 20_000.0 });
        window.scrolled(10_010.0);
        assert_eq!(
            window.drawn(),
            Drawn { first: 494, count: 33, top_px: 9880.0, total_px: 20_000.0 }
        );
        window.scrolled(19_600.0);
        let drawn = window.drawn();
        assert_eq!(drawn.first + drawn.count, 1000);
    }

    #[test]
    fn a_short_list_is_drawn_whole_and_an_empty_one_not_at_all() {
        assert_eq!(window_of(3).drawn().count, 3);
        assert_eq!(window_of(0).drawn(), Drawn { first: 0, count: 0, top_px: 0.0, total_px: 0.0 });
    }

    #[test]
    fn a_list_too_high_for_a_browser_is_reached_from_end_to_end() {
        let mut window = window_of(3_000_000);
        let total_px = window.drawn().total_px;
        assert_eq!(total_px, TOTAL_PX_MAX);
        window.scrolled(total_px - 400.0);
        let drawn = window.drawn();
        assert_eq!(drawn.first + drawn.count, 3_000_000);
        // The last row ends where the element does.
        assert!((drawn.top_px + drawn.count as f64 * 20.0 - total_px).abs() < 1.0, "{drawn:?}");
        window.scrolled(total_px / 2.0);
        assert!((window.drawn().first as f64 - 1_500_000.0).abs() < 100.0);
        // A small step is as large as the hand's.
        let before = window.drawn().first;
        window.scrolled(total_px / 2.0 + 100.0);
        assert_eq!(window.drawn().first, before + 5);
        window.scrolled(0.0);
        assert_eq!(window.drawn().first, 0);
    }

    #[test]
    fn a_row_is_scrolled_to_only_if_it_is_not_seen() {
        let mut window = window_of(1000);
        assert_eq!(window.reveal(19), None);
        assert_eq!(window.reveal(20), Some(20.0));
        window.scrolled(10_000.0);
        assert_eq!(window.reveal(499), Some(9980.0));
        assert_eq!(window.reveal(500), None);
        let mut long = window_of(3_000_000);
        long.scrolled(7_000_000.0);
        let row = long.drawn().first + 60;
        let scroll_px = long.reveal(row).unwrap();
        long.scrolled(scroll_px);
        assert_eq!(long.reveal(row), None);
        let scroll_px = long.reveal(5).unwrap();
        long.scrolled(scroll_px);
        assert!(long.drawn().first < 100, "{:?}", long.drawn());
    }

    #[test]
    fn fewer_rows_leave_no_hole() {
        let mut window = window_of(1000);
        window.scrolled(19_000.0);
        window.resized(10, 400.0);
        let drawn = window.drawn();
        assert_eq!((drawn.first, drawn.count), (0, 10));
    }
}
