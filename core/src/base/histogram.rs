//! How often which length of time was seen, to two significant digits.
//!
//! Lengths are sorted into buckets as an HdrHistogram does it, so that percentiles are those Redis
//! tells: up to 255 ns each has its own, above that every doubling is divided into 128. Buckets are
//! made when something first falls into one so high: a command that takes microseconds
//! costs a few kilobytes.

/// Buckets of one doubling, as a power of two.
const HALF_BITS: u32 = 7;

/// What takes longer counts as this, as in Redis.
const LONGEST_NS: u64 = 1_000_000_000;

/// The upper end of the first step of [`Histogram::doublings`].
const FIRST_NS: u64 = 1024;

/// Counts of lengths of time in nanoseconds.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Counts a length of time `times` times.
    #[inline]
    pub fn add(&mut self, ns: u64, times: u64) {
        let bucket = bucket_of(ns.clamp(1, LONGEST_NS));
        if bucket >= self.counts.len() {
            self.grow(bucket);
        }
        self.counts[bucket] += times;
        self.total += times;
    }

    #[cold]
    fn grow(&mut self, bucket: usize) {
        self.counts.resize(bucket + 1, 0);
    }

    /// How many were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Not more than so many percent are longer than this, in nanoseconds: the upper end of a bucket,
    /// for 0 percent the lower one. O(buckets).
    pub fn percentile_ns(&self, percent: f64) -> u64 {
        let wanted = ((percent / 100.0 * self.total as f64 + 0.5) as u64).max(1);
        let mut seen = 0;
        let reaches = |&count: &u64| {
            seen += count;
            seen >= wanted
        };
        let bucket = self.counts.iter().position(reaches).unwrap_or(0);
        if percent == 0.0 { lowest_of(bucket) } else { lowest_of(bucket + 1) - 1 }
    }

    /// For each doubling in which there is something: its upper end in nanoseconds, and how many
    /// are not longer. O(buckets).
    pub fn doublings(&self) -> Vec<(u64, u64)> {
        let mut steps = Vec::new();
        let mut start = 0;
        let (mut seen, mut level) = (0, FIRST_NS);
        while seen < self.total {
            // The bucket that begins with the round number belongs to what is below it.
            let end = bucket_of(level.min(LONGEST_BUCKET_NS)) + 1;
            let more: u64 = self.counts.iter().take(end).skip(start).sum();
            seen += more;
            if more > 0 {
                steps.push((lowest_of(end) - 1, seen));
            }
            (start, level) = (end, level * 2);
        }
        steps
    }
}

/// The upper end of the last bucket that there can be.
const LONGEST_BUCKET_NS: u64 = LONGEST_NS.next_power_of_two() - 1;

/// The bucket of a length.
#[inline]
fn bucket_of(ns: u64) -> usize {
    let shift = (ns | 0xff).ilog2() - HALF_BITS;
    ((shift as usize) << HALF_BITS) + (ns >> shift) as usize
}

/// The least length in a bucket.
fn lowest_of(bucket: usize) -> u64 {
    let shift = (bucket >> HALF_BITS).saturating_sub(1);
    ((bucket - (shift << HALF_BITS)) as u64) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_lies_in_its_bucket() {
        let mut ns = 1;
        while ns <= LONGEST_NS {
            for ns in [ns - 1, ns, ns + 1, ns + ns / 3] {
                let bucket = bucket_of(ns);
                assert!((lowest_of(bucket)..lowest_of(bucket + 1)).contains(&ns), "{ns}");
                let width = lowest_of(bucket + 1) - lowest_of(bucket);
                assert!(width == 1 || width * 128 <= ns, "{ns}: {width}");
            }
            ns *= 2;
        }
    }

    /// What Redis 8 replied for commands that took so many microseconds.
    #[test]
    fn percentiles_and_doublings_are_redis_s() {
        let of = |all: &[u64]| {
            let mut histogram = Histogram::default();
            all.iter().for_each(|us| histogram.add(us * 1000, 1));
            histogram
        };
        let told = |us: &[u64], percent: f64| of(us).percentile_ns(percent);
        assert_eq!([told(&[2, 8], 50.0), told(&[2, 8], 99.0)], [2007, 8031]);
        assert_eq!([told(&[2, 8], 0.0), told(&[2, 8], 100.0)], [2000, 8031]);
        assert_eq!(told(&[50_113], 50.0), 50_331_647);
        assert_eq!(told(&[1_200_000], 50.0), 1_002_438_655);
        let steps = |us: &[u64]| -> Vec<(u64, u64)> {
            of(us).doublings().iter().map(|&(ns, count)| (ns / 1000, count)).collect()
        };
        assert_eq!(steps(&[2, 8]), [(2, 1), (8, 2)]);
        assert_eq!(steps(&[18, 13, 24, 69, 73]), [(16, 1), (33, 3), (132, 5)]);
        assert_eq!(steps(&[0, 50_113]), [(1, 1), (67_633, 2)]);
        assert_eq!(steps(&[100_000, 700_000, 1_200_000]), [(135_266, 1), (1_073_741, 3)]);
        assert_eq!(steps(&[]), []);
    }
}
