//! LCS: the longest common subsequence of two strings.
//!
//! The textbook recurrence: the length for two prefixes follows from those for prefixes one byte
//! shorter. Only two rows of lengths are kept. To walk back through them afterwards it is enough to
//! know, for each pair of prefixes, from which of the two shorter ones the length came: one bit,
//! where Redis keeps a 32-bit length. With LEN alone not even that is needed. The bound is Redis's all
//! the same, because it bounds the time too.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Access::*, Flag::*, Group, integer, key, opt, token};

pub(super) const LCS: Command = Command {
    name: "LCS",
    summary: "Finds the longest common subsequence of two strings.",
    since: "7.0.0",
    group: Group::String,
    complexity: "O(N*M) for strings of N and M bytes",
    flags: &[Readonly],
    args: &[
        key("key1", &[Ro, Access]),
        key("key2", &[Ro, Access]),
        opt(token("len", "LEN")),
        opt(token("idx", "IDX")),
        opt(integer("min-match-len").after("MINMATCHLEN")),
        opt(token("withmatchlen", "WITHMATCHLEN")),
    ],
    example: "> MSET one ohmytext two mynewtext\nOK\n> LCS one two\n\"mytext\"\n\
              > LCS one two LEN\n(integer) 6\n> LCS one two IDX MINMATCHLEN 4\n1) \"matches\"\n\
              2) 1) 1) 1) (integer) 4\n         2) (integer) 7\n      2) 1) (integer) 5\n\
              \x20        2) (integer) 8\n3) \"len\"\n4) (integer) 6\n",
    run: lcs,
    ..Command::BASE
};

/// What the reply is to show.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    len: bool,
    idx: bool,
    match_len_min: i64,
    with_match_len: bool,
}

