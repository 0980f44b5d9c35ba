//! Glob-style patterns, as KEYS, SCAN, PSUBSCRIBE and CONFIG GET take them.
//!
//! `*` stands for any bytes, `?` for one, `[abc]`, `[a-z]` and `[^abc]` for one of a class, and a
//! backslash takes the next byte as it is. The corners follow Redis: a class that is never closed
//! ends with the pattern, a range may be written backwards, and ranges order bytes as *signed*
//! numbers, as Redis does on the machines it mostly runs on (so `[a-\xff]` holds `\xff` to `a`).
//!
//! Redis tries every place a `*` can reach by recursion. Here only the last `*` is ever moved:
//! what the earlier ones matched first is also the shortest, so moving them cannot help. That
//! leaves O(pattern × text), on which [`limits::GLOB_STEPS_MAX`] sets an end.

use super::limits;

/// Whether `pattern` matches the whole of `text`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    Matcher { case: Case::Exact, steps: limits::GLOB_STEPS_MAX }.run(pattern, text)
}

/// As [`matches()`], where ASCII letters match in either case.
pub fn matches_nocase(pattern: &[u8], text: &[u8]) -> bool {
    Matcher { case: Case::Fold, steps: limits::GLOB_STEPS_MAX }.run(pattern, text)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Exact,
    Fold,
}

struct Matcher {
    case: Case,
    /// Steps that are left.
    steps: u32,
}

impl Matcher {
    fn run(&mut self, pattern: &[u8], text: &[u8]) -> bool {
        // Nothing but the empty pattern matches the empty text in Redis, not even `*`; KEYS and
        // SCAN treat a lone `*` as no pattern at all.
        if text.is_empty() {
            return pattern.is_empty();
        }
        let (mut pattern, mut text) = (pattern, text);
        // Behind the last `*`: the pattern from there, and where in the text it was tried.
        let mut retry: Option<(&[u8], &[u8])> = None;
        let mut stars = 0;
        loop {
            if let [b'*', rest @ ..] = pattern {
                pattern = skip_stars(rest);
                if pattern.is_empty() {
                    return true;
                }
                stars += 1;
                if text.is_empty() || stars > limits::GLOB_STARS_MAX {
                    return false;
                }
                retry = Some((pattern, text));
            }
            match (pattern.is_empty(), text.is_empty()) {
                (true, true) => return true,
                // Moving the `*` on would only leave less text.
                (false, true) => return false,
                _ => {}
            }
            if let Some((rest, after)) = self.one(pattern, text) {
                (pattern, text) = (rest, after);
                continue;
            }
            let Some((rest, [_, after @ ..])) = retry else { return false };
            if self.steps == 0 {
                return false;
            }
            let Some(next) = self.next_start(rest, after) else { return false };
            retry = Some((rest, next));
            (pattern, text) = (rest, next);
        }
    }

    /// Matches what begins `pattern` against the first byte of `text`; returns what is left of both.
    fn one<'p, 't>(&mut self, pattern: &'p [u8], text: &'t [u8]) -> Option<(&'p [u8], &'t [u8])> {
        self.steps = self.steps.checked_sub(1)?;
        let (&byte, after) = text.split_first()?;
        let (holds, rest) = match pattern {
            [] => return None,
            [b'?', rest @ ..] => (true, rest),
            [b'[', b'^', class @ ..] => {
                let (holds, rest) = self.class(class, byte);
                (!holds, rest)
            }
            [b'[', class @ ..] => self.class(class, byte),
            [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (self.same(*literal, byte), rest),
        };
        holds.then_some((rest, after))
    }

    /// Whether the class whose inside `pattern` begins with holds `byte`, and what follows it.
    fn class<'p>(&mut self, pattern: &'p [u8], byte: u8) -> (bool, &'p [u8]) {
        let mut holds = false;
        let mut rest = pattern;
        loop {
            // The caller sees that no steps are left at the next byte.
            self.steps = self.steps.saturating_sub(1);
            rest = match rest {
                [] => return (holds, rest),
                // Redis does not fold the case of an escaped byte.
                [b'\\', literal, rest @ ..] => {
                    holds |= *literal == byte;
                    rest
                }
                [b']', rest @ ..] => return (holds, rest),
                [first, b'-', last, rest @ ..] => {
                    holds |= self.in_range(*first, *last, byte);
                    rest
                }
                [literal, rest @ ..] => {
                    holds |= self.same(*literal, byte);
                    rest
                }
            };
        }
    }

