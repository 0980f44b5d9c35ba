//! What a cache is asked for: keys drawn by lot, some more often than others, the same for everybody.

use redstart::base::rng::{Rng, Seed};

/// How keys are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// A few keys are wanted often, most hardly ever.
    Skewed,
    /// As skewed, but what is wanted moves on.
    Drifting,
    /// One key after the other, round and round: the worst for what keeps the newest.
    Loop,
    /// Skewed, with a row of keys in between that nobody wants again.
    Scans,
}

impl Pattern {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Skewed, Self::Drifting, Self::Loop, Self::Scans];
}

/// Requests in a row until what is wanted has moved on by one key.
const DRIFT_EVERY: u64 = 12;
/// In a pattern with scans: so many requests of the one kind, then so many of the other.
const SCAN_EVERY: u64 = 600;
const SCAN_LENGTH: u64 = 200;
/// Where the numbers of keys begin that are wanted only once.
const SCANNED_FROM: u32 = 1_000_000;

/// Draws keys.
#[derive(Clone)]
pub struct Workload {
    pattern: Pattern,
    /// For each key, how likely it is that it or one before it is drawn.
    sums: Vec<f64>,
    /// The key of each rank: neighbours in rank lie anywhere.
    keys: Vec<u32>,
    rng: Rng,
    drawn: u64,
}

impl Workload {
    /// Requests for `keys` keys. `skew` is the exponent of Zipf's law: 0 wants all alike, 1 the first
    /// twice as often as the second.
    pub fn new(pattern: Pattern, keys: usize, skew: f64) -> Self {
        let mut rng = Rng::new(Seed::of(1));
        let mut sum = 0.0;
        let mut sums: Vec<f64> = (1..=keys)
            .map(|rank| {
                sum += (rank as f64).powf(-skew);
                sum
            })
            .collect();
        sums.iter_mut().for_each(|part| *part /= sum);
        let mut order: Vec<u32> = (0..keys as u32).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, rng.below(last as u64 + 1) as usize);
        }
        Self { pattern, sums, keys: order, rng, drawn: 0 }
    }

    /// The next key that is wanted.
    pub fn draw(&mut self) -> u32 {
        let count = self.keys.len().max(1) as u64;
        let turn = self.drawn;
        self.drawn += 1;
        match self.pattern {
            Pattern::Loop => return (turn % count) as u32,
            Pattern::Scans if turn % (SCAN_EVERY + SCAN_LENGTH) >= SCAN_EVERY => {
                return SCANNED_FROM + turn as u32;
            }
            Pattern::Skewed | Pattern::Drifting | Pattern::Scans => {}
        }
        let lot = self.rng.next_u64() as f64 / u64::MAX as f64;
        let rank = self.sums.partition_point(|&sum| sum < lot);
        let shift = if self.pattern == Pattern::Drifting { turn / DRIFT_EVERY } else { 0 };
        let place = (rank as u64 + shift) % count;
        self.keys.get(place as usize).copied().unwrap_or(0)
    }

    /// The part of requests that hit if exactly the `cached` keys are there that are wanted most; no
    /// policy that does not know the future does better, where what is wanted stays the same.
    pub fn best(&self, cached: usize) -> Option<f64> {
        match self.pattern {
            Pattern::Skewed if cached == 0 => Some(0.0),
            Pattern::Skewed => {
                self.sums.get(cached.min(self.sums.len()).saturating_sub(1)).copied()
            }
            Pattern::Drifting | Pattern::Loop | Pattern::Scans => None,
        }
    }
}

/// Counts hits, and forgets slowly: what is told is about the last few thousand requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Meter {
    hits: f64,
    asked: f64,
}

/// What is left of a count after each batch.
const KEPT: f64 = 0.93;

impl Meter {
    /// A batch was asked for, and so many were there.
    pub fn count(&mut self, hits: usize, asked: usize) {
        self.hits = self.hits * KEPT + hits as f64;
        self.asked = self.asked * KEPT + asked as f64;
    }