impl Options {
    fn parse(mut args: Args<'_>) -> Result<Self, Error> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.eat("IDX") {
                options.idx = true;
            } else if args.eat("LEN") {
                options.len = true;
            } else if args.eat("WITHMATCHLEN") {
                options.with_match_len = true;
            } else if args.eat("MINMATCHLEN") {
                options.match_len_min = args.integer()?;
            } else {
                return Err(Error::Syntax);
            }
        }
        if options.idx && options.len {
            return Err(Error::text(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

fn lcs(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (first, second) = (args.take()?, args.take()?);
    let is_string =
        |cx: &mut Ctx<'_>, key| cx.read(key).is_none_or(|found| found.value.text().is_some());
    let (first_fits, second_fits) = (is_string(cx, first), is_string(cx, second));
    if !first_fits || !second_fits {
        return Err(Error::text("ERR The specified keys must contain string values"));
    }
    let options = Options::parse(args)?;
    let db = cx.session.db;
    let text = |key| {
        let found = cx.engine.shard.db(db).get(key);
        found.and_then(|found| found.value.text())
    };
    let (a, b) = (text(first), text(second));
    let (a, b) = (a.as_deref().unwrap_or_default(), b.as_deref().unwrap_or_default());
    let bytes_max = u64::try_from(cx.engine.config.proto_max_bulk_len).unwrap_or(0);
    if redis_bytes(a, b) > bytes_max {
        return Err(Error::text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    if options.len {
        let len = Table::fill(a, b, Keep::Nothing)?.len;
        cx.out.int(i64::from(len));
        return Ok(());
    }
    let table = Table::fill(a, b, Keep::Steps)?;
    if !options.idx {
        let mut common = Vec::with_capacity(table.len as usize);
        table.walk(a, b, |matched| {
            common.extend(a[matched.a..matched.a + matched.len].iter().rev())
        });
        common.reverse();
        cx.out.bulk(&common);
        return Ok(());
    }
    let mut matches = Vec::new();
    table.walk(a, b, |matched| {
        if matched.len as i64 >= options.match_len_min {
            matches.push(matched);
        }
    });
    cx.out.map(2);
    cx.out.bulk(b"matches");
    cx.out.array(matches.len());
    for Match { a, b, len } in matches {
        cx.out.array(if options.with_match_len { 3 } else { 2 });
        for start in [a, b] {
            cx.out.array(2);
            cx.out.count(start);
            cx.out.count(start + len - 1);
        }
        if options.with_match_len {
            cx.out.count(len);
        }
    }
    cx.out.bulk(b"len");
    cx.out.int(i64::from(table.len));
    Ok(())
}

/// How much memory Redis takes for the lengths of all prefixes, by which it bounds the command.
fn redis_bytes(a: &[u8], b: &[u8]) -> u64 {
    (a.len() as u64 + 1).saturating_mul(b.len() as u64 + 1).saturating_mul(4)
}

/// A run of bytes that both strings have: where it starts in each, and its length, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Match {
    a: usize,
    b: usize,
    len: usize,
}

/// Whether the way back will be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    Nothing,
    Steps,
}

/// The length of the longest common subsequence, and the way back through the recurrence.
struct Table {
    len: u32,
    /// For each byte of `a` and of `b`, one bit: whether leaving out the byte of `a` loses less
    /// than leaving out that of `b`. Rows are whole words.
    steps: Vec<u64>,
    row_words: usize,
}

impl Table {
    fn fill(a: &[u8], b: &[u8], keep: Keep) -> Result<Self, Error> {
        let row_words = b.len().div_ceil(64);
        let words = match keep {
            Keep::Nothing => 0,
            Keep::Steps => a.len().saturating_mul(row_words),
        };
        let mut steps: Vec<u64> = Vec::new();
        if steps.try_reserve_exact(words).is_err() {
            return Err(Error::text(
                "ERR Insufficient memory, failed allocating transient memory for LCS",
            ));
        }
        // `row[j]` is the length for the bytes of `a` so far and the first `j` of `b`.
        let mut row = vec![0u32; b.len() + 1];
        for &byte in a {
            let mut diagonal = 0;
            let mut word = 0u64;
            for (j, &other) in b.iter().enumerate() {
                let (above, left) = (row[j + 1], row[j]);
                row[j + 1] = if byte == other { diagonal + 1 } else { above.max(left) };
                diagonal = above;
                word |= u64::from(above > left) << (j % 64);
                if keep == Keep::Steps && (j % 64 == 63 || j + 1 == b.len()) {
                    steps.push(std::mem::take(&mut word));
                }
            }
        }
        Ok(Self { len: row.last().copied().unwrap_or(0), steps, row_words })
    }

    /// Shows `visit` the runs that both strings have in common, the last one first. Where there are
    /// several ways back, Redis's is taken: the byte of `b` is left out first.
    fn walk(&self, a: &[u8], b: &[u8], mut visit: impl FnMut(Match)) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut run = 0;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j, run) = (i - 1, j - 1, run + 1);
                continue;
            }
            if run > 0 {
                visit(Match { a: i, b: j, len: run });
                run = 0;
            }
            let word = self.steps[(i - 1) * self.row_words + (j - 1) / 64];
            if word >> ((j - 1) % 64) & 1 == 1 {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        if run > 0 {
            visit(Match { a: i, b: j, len: run });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_spell_a_subsequence_of_the_right_length() {
        let mut rng = crate::base::rng::Rng::new(crate::base::rng::Seed::of(9));
        for _ in 0..300 {
            let mut draw = |max| -> Vec<u8> {
                let len = rng.below(max);
                (0..len).map(|_| b'a' + rng.below(3) as u8).collect()
            };
            let (a, b) = (draw(150), draw(150));
            let table = Table::fill(&a, &b, Keep::Steps).unwrap();
            assert_eq!(table.len, Table::fill(&b, &a, Keep::Nothing).unwrap().len);
            let (mut ends, mut len) = ((a.len(), b.len()), 0);
            table.walk(&a, &b, |run| {
                assert_eq!(a[run.a..run.a + run.len], b[run.b..run.b + run.len]);
                assert!(run.a + run.len <= ends.0 && run.b + run.len <= ends.1);
                ends = (run.a, run.b);
                len += run.len;
            });
            assert_eq!(len, table.len as usize);
        }
    }
}
