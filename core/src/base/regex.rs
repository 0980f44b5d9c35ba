//! Extended regular expressions as POSIX has them, searched for in bytes.
//!
//! A pattern becomes a program of a few kinds of [`Step`]s. A search runs it for all beginnings at
//! once: it keeps the *set* of steps that may come next, so that each byte of the text costs at most
//! the length of the program, whatever the pattern is; nothing is tried and taken back. Whether there
//! is a match is all that is asked, so that it does not matter which one is longest, and `*?` means
//! what `*` does.
//!
//! Besides POSIX's, the usual escapes are understood: `\d`, `\s`, `\w` and their opposites, `\b`,
//! `\B`, `\<` and `\>` for the edges of words, `\t` and its like, `\x41` and `\x{41}`.

use super::limits;

/// Why a pattern is none, in the words that the library in Redis has for it.
pub type Reason = &'static str;

/// Repetitions in braces go up to this number.
const REPEATS_MAX: usize = 255;

const BAD_BRACES: Reason = "Invalid contents of {}";
const BAD_CLASS: Reason = "Unknown character class name";
const BAD_PATTERN: Reason = "Invalid regexp";
const BAD_RANGE: Reason = "Invalid character range";
const BAD_REPEAT: Reason = "Invalid use of repetition operators";
const NO_BRACE: Reason = "Missing '}'";
const NO_BRACKET: Reason = "Missing ']'";
const NO_COLLATION: Reason = "Unknown collating element";
const NO_PARENTHESIS: Reason = "Missing ')'";
const TOO_LARGE: Reason = "Out of memory";
const TRAILING: Reason = "Trailing backslash";

/// The reason why a pattern that refers back to what a group has matched is none here.
pub const BACK_REFERENCE: Reason = "Invalid back reference";

/// A step of a program. Places are relative to the step, so that steps can be repeated.
#[derive(Clone, Copy)]
enum Step {
    /// A byte of the class of this number.
    Class(u16),
    /// On, if this is so here.
    If(Edge),
    /// On, and there too.
    Fork(i32),
    /// There.
    Jump(i32),
}

/// What can be so between two bytes.
#[derive(Clone, Copy)]
enum Edge {
    Start,
    End,
    WordStart,
    WordEnd,
    Word,
    NotWord,
}

/// Some of all bytes.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Class([u64; 4]);

