//! Places on the earth as scores of a sorted set, and areas that are searched for them.
//!
//! Longitude and latitude are cut into 2^26 steps each, and the bits of both numbers are put
//! together in turn: a geohash of 52 bits, which a double holds exactly. Places that lie near each
//! other mostly share their first bits, so a square of the grid is one range of scores, and an area
//! is searched in at most nine of them: the square of its centre and those around it.
//!
//! Every step is taken as Redis takes it, in doubles and in the same order, because the digits of
//! coordinates and distances are part of its replies. <https://en.wikipedia.org/wiki/Geohash>,
//! <https://en.wikipedia.org/wiki/Haversine_formula>

/// The greatest longitude, in degrees; the least is its opposite.
pub const LONGITUDE_MAX: f64 = 180.0;

/// The greatest latitude, in degrees, where the square map of the web (EPSG:3857) ends.
pub const LATITUDE_MAX: f64 = 85.051_128_78;

/// Bits of each coordinate in a score.
const STEPS_MAX: u32 = 26;

/// The earth's mean radius, in metres.
const EARTH_RADIUS_M: f64 = 6_372_797.560_856;

/// Half the width of the square map, in metres.
const MERCATOR_MAX_M: f64 = 20_037_726.37;

const RADIANS: f64 = std::f64::consts::PI / 180.0;

/// A place, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

impl Point {
    /// Whether the place is on the map.
    pub fn is_valid(self) -> bool {
        self.longitude.abs() <= LONGITUDE_MAX && self.latitude.abs() <= LATITUDE_MAX
    }

    /// The score that stands for the place, which is on the map.
    pub fn score(self) -> f64 {
        Cell::around(self, STEPS_MAX, LATITUDE_MAX).bits() as f64
    }

    /// The middle of the smallest square that `score` stands for. Every score stands for some.
    pub fn of_score(score: f64) -> Self {
        let area = Cell::of_bits(to_bits(score)).area();
        let middle = |(min, max): (f64, f64), most: f64| ((min + max) / 2.0).clamp(-most, most);
        Self {
            longitude: middle(area.longitude, LONGITUDE_MAX),
            latitude: middle(area.latitude, LATITUDE_MAX),
        }
    }

    /// The place as the usual geohash, 11 letters, of which the last says nothing.
    pub fn geohash(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        // The usual form has latitudes up to the poles.
        let bits = Cell::around(self, STEPS_MAX, 90.0).bits();
        let mut text = [LETTERS[0]; 11];
        for (place, letter) in (1..=10).zip(&mut text) {
            *letter = LETTERS[(bits >> (2 * STEPS_MAX - 5 * place)) as usize % LETTERS.len()];
        }
        text
    }

    /// How far it is to `other` along a great circle, in metres.
    pub fn distance_m(self, other: Self) -> f64 {
        let across = ((other.longitude * RADIANS - self.longitude * RADIANS) / 2.0).sin();
        if across == 0.0 {
            return latitude_distance_m(self.latitude, other.latitude);
        }
        let (from, to) = (self.latitude * RADIANS, other.latitude * RADIANS);
        let along = ((to - from) / 2.0).sin();
        let half_chord = along * along + from.cos() * to.cos() * across * across;
        // At the other end of the world rounding may make a little more than 1 of it.
        2.0 * EARTH_RADIUS_M * half_chord.sqrt().min(1.0).asin()
    }
}

fn latitude_distance_m(one: f64, other: f64) -> f64 {
    EARTH_RADIUS_M * (other * RADIANS - one * RADIANS).abs()
}

/// A score as the processor makes an unsigned number of it, without an error for those that are
/// none.
fn to_bits(score: f64) -> u64 {
    const HALF: f64 = (1_u64 << 63) as f64;
    let signed = |value: f64| if (-HALF..HALF).contains(&value) { value as i64 } else { i64::MIN };
    if score < HALF { signed(score) as u64 } else { signed(score - HALF) as u64 ^ 1 << 63 }
}

/// A square of the grid with 2^`steps` squares a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    /// Its number from the west. On the eastern edge of the map there is one more than fits.
    column: u32,
    /// Its number from the south, with one more on the northern edge.
    row: u32,
    steps: u32,
}

/// From where to where a square reaches, in degrees.
struct Area {
    longitude: (f64, f64),
    latitude: (f64, f64),
}

impl Cell {
    /// The square that `point` lies in, on a map that ends at a latitude.
    fn around(point: Point, steps: u32, latitude_max: f64) -> Self {
        let place = |value: f64, most: f64| {
            let share = (value + most) / (most + most);
            (share * (1_u64 << steps) as f64) as u32
        };
        Self {
            column: place(point.longitude, LONGITUDE_MAX),
            row: place(point.latitude, latitude_max),
            steps,
        }
    }

