//! Points on a plain map: a grid of degrees in which they lie, as large as they need it.
//!
//! Longitude goes to the right and latitude up, in the projection of Mercator, so that shapes are
//! right wherever the points are. There is no picture below: the page loads nothing.

use redstart::ds::geo::Point;

/// A part of the world, fitted to points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Map {
    west: f64,
    east: f64,
    /// In the projection, not in degrees.
    south_y: f64,
    north_y: f64,
}

/// A line of the grid: its degrees, and its place.
pub type Line = (f64, f64);

/// The latitude to which the projection goes.
const LATITUDE_MAX: f64 = 85.05;

/// The least that is shown, in degrees: a few hundred metres.
const DEGREES_MIN: f64 = 0.004;

/// Where a latitude lies in the projection, in degrees at the equator.
fn project(latitude: f64) -> f64 {
    let latitude = latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX).to_radians();
    (latitude / 2.0 + std::f64::consts::FRAC_PI_4).tan().ln().to_degrees()
}

fn unproject(y: f64) -> f64 {
    2.0 * (y.to_radians().exp().atan() - std::f64::consts::FRAC_PI_4).to_degrees()
}

impl Map {
    /// A map with all of the points in it, for a picture that is `aspect` times as wide as high.
    pub fn around(points: &[Point], aspect: f64) -> Self {
        let (mut west, mut east, mut south_y, mut north_y) =
            (180.0_f64, -180.0_f64, 180.0_f64, -180.0_f64);
        for point in points {
            let y = project(point.latitude);
            west = west.min(point.longitude);
            east = east.max(point.longitude);
            south_y = south_y.min(y);
            north_y = north_y.max(y);
        }
        if west > east {
            (west, east, south_y, north_y) = (-180.0, 180.0, -85.0, 85.0);
        }
        // Room at the edges, and the picture's proportions.
        let width = ((east - west) * 1.25).max(DEGREES_MIN);
        let height = ((north_y - south_y) * 1.25).max(DEGREES_MIN);
        let (width, height) = (width.max(height * aspect), height.max(width / aspect));
        let (x, y) = ((west + east) / 2.0, (south_y + north_y) / 2.0);
        Self {
            west: x - width / 2.0,
            east: x + width / 2.0,
            south_y: y - height / 2.0,
            north_y: y + height / 2.0,
        }
    }

    /// Where a point lies: 0 to 1 from the left, and from the top.
    pub fn place(&self, point: Point) -> (f64, f64) {
        let x = (point.longitude - self.west) / (self.east - self.west);
        let y = (self.north_y - project(point.latitude)) / (self.north_y - self.south_y);
        (x, y)
    }

    /// The point at a place.
    pub fn point(&self, x: f64, y: f64) -> Point {
        Point {
            longitude: self.west + x * (self.east - self.west),
            latitude: unproject(self.north_y - y * (self.north_y - self.south_y)),
        }
    }

    /// The degrees at which lines are drawn, some four each way: meridians with their place from the
    /// left, parallels with theirs from the top.
    pub fn lines(&self) -> (Vec<Line>, Vec<Line>) {
        let step = step((self.east - self.west) / 4.0);
        let (south, north) = (unproject(self.south_y), unproject(self.north_y));
        let meridians = multiples(self.west.max(-180.0), self.east.min(180.0), step);
        let parallels = multiples(south, north, step);
        let x = |longitude: f64| self.place(Point { longitude, latitude: 0.0 }).0;
        let y = |latitude: f64| self.place(Point { longitude: 0.0, latitude }).1;
        (
            meridians.into_iter().map(|degrees| (degrees, x(degrees))).collect(),
            parallels.into_iter().map(|degrees| (degrees, y(degrees))).collect(),
        )
    }

    /// A bar for the scale: its length in metres, and as a part of the width.
    pub fn scale(&self) -> (f64, f64) {
        let middle = self.point(0.5, 0.5).latitude;
        let degree = Point { longitude: 0.0, latitude: middle }
            .distance_m(Point { longitude: 1.0, latitude: middle });
        let width_m = (self.east - self.west) * degree;
        // A fifth of the width, in a round number.
        let round = 10f64.powf((width_m / 5.0).log10().floor());
        let metres = [5.0, 2.0, 1.0].into_iter().map(|it| it * round);
        let metres = metres.into_iter().find(|&metres| metres <= width_m / 4.0).unwrap_or(round);
        (metres, metres / width_m)
    }
}

/// The least of the usual steps of degrees that is no less than `least`.
fn step(least: f64) -> f64 {
    let steps = [45.0, 30.0, 15.0, 10.0, 5.0, 2.0, 1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005];
    steps.into_iter().rev().chain([90.0]).find(|&step| step >= least).unwrap_or(90.0)
}

fn multiples(from: f64, to: f64, step: f64) -> Vec<f64> {
    let first = (from / step).ceil() as i64;
    // A map has few lines; the bound is for what no map should be.
    (first..first + 50).map(|index| index as f64 * step).take_while(|&it| it <= to).collect()
}

/// Degrees as a map writes them: `13.4° E`.
pub fn degrees(value: f64, positive: &str, negative: &str) -> String {
    let side = if value > 0.0 {
        positive
    } else if value < 0.0 {
        negative
    } else {
        ""
    };
    let number = format!("{:.4}", value.abs());
    let number = number.trim_end_matches('0').trim_end_matches('.');
    format!("{number}° {side}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Point = Point { longitude: 13.405, latitude: 52.52 };
    const ROME: Point = Point { longitude: 12.496, latitude: 41.903 };

    #[test]
    fn points_lie_within_their_map_and_the_right_way_up() {
        let map = Map::around(&[BERLIN, ROME], 1.5);
        let ((berlin_x, berlin_y), (rome_x, rome_y)) = (map.place(BERLIN), map.place(ROME));
        for part in [berlin_x, berlin_y, rome_x, rome_y] {
            assert!((0.05..0.95).contains(&part), "{part}");
        }
        assert!(berlin_y < rome_y && berlin_x > rome_x);
        let back = map.point(berlin_x, berlin_y);
        assert!(back.distance_m(BERLIN) < 1.0);
    }

    #[test]
    fn a_map_has_lines_and_a_scale() {
        for points in [
            &[BERLIN, ROME][..],
            &[BERLIN],
            &[],
            &[
                Point { longitude: -180.0, latitude: -85.0 },
                Point { longitude: 180.0, latitude: 85.0 },
            ],
        ] {
            let map = Map::around(points, 1.5);
            let (meridians, parallels) = map.lines();
            assert!(meridians.len() + parallels.len() > 1, "{points:?}");
            assert!(meridians.len() < 12 && parallels.len() < 12, "{points:?}");
            let (metres, part) = map.scale();
            assert!(metres > 1.0 && (0.03..0.3).contains(&part), "{metres} {part} {points:?}");
        }
    }

    #[test]
    fn degrees_are_short() {
        assert_eq!(degrees(13.4, "E", "W"), "13.4° E");
        assert_eq!(degrees(-0.005, "N", "S"), "0.005° S");
        assert_eq!(degrees(0.0, "N", "S"), "0°");
    }
}