    /// The part that was there, in percent; `None` before anything was asked for.
    pub fn percent(&self) -> Option<f64> {
        (self.asked > 0.0).then(|| self.hits * 100.0 / self.asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;
    use redstart::resp::Reply;

    fn counts(mut workload: Workload, draws: usize) -> Vec<usize> {
        let mut counts = vec![0; 1000];
        for _ in 0..draws {
            let key = workload.draw() as usize;
            if let Some(count) = counts.get_mut(key) {
                *count += 1;
            }
        }
        counts.sort_unstable_by(|left, right| right.cmp(left));
        counts
    }

    #[test]
    fn skew_says_how_unequal_keys_are() {
        let even = counts(Workload::new(Pattern::Skewed, 1000, 0.0), 100_000);
        assert!(even[0] < 160 && even[999] > 50, "{} {}", even[0], even[999]);
        let skewed = counts(Workload::new(Pattern::Skewed, 1000, 1.0), 100_000);
        let expect = 100_000.0 / 7.485;
        assert!((skewed[0] as f64 / expect - 1.0).abs() < 0.05, "{}", skewed[0]);
        let top: usize = skewed.iter().take(100).sum();
        let best = Workload::new(Pattern::Skewed, 1000, 1.0).best(100).unwrap();
        assert!((top as f64 / 100_000.0 - best).abs() < 0.02, "{top} {best}");
    }

    #[test]
    fn loops_and_scans_are_what_they_are_called() {
        let mut around = Workload::new(Pattern::Loop, 3, 1.0);
        let drawn: Vec<u32> = (0..7).map(|_| around.draw()).collect();
        assert_eq!(drawn, [0, 1, 2, 0, 1, 2, 0]);
        let mut scans = Workload::new(Pattern::Scans, 10, 1.0);
        let drawn: Vec<u32> = (0..800).map(|_| scans.draw()).collect();
        let scanned = drawn.iter().filter(|key| **key >= SCANNED_FROM).count();
        assert_eq!(scanned as u64, SCAN_LENGTH);
        let early = counts(Workload::new(Pattern::Drifting, 1000, 1.2), 2000);
        let late = counts(Workload::new(Pattern::Drifting, 1000, 1.2), 200_000);
        // In the long run all are wanted.
        assert!(early[999] == 0 && late[999] > 0);
    }

    #[test]
    fn a_meter_is_about_the_last_requests() {
        let mut meter = Meter::default();
        assert_eq!(meter.percent(), None);
        (0..100).for_each(|_| meter.count(0, 100));
        assert_eq!(meter.percent(), Some(0.0));
        (0..100).for_each(|_| meter.count(100, 100));
        assert!(meter.percent().unwrap() > 99.0);
    }

    /// A node keeps what its policy says, and no more than it may.
    #[test]
    fn policies_differ_as_they_should() {
        let hit_rate = |policy: &str, pattern: Pattern| {
            let mut server = Server::new();
            server.run(&format!("CONFIG SET maxmemory 60kb maxmemory-policy {policy}"));
            let mut workload = Workload::new(pattern, 1000, 1.1);
            let mut meter = Meter::default();
            for _ in 0..60 {
                let mut hits = 0;
                for _ in 0..200 {
                    let key = format!("item:{}", workload.draw());
                    match server.run(&format!("GET {key}")) {
                        Reply::Null => {
                            let value = "x".repeat(200);
                            server.run(&format!("SET {key} {value}"));
                        }
                        _ => hits += 1,
                    }
                }
                meter.count(hits, 200);
                // Recency is kept in seconds.
                server.sandbox.advance(1_000_000, &mut Vec::new());
            }
            let Reply::Int(keys) = server.run("DBSIZE") else { panic!("no number") };
            assert!((50..600).contains(&keys), "{policy}: {keys} keys");
            meter.percent().unwrap()
        };
        let [lru, random] =
            ["allkeys-lru", "allkeys-random"].map(|policy| hit_rate(policy, Pattern::Skewed));
        assert!(lru > random, "{lru} {random}");
        let [lru, random] =
            ["allkeys-lru", "allkeys-random"].map(|policy| hit_rate(policy, Pattern::Loop));
        assert!(lru < random, "{lru} {random}");
    }
}