    /// The smallest square, whose bits are `bits`.
    fn of_bits(bits: u64) -> Self {
        Self { column: every_other(bits >> 1), row: every_other(bits), steps: STEPS_MAX }
    }

    /// The bits of row and column in turn.
    fn bits(self) -> u64 {
        spread(self.row) | spread(self.column) << 1
    }

    fn area(self) -> Area {
        let edge = |number: u32, most: f64| {
            -most + (f64::from(number) / (1_u64 << self.steps) as f64) * (most + most)
        };
        let edges = |number: u32, most| (edge(number, most), edge(number.wrapping_add(1), most));
        Area {
            longitude: edges(self.column, LONGITUDE_MAX),
            latitude: edges(self.row, LATITUDE_MAX),
        }
    }

    /// The square some squares to the east and to the north, around the world if need be.
    fn moved(self, east: i32, north: i32) -> Self {
        let mask = (1 << self.steps) - 1;
        let step = |number: u32, by: i32| {
            if by == 0 { number } else { number.wrapping_add_signed(by) & mask }
        };
        Self { column: step(self.column, east), row: step(self.row, north), steps: self.steps }
    }

    /// The scores of all places in it: from one on, and below another.
    fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEPS_MAX - self.steps);
        ((self.bits() << shift) as f64, ((self.bits() + 1) << shift) as f64)
    }
}

/// Puts a zero before every bit.
fn spread(number: u32) -> u64 {
    let halve = |bits: u64, by: u32, mask: u64| (bits | bits << by) & mask;
    let bits = halve(u64::from(number), 16, 0x0000_ffff_0000_ffff);
    let bits = halve(bits, 8, 0x00ff_00ff_00ff_00ff);
    let bits = halve(bits, 4, 0x0f0f_0f0f_0f0f_0f0f);
    let bits = halve(bits, 2, 0x3333_3333_3333_3333);
    halve(bits, 1, 0x5555_5555_5555_5555)
}

/// Every other bit, the last one among them: what [`spread`] made its number of.
fn every_other(bits: u64) -> u32 {
    let join = |bits: u64, by: u32, mask: u64| (bits | bits >> by) & mask;
    let bits = join(bits & 0x5555_5555_5555_5555, 1, 0x3333_3333_3333_3333);
    let bits = join(bits, 2, 0x0f0f_0f0f_0f0f_0f0f);
    let bits = join(bits, 4, 0x00ff_00ff_00ff_00ff);
    let bits = join(bits, 8, 0x0000_ffff_0000_ffff);
    join(bits, 16, 0xffff_ffff) as u32
}

/// The form of an area, with lengths in any unit.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// All places so near to the centre.
    Circle {
        /// The distance.
        radius: f64,
    },
    /// All places so near to the centre to the east and west, and to the north and south.
    Box {
        /// Twice the distance along the place's own latitude.
        width: f64,
        /// Twice the distance along the meridian.
        height: f64,
    },
    /// What lies inside straight lines on the map from each corner to the next, and from the last
    /// to the first.
    Polygon {
        /// The corners.
        corners: Vec<Point>,
    },
}

/// An area to search.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// What is searched.
    pub shape: Shape,
    /// Where its middle is, from which distances are taken.
    pub center: Point,
    /// The metres of the unit of lengths.
    pub unit_m: f64,
}

impl Search {
    /// The search inside a polygon, around the middle of its corners. Lengths are in metres.
    pub fn in_polygon(corners: Vec<Point>) -> Self {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        for corner in &corners {
            let (longitude, latitude) = (corner.longitude * RADIANS, corner.latitude * RADIANS);
            x += EARTH_RADIUS_M * latitude.cos() * longitude.cos();
            y += EARTH_RADIUS_M * latitude.cos() * longitude.sin();
            z += EARTH_RADIUS_M * latitude.sin();
        }
        let count = corners.len() as f64;
        let (x, y, z) = (x / count, y / count, z / count);
        let center = Point {
            longitude: y.atan2(x) / RADIANS,
            latitude: z.atan2((x * x + y * y).sqrt()) / RADIANS,
        };
        Self { shape: Shape::Polygon { corners }, center, unit_m: 1.0 }
    }