impl Class {
    fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn add(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    fn add_all(&mut self, is_in: fn(&u8) -> bool) {
        (0..=u8::MAX).filter(is_in).for_each(|byte| self.add(byte));
    }

    fn inverted(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    /// With the other case of each letter.
    fn folded(mut self) -> Self {
        for byte in (0..=u8::MAX).filter(u8::is_ascii_alphabetic) {
            if self.has(byte) {
                self.add(byte ^ 0x20);
            }
        }
        self
    }
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b'_'
}

fn is_space(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == 0x0b
}

/// A pattern that is ready to be searched for.
pub struct Regex {
    steps: Vec<Step>,
    classes: Vec<Class>,
    /// What a search works with, kept from one to the next.
    now: Set,
    next: Set,
}

/// The steps that may come next.
#[derive(Default)]
struct Set {
    steps: Vec<u32>,
    /// Which steps are in the set: those with the number of this round.
    seen: Vec<u32>,
    round: u32,
}

impl Regex {
    /// Reads a pattern; ASCII letters match in either case if `nocase`.
    pub fn new(pattern: &[u8], nocase: bool) -> Result<Self, Reason> {
        let mut parser = Parser { left: pattern, nocase, classes: Vec::new(), size: 0 };
        let steps = parser.pattern()?;
        let set = || Set { seen: vec![0; steps.len() + 1], ..Set::default() };
        let (now, next) = (set(), set());
        Ok(Self { steps, classes: parser.classes, now, next })
    }

    /// Whether the pattern matches somewhere in `text`. Costs O(text × pattern) at worst; a match
    /// that takes more than [`limits::REGEX_STEPS_MAX`] steps to find is not found.
    pub fn is_in(&mut self, text: &[u8]) -> bool {
        let mut left = limits::REGEX_STEPS_MAX;
        let (mut now, mut next) = (std::mem::take(&mut self.now), std::mem::take(&mut self.next));
        now.clear();
        let mut found = false;
        for at in 0..=text.len() {
            found = self.enter(&mut now, 0, text, at);
            let spent = now.steps.len() as u64 + 1;
            if found || left < spent {
                break;
            }
            left -= spent;
            next.clear();
            if let Some(&byte) = text.get(at) {
                for &place in &now.steps {
                    if let Some(&Step::Class(class)) = self.steps.get(place as usize)
                        && self.classes[usize::from(class)].has(byte)
                    {
                        found |= self.enter(&mut next, place as usize + 1, text, at + 1);
                    }
                }
            }
            if found {
                break;
            }
            std::mem::swap(&mut now, &mut next);
        }
        (self.now, self.next) = (now, next);
        found
    }

    /// Adds to `set` the step at `place` and all that can be reached from it between the bytes before
    /// and at `at`. Returns whether the end of the program is among them.
    fn enter(&self, set: &mut Set, place: usize, text: &[u8], at: usize) -> bool {
        let mut found = false;
        // Those behind `done` are to be looked at.
        let mut done = set.steps.len();
        set.add(place);
        while let Some(&place) = set.steps.get(done) {
            done += 1;
            let place = place as usize;
            let to = |by: i32| place.wrapping_add_signed(by as isize);
            match self.steps.get(place) {
                None => found = true,
                Some(Step::Class(_)) => {}
                Some(Step::If(edge)) => {
                    if edge.is_at(text, at) {
                        set.add(place + 1);
                    }
                }
                Some(&Step::Fork(by)) => {
                    set.add(place + 1);
                    set.add(to(by));
                }
                Some(&Step::Jump(by)) => set.add(to(by)),
            }
        }
        found
    }
}

impl Set {
    fn clear(&mut self) {
        self.steps.clear();
        self.round = self.round.wrapping_add(1);
        if self.round == 0 {
            self.seen.fill(0);
            self.round = 1;
        }
    }

    fn add(&mut self, place: usize) {
        if let Some(seen) = self.seen.get_mut(place)
            && *seen != self.round
        {
            *seen = self.round;
            self.steps.push(place as u32);
        }
    }
}

impl Edge {
    fn is_at(self, text: &[u8], at: usize) -> bool {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let (before, behind) = (before.is_some_and(is_word), text.get(at).is_some_and(is_word));
        match self {
            Self::Start => at == 0,
            Self::End => at == text.len(),
            Self::WordStart => !before && behind,
            Self::WordEnd => before && !behind,
            Self::Word => before != behind,
            Self::NotWord => before == behind,
        }
    }
}

/// A pattern that is being read.
struct Parser<'a> {
    left: &'a [u8],
    nocase: bool,
    classes: Vec<Class>,
    /// Steps that were made, those that were repeated included.
    size: usize,
}

/// A group that is being read.
#[derive(Default)]
struct Open {
    /// Its alternatives before the last `|`.
    alternatives: Option<Vec<Step>>,
    steps: Vec<Step>,
    /// Where in `steps` that begins which can be repeated.
    last: Option<usize>,
}

impl Open {
    fn push(&mut self, steps: &[Step]) {
        self.last = Some(self.steps.len());
        self.steps.extend_from_slice(steps);
    }