    fn in_range(&self, first: u8, last: u8, byte: u8) -> bool {
        let (first, last) = if first as i8 > last as i8 { (last, first) } else { (first, last) };
        // Folded only now, so that `[Z-a]` is an empty range without case, as in Redis.
        let (first, last, byte) = (self.fold(first), self.fold(last), self.fold(byte));
        (first as i8..=last as i8).contains(&(byte as i8))
    }

    fn same(&self, literal: u8, byte: u8) -> bool {
        self.fold(literal) == self.fold(byte)
    }

    fn fold(&self, byte: u8) -> u8 {
        match self.case {
            Case::Exact => byte,
            Case::Fold => byte.to_ascii_lowercase(),
        }
    }

    /// The next place in `text` at which `pattern` may begin to match.
    fn next_start<'t>(&self, pattern: &[u8], text: &'t [u8]) -> Option<&'t [u8]> {
        match pattern {
            [b'?' | b'[' | b'\\', ..] => Some(text),
            [literal, ..] if self.case == Case::Exact => {
                text.get(memchr::memchr(*literal, text)?..)
            }
            _ => Some(text),
        }
    }
}

fn skip_stars(pattern: &[u8]) -> &[u8] {
    let stars = pattern.iter().take_while(|&&byte| byte == b'*').count();
    pattern.get(stars..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &[u8], text: &[u8], expect: bool) {
        assert_eq!(matches(pattern, text), expect, "{pattern:?} {text:?}");
    }

    #[test]
    fn stars_and_question_marks() {
        for (pattern, text, expect) in [
            ("", "", true),
            ("*", "", false),
            ("*", "a", true),
            ("**", "abc", true),
            ("a*", "a", true),
            ("*a", "", false),
            ("a**b", "ab", true),
            ("*a*b*", "xaxxb", true),
            ("a*?", "a", false),
            ("a*?", "ab", true),
            ("?", "", false),
            ("h?llo", "hallo", true),
            ("h*llo", "heeeello", true),
            ("*aab", "aaaaab", true),
            ("*ab*ab", "abxab", true),
            ("*ab*ab", "xab", false),
            ("news.*", "news", false),
        ] {
            check(pattern.as_bytes(), text.as_bytes(), expect);
        }
    }

    #[test]
    fn classes() {
        for (pattern, text, expect) in [
            ("[a-c]", "b", true),
            ("[c-a]", "b", true),
            ("[a", "a", true),
            ("[a", "b", false),
            ("[", "a", false),
            ("[^", "a", true),
            ("[^a", "a", false),
            ("[^a]b", "cb", true),
            ("[]a]", "a]", false),
            ("[^]", "a", true),
            ("[\\]]", "]", true),
            ("[\\", "\\", true),
            ("[a-", "-", true),
            ("[a-]", "a", true),
            ("[a-]", "-", false),
            ("[-a]", "-", true),
            ("[a\\-c]", "b", false),
            ("[a\\-c]", "-", true),
            ("[Z-\\]", "[", true),
            ("[^^]", "^", false),
            ("\\", "\\", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
        ] {
            check(pattern.as_bytes(), text.as_bytes(), expect);
        }
        check(b"[a-\xff]", b"b", false);
        check(b"[\x80-\xff]", b"\x90", true);
    }

    #[test]
    fn case_is_folded_on_demand() {
        assert!(matches_nocase(b"DATA*[S]", b"databases"));
        assert!(matches_nocase(b"[A-Z]atabases", b"databases"));
        assert!(matches_nocase(b"\\Databases", b"databases"));
        assert!(!matches_nocase(b"[\\D]atabases", b"databases"));
        assert!(!matches_nocase(b"[Y-a]ppendonly", b"appendonly"));
        assert!(!matches(b"DATA", b"data"));
    }

    #[test]
    fn slow_patterns_end() {
        let text = vec![b'a'; 100_000];
        let pattern = [b"*".as_slice(), &vec![b'a'; 50_000], b"b"].concat();
        check(&pattern, &text, false);
        check("*a".repeat(1000).as_bytes(), &text, true);
        check("*a".repeat(1001).as_bytes(), &text, false);
        check(&[b"[".as_slice(), &vec![b'x'; 2_000_000]].concat(), b"a", false);
    }
}