    /// How far `point` is from the centre, in metres, if it is inside.
    pub fn distance_m(&self, point: Point) -> Option<f64> {
        let is_inside = match &self.shape {
            Shape::Circle { radius } => {
                let distance_m = self.center.distance_m(point);
                return (distance_m <= radius * self.unit_m).then_some(distance_m);
            }
            Shape::Box { width, height } => {
                let below = Point { longitude: self.center.longitude, ..point };
                latitude_distance_m(point.latitude, self.center.latitude)
                    <= height * self.unit_m / 2.0
                    && point.distance_m(below) <= width * self.unit_m / 2.0
            }
            Shape::Polygon { corners } => is_inside(corners, point),
        };
        is_inside.then(|| self.center.distance_m(point))
    }

    /// The ranges of scores that hold all places inside, each from one score on and below another,
    /// in the order in which Redis looks through them: the middle, then what is north, south, east,
    /// west of it, and the corners.
    pub fn scores(&self) -> Vec<(f64, f64)> {
        /// The squares around one, as steps to the east and to the north.
        const AROUND: [(i32, i32); 8] =
            [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let bounds = self.bounds();
        let cell = self.cell(&bounds);
        let mut ranges = vec![cell.scores()];
        let area = cell.area();
        let is_coarse = cell.steps < 2;
        // On large squares the way east and the way west may lead to the same one.
        let mut last = None;
        for (east, north) in AROUND {
            let is_needed = (east >= 0 || area.longitude.0 >= bounds.longitude.0)
                && (east <= 0 || area.longitude.1 <= bounds.longitude.1)
                && (north >= 0 || area.latitude.0 >= bounds.latitude.0)
                && (north <= 0 || area.latitude.1 <= bounds.latitude.1);
            let neighbour = cell.moved(east, north);
            if (is_needed || is_coarse) && last != Some(neighbour) {
                ranges.push(neighbour.scores());
                last = Some(neighbour);
            }
        }
        ranges
    }

    /// The square of the centre, as large as the area asks for.
    fn cell(&self, bounds: &Area) -> Cell {
        let radius_m = self.radius_m(bounds);
        let mut steps = steps_for(radius_m, self.center.latitude);
        // The middle of corners around a pole lies beyond the map.
        let latitude = self.center.latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX);
        let center = Point { latitude, ..self.center };
        let cell = Cell::around(center, steps, LATITUDE_MAX);
        let is_short = cell.moved(0, 1).area().latitude.1 < bounds.latitude.1
            || cell.moved(0, -1).area().latitude.0 > bounds.latitude.0
            || cell.moved(1, 0).area().longitude.1 < bounds.longitude.1
            || cell.moved(-1, 0).area().longitude.0 > bounds.longitude.0;
        if steps > 1 && is_short {
            steps -= 1;
            return Cell::around(center, steps, LATITUDE_MAX);
        }
        cell
    }

    /// The farthest that a place inside is from the centre, in metres.
    fn radius_m(&self, bounds: &Area) -> f64 {
        match &self.shape {
            Shape::Circle { radius } => radius * self.unit_m,
            Shape::Box { width, height } => {
                let (x, y) = (width / 2.0, height / 2.0);
                (x * x + y * y).sqrt() * self.unit_m
            }
            Shape::Polygon { .. } => {
                let ((west, east), (south, north)) = (bounds.longitude, bounds.latitude);
                [(west, north), (east, north), (west, south), (east, south)]
                    .map(|(longitude, latitude)| {
                        self.center.distance_m(Point { longitude, latitude })
                    })
                    .into_iter()
                    .fold(0.0, f64::max)
            }
        }
    }

    /// From where to where the area reaches, in degrees.
    fn bounds(&self) -> Area {
        let (x, y) = match &self.shape {
            Shape::Circle { radius } => (self.unit_m * radius, self.unit_m * radius),
            Shape::Box { width, height } => {
                (self.unit_m * (width / 2.0), self.unit_m * (height / 2.0))
            }
            Shape::Polygon { corners } => {
                let reach = |of: fn(&Point) -> f64| {
                    let all = corners.iter().map(of);
                    (all.clone().fold(f64::MAX, f64::min), all.fold(f64::MIN, f64::max))
                };
                return Area {
                    longitude: reach(|corner| corner.longitude),
                    latitude: reach(|corner| corner.latitude),
                };
            }
        };
        let Point { longitude, latitude } = self.center;
        let up = y / EARTH_RADIUS_M / RADIANS;
        // Degrees are shortest on the side of the nearer pole.
        let edge = if latitude < 0.0 { latitude - up } else { latitude + up };
        let side = x / EARTH_RADIUS_M / (edge * RADIANS).cos() / RADIANS;
        Area {
            longitude: (longitude - side, longitude + side),
            latitude: (latitude - up, latitude + up),
        }
    }
}