    /// What was read is one alternative.
    fn end_alternative(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        self.last = None;
        self.alternatives = Some(match self.alternatives.take() {
            None => steps,
            Some(before) => {
                let mut all = vec![Step::Fork(before.len() as i32 + 2)];
                all.extend(before);
                all.push(Step::Jump(steps.len() as i32 + 1));
                all.extend(steps);
                all
            }
        });
    }
}

impl Parser<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, left) = self.left.split_first()?;
        self.left = left;
        Some(first)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let left = self.left.strip_prefix(&[byte]);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// The whole pattern. Groups are kept on a stack of their own: a client decides how deep they are.
    fn pattern(&mut self) -> Result<Vec<Step>, Reason> {
        let (mut outer, mut open) = (Vec::new(), Open::default());
        while let Some(byte) = self.byte() {
            match byte {
                b'(' => outer.push(std::mem::take(&mut open)),
                b')' => {
                    open.end_alternative();
                    let group = open.alternatives.take().unwrap_or_default();
                    open = outer.pop().ok_or(NO_PARENTHESIS)?;
                    open.push(&group);
                }
                b'|' => open.end_alternative(),
                b'*' | b'+' | b'?' | b'{' => {
                    let (least, most) = self.repeats(byte)?;
                    self.repeat(&mut open, least, most)?;
                    // As few as possible: it makes no difference.
                    self.eat(b'?');
                }
                b'^' => open.push(&[Step::If(Edge::Start)]),
                b'$' => open.push(&[Step::If(Edge::End)]),
                _ => {
                    let step = match byte {
                        b'.' => self.class(Class::default().inverted())?,
                        b'[' => self.bracket()?,
                        b'\\' => self.escape()?,
                        byte => self.one(byte)?,
                    };
                    open.push(&[step]);
                }
            }
            self.size += 1;
            if self.size > limits::REGEX_STEPS {
                return Err(TOO_LARGE);
            }
        }
        if !outer.is_empty() {
            return Err(NO_PARENTHESIS);
        }
        open.end_alternative();
        Ok(open.alternatives.take().unwrap_or_default())
    }

    fn class(&mut self, class: Class) -> Result<Step, Reason> {
        let class = if self.nocase { class.folded() } else { class };
        let known = self.classes.iter().position(|&known| known == class);
        let number = known.unwrap_or_else(|| {
            self.classes.push(class);
            self.classes.len() - 1
        });
        u16::try_from(number).map(Step::Class).map_err(|_| TOO_LARGE)
    }

    fn one(&mut self, byte: u8) -> Result<Step, Reason> {
        let mut class = Class::default();
        class.add(byte);
        self.class(class)
    }

    /// How often what came before may be there, at least and at most, by what stands behind it.
    fn repeats(&mut self, byte: u8) -> Result<(usize, Option<usize>), Reason> {
        match byte {
            b'*' => return Ok((0, None)),
            b'+' => return Ok((1, None)),
            b'?' => return Ok((0, Some(1))),
            _ => {}
        }
        let least = self.number()?;
        let most = if self.eat(b',') { self.number()? } else { least };
        if self.left.is_empty() {
            return Err(NO_BRACE);
        }
        let is_empty = least.is_none() && most.is_none();
        let (least, upper) = (least.unwrap_or(0), most.unwrap_or(REPEATS_MAX));
        if !self.eat(b'}') || is_empty || least > upper || least.max(upper) > REPEATS_MAX {
            return Err(BAD_BRACES);
        }
        Ok((least, most))
    }

    fn number(&mut self) -> Result<Option<usize>, Reason> {
        let mut number = None;
        while let Some(digit) = self.left.first().filter(|byte| byte.is_ascii_digit()) {
            let value = number.unwrap_or(0) * 10 + usize::from(digit - b'0');
            number = Some(value);
            if value > REPEATS_MAX {
                return Err(BAD_BRACES);
            }
            self.byte();
        }
        Ok(number)
    }

    fn repeat(&mut self, open: &mut Open, least: usize, most: Option<usize>) -> Result<(), Reason> {
        let last = open.last.ok_or(BAD_REPEAT)?;
        let one = open.steps.split_off(last);
        self.size += (one.len() + 2) * most.unwrap_or(least + 1);
        if self.size > limits::REGEX_STEPS {
            return Err(TOO_LARGE);
        }
        (0..least).for_each(|_| open.steps.extend_from_slice(&one));
        let behind = one.len() as i32 + 1;
        match most {
            Some(most) => {
                for _ in least..most {
                    open.steps.push(Step::Fork(behind));
                    open.steps.extend_from_slice(&one);
                }
            }
            None => {
                open.steps.push(Step::Fork(behind + 1));
                open.steps.extend_from_slice(&one);
                open.steps.push(Step::Jump(-behind));
            }
        }
        Ok(())
    }

    /// What follows a `[`.
    fn bracket(&mut self) -> Result<Step, Reason> {
        let mut class = Class::default();
        let is_inverted = self.eat(b'^');
        let mut is_first = true;
        loop {
            let byte = self.byte().ok_or(NO_BRACKET)?;
            if byte == b']' && !is_first {
                break;
            }
            is_first = false;
            match (byte, self.left) {
                (b'[', [b':', left @ ..]) => {
                    let end = left.windows(2).position(|two| two == b":]").ok_or(BAD_CLASS)?;
                    class.add_all(class_of(&left[..end]).ok_or(BAD_CLASS)?);
                    self.left = &left[end + 2..];
                }
                (b'[', [b'.' | b'=', ..]) => return Err(NO_COLLATION),
                (first, [b'-', last, left @ ..]) if *last != b']' => {
                    if *last == b'[' && matches!(left, [b'.' | b'=', ..]) {
                        return Err(NO_COLLATION);
                    }
                    self.left = left;
                    if first > *last {
                        return Err(BAD_RANGE);
                    }
                    (first..=*last).for_each(|byte| class.add(byte));
                }
                (byte, _) => class.add(byte),
            }
        }
        // What is not meant is what neither case of a letter is.
        let class = if self.nocase { class.folded() } else { class };
        self.classes.push(if is_inverted { class.inverted() } else { class });
        u16::try_from(self.classes.len() - 1).map(Step::Class).map_err(|_| TOO_LARGE)
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<Step, Reason> {
        let byte = self.byte().ok_or(TRAILING)?;
        let mut class = Class::default();
        match byte {
            b'w' | b'W' => class.add_all(is_word),
            b's' | b'S' => class.add_all(is_space),
            b'd' | b'D' => class.add_all(u8::is_ascii_digit),
            b'<' => return Ok(Step::If(Edge::WordStart)),
            b'>' => return Ok(Step::If(Edge::WordEnd)),
            b'b' => return Ok(Step::If(Edge::Word)),
            b'B' => return Ok(Step::If(Edge::NotWord)),
            b'1'..=b'9' => return Err(BACK_REFERENCE),
            b'x' => {
                let byte = self.hexadecimal()?;
                return self.one(byte);
            }
            b't' => class.add(b'\t'),
            b'n' => class.add(b'\n'),
            b'r' => class.add(b'\r'),
            b'f' => class.add(0x0c),
            b'a' => class.add(0x07),
            b'e' => class.add(0x1b),
            byte => class.add(byte),
        }
        let is_opposite = matches!(byte, b'W' | b'S' | b'D');
        self.class(if is_opposite { class.inverted() } else { class })
    }

    /// The byte that `41` or `{41}` stands for.
    fn hexadecimal(&mut self) -> Result<u8, Reason> {
        let digits = if self.eat(b'{') {
            let end = self.left.iter().position(|&byte| byte == b'}').ok_or(NO_BRACE)?;
            let (digits, left) = self.left.split_at(end);
            self.left = &left[1..];
            digits
        } else {
            let is_digit = |byte: &&u8| byte.is_ascii_hexdigit();
            let count = self.left.iter().take(2).take_while(is_digit).count();
            let (digits, left) = self.left.split_at(count);
            self.left = left;
            digits
        };
        digits.iter().try_fold(0u8, |value, &digit| {
            let digit = char::from(digit).to_digit(16).ok_or(BAD_PATTERN)?;
            Ok(value.checked_mul(16).ok_or(BAD_PATTERN)? + digit as u8)
        })
    }
}

/// The bytes of a class that has a name.
fn class_of(name: &[u8]) -> Option<fn(&u8) -> bool> {
    Some(match name {
        b"alnum" => u8::is_ascii_alphanumeric,
        b"alpha" => u8::is_ascii_alphabetic,
        b"blank" => |byte| matches!(byte, b' ' | b'\t'),
        b"cntrl" => u8::is_ascii_control,
        b"digit" => u8::is_ascii_digit,
        b"graph" => u8::is_ascii_graphic,
        b"lower" => u8::is_ascii_lowercase,
        b"print" => |byte| (b' '..=b'~').contains(byte),
        b"punct" => u8::is_ascii_punctuation,
        b"space" => is_space,
        b"upper" => u8::is_ascii_uppercase,
        b"xdigit" => u8::is_ascii_hexdigit,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(pattern: &str, text: &str) -> bool {
        Regex::new(pattern.as_bytes(), false).unwrap().is_in(text.as_bytes())
    }

    #[test]
    fn patterns_are_found() {
        for (pattern, texts, others) in [
            ("abc", &["abc", "xxabcxx"][..], &["ab", "acb", ""][..]),
            ("^abc$", &["abc"], &["xabc", "abcx"]),
            ("a|bc|", &["", "x"], &[]),
            ("^(a|bc|d)$", &["a", "bc", "d"], &["b", "ad", ""]),
            ("^(ab)*$", &["", "ab", "abab"], &["a", "aba"]),
            ("^(a*)*$", &["", "aaa"], &["b"]),
            ("^(a*)+b", &["b", "aab"], &["c", "ac"]),
            ("^a+?$", &["a", "aa"], &["", "ab"]),
            ("^ab?c$", &["ac", "abc"], &["abbc"]),
            ("^a{2}$", &["aa"], &["a", "aaa"]),
            ("^a{2,}$", &["aa", "aaaa"], &["a"]),
            ("^a{,2}$", &["", "aa"], &["aaa"]),
            ("^(ab|c){1,2}$", &["ab", "cab", "cc"], &["", "abcab"]),
            ("^a{0}$", &[""], &["a"]),
            ("^.$", &["a", "\n"], &["", "ab"]),
            ("^[a-c]$", &["a", "c"], &["d", "-"]),
            ("^[^a-c]$", &["d", "-"], &["a", "c", ""]),
            ("^[]a-]$", &["]", "a", "-"], &["b"]),
            ("^[[:digit:][:upper:]_]+$", &["9A_"], &["a", "9A_ "]),
            ("^\\d\\D\\w\\W\\s\\S$", &["1x_- x"], &["1x_-xx"]),
            ("\\bcat\\b", &["a cat!", "cat"], &["concat", "cats"]),
            ("\\<a\\B", &["ab"], &["a", "ba"]),
            ("^\\x41\\x{42}\\.$", &["AB."], &["ABx"]),
            ("^a\\(\\{$", &["a({"], &["a"]),
            ("((((a))))", &["xa"], &["b"]),
        ] {
            for text in texts {
                assert!(is_in(pattern, text), "{pattern} in {text:?}");
            }
            for text in others {
                assert!(!is_in(pattern, text), "{pattern} not in {text:?}");
            }
        }
    }

    #[test]
    fn letters_match_in_either_case() {
        for (pattern, text, expect) in [
            ("aBc", "AbC", true),
            ("^[a-c]$", "B", true),
            ("^[^b]$", "B", false),
            ("é", "É", false),
        ] {
            let found = Regex::new(pattern.as_bytes(), true).unwrap().is_in(text.as_bytes());
            assert_eq!(found, expect, "{pattern} in {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, reason) in [
            ("(a", NO_PARENTHESIS),
            ("a)", NO_PARENTHESIS),
            ("[a", NO_BRACKET),
            ("[]", NO_BRACKET),
            ("[[:what:]]", BAD_CLASS),
            ("[[.a.]]", NO_COLLATION),
            ("[b-a]", BAD_RANGE),
            ("a{1", NO_BRACE),
            ("a{2,1}", BAD_BRACES),
            ("a{x}", BAD_BRACES),
            ("a{256}", BAD_BRACES),
            ("*a", BAD_REPEAT),
            ("(+)", BAD_REPEAT),
            ("a|?", BAD_REPEAT),
            ("a\\", TRAILING),
            ("(a)\\1", BACK_REFERENCE),
            ("\\x{1", NO_BRACE),
            ("\\x{zz}", BAD_PATTERN),
            ("((a{255}){255}){255}", TOO_LARGE),
        ] {
            assert_eq!(Regex::new(pattern.as_bytes(), false).err(), Some(reason), "{pattern}");
        }
    }

    #[test]
    fn made_to_be_slow() {
        let pattern = format!("{}{}", "a?".repeat(300), "a".repeat(300));
        assert!(is_in(&pattern, &"a".repeat(300)));
        assert!(!is_in(&pattern, &"a".repeat(299)));
        assert!(!is_in("(a|aa|a*)*b", &"a".repeat(5000)));
        let deep = format!("{}x{}", "(".repeat(1000), ")".repeat(1000));
        assert!(is_in(&deep, "x"));
    }
}