/// How often the map is halved so that squares are about as large as `radius_m`, in metres.
fn steps_for(radius_m: f64, latitude: f64) -> u32 {
    // After so many even the smallest square is too large.
    let doublings = 0..STEPS_MAX + 8;
    let is_below = |&by: &u32| radius_m * ((1_u64 << by) as f64) < MERCATOR_MAX_M;
    let steps = doublings.take_while(is_below).count() as i32 - 1;
    // Near the poles squares are small.
    let nearer = [66.0, 80.0].into_iter().filter(|&edge| latitude.abs() > edge).count() as i32;
    (steps - nearer).clamp(1, STEPS_MAX as i32).unsigned_abs()
}

/// Whether a line to the east crosses the edges an odd number of times.
fn is_inside(corners: &[Point], point: Point) -> bool {
    let previous = corners.last().into_iter().chain(corners);
    let crossed = corners.iter().zip(previous).filter(|(one, other)| {
        let is_level = (one.latitude > point.latitude) != (other.latitude > point.latitude);
        let crossing = (other.longitude - one.longitude) * (point.latitude - one.latitude)
            / (other.latitude - one.latitude)
            + one.longitude;
        is_level && point.longitude < crossing
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::{Rng, Seed};

    fn degrees(rng: &mut Rng, most: f64) -> f64 {
        (rng.below(2_000_001) as f64 / 1_000_000.0 - 1.0) * most
    }

    fn any(rng: &mut Rng) -> Point {
        Point { longitude: degrees(rng, LONGITUDE_MAX), latitude: degrees(rng, LATITUDE_MAX) }
    }

    #[test]
    fn a_score_is_its_place() {
        let mut rng = Rng::new(Seed::of(1));
        for _ in 0..1000 {
            let point = any(&mut rng);
            let found = Point::of_score(point.score());
            assert!(point.distance_m(found) < 1.0, "{point:?} {found:?}");
            assert!(found.is_valid());
        }
        for score in [f64::NEG_INFINITY, -1.0, 1e15, 1e19, 1e300, f64::INFINITY] {
            assert!(Point::of_score(score).is_valid(), "{score}");
        }
    }

    #[test]
    fn bits_go_apart_and_together() {
        for number in [0, 1, 2, 3, 0x8000_0000, 0xdead_beef, u32::MAX] {
            assert_eq!(every_other(spread(number)), number);
        }
        assert_eq!(spread(0b1011), 0b0100_0101);
    }

    /// Each place inside an area is found in one of the ranges, and in one only.
    #[test]
    fn the_ranges_hold_the_area() {
        let mut rng = Rng::new(Seed::of(2));
        for _ in 0..2000 {
            let (center, point) = (any(&mut rng), any(&mut rng));
            // Redis finds no places behind the line where the days meet, nor around a pole.
            let radius = center.distance_m(point) * 1.01;
            let reach = radius / 100_000.0;
            let is_far = center.longitude.abs() > 90.0 || center.latitude.abs() + reach > 70.0;
            if is_far || point.longitude.abs() > 90.0 {
                continue;
            }
            for shape in
                [Shape::Circle { radius }, Shape::Box { width: radius * 2.0, height: radius * 2.0 }]
            {
                let search = Search { shape, center, unit_m: 1.0 };
                assert!(search.distance_m(point).is_some());
                let score = point.score();
                let ranges = search.scores();
                let hits = ranges.iter().filter(|(min, max)| (*min..*max).contains(&score));
                assert_eq!(hits.count(), 1, "{search:?} {point:?}");
            }
        }
    }

    #[test]
    fn no_area_is_too_odd() {
        let lengths = [0.0, 5e-324, 1e-10, 1.0, 1e7, 1e300, f64::MAX, f64::INFINITY];
        for center in [(0.0, 0.0), (180.0, LATITUDE_MAX), (-180.0, -LATITUDE_MAX)] {
            let center = Point { longitude: center.0, latitude: center.1 };
            for (width, height) in lengths.into_iter().flat_map(|one| lengths.map(|two| (one, two)))
            {
                for shape in [Shape::Circle { radius: width }, Shape::Box { width, height }] {
                    let search = Search { shape, center, unit_m: 1609.34 };
                    assert!((1..=9).contains(&search.scores().len()));
                }
            }
        }
        let pole = [(0.0, 85.0), (120.0, 85.0), (-120.0, 85.0)];
        let corners = pole.map(|(longitude, latitude)| Point { longitude, latitude });
        assert!(!Search::in_polygon(corners.to_vec()).scores().is_empty());
    }
}
