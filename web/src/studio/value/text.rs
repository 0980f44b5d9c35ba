//! Bytes as text and back.
//!
//! A person sees and types plain text where bytes are plain text, and what redis-cli would print and
//! take where they are not: `"\x00\xff"`. [`shown`] and [`typed`] are each other's reverse.

use redstart::resp::words;

/// Bytes as they are shown and edited.
pub fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => text.to_owned(),
        _ => String::from_utf8_lossy(&words::quote(bytes)).into_owned(),
    }
}

/// The bytes that were typed.
pub fn typed(text: &str) -> Vec<u8> {
    if text.len() > 1
        && text.starts_with('"')
        && text.ends_with('"')
        && let Ok([word]) = words::split(text.as_bytes()).as_deref()
    {
        return word.clone();
    }
    text.as_bytes().to_vec()
}

/// Text that a person can see all of. One that begins as quoted text does is shown quoted, so that
/// it is read back as it is.
fn is_plain(text: &str) -> bool {
    let is_quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    !text.chars().any(is_hidden) && !is_quoted
}

/// Whether bytes are text that a person can see all of.
pub fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(is_hidden))
}

fn is_hidden(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
}

/// The start of `shown`, for a line in a list: no line breaks, and no more than `most` letters.
pub fn brief(bytes: &[u8], most: usize) -> String {
    // A letter has up to four bytes, and what is quoted has four letters for one.
    let start = bytes.get(..bytes.len().min(most * 4)).unwrap_or_default();
    // What was cut within a letter is no reason to quote the rest.
    let start = match std::str::from_utf8(start) {
        Err(error) if start.len() < bytes.len() && error.error_len().is_none() => {
            start.get(..error.valid_up_to()).unwrap_or_default()
        }
        _ => start,
    };
    let text = shown(start);
    let is_cut = start.len() < bytes.len() || text.chars().nth(most).is_some();
    let line = text.chars().take(most).map(|letter| if letter == '\n' { '⏎' } else { letter });
    line.chain(is_cut.then_some('…')).collect()
}

/// A command as it would be typed.
pub fn line(command: &[Vec<u8>]) -> String {
    let word = |word: &Vec<u8>| {
        let is_bare = !word.is_empty()
            && word
                .iter()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
        match std::str::from_utf8(word) {
            Ok(text) if is_bare => text.to_owned(),
            _ => String::from_utf8_lossy(&words::quote(word)).into_owned(),
        }
    };
    command.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Lines of so many bytes: where each begins, the bytes in hexadecimal, and as ASCII.
pub fn hex_lines(bytes: &[u8], offset: usize, width: usize) -> Vec<(String, String, String)> {
    let line = |(index, chunk): (usize, &[u8])| {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let ascii = |&byte: &u8| match byte {
            0x20..=0x7e => char::from(byte),
            _ => '·',
        };
        let place = format!("{:08x}", offset + index * width);
        (place, hex.join(" "), chunk.iter().map(ascii).collect())
    };
    bytes.chunks(width).enumerate().map(line).collect()
}

/// Bytes in hexadecimal, sixteen a line.
pub fn hex(bytes: &[u8]) -> String {
    let lines: Vec<String> = hex_lines(bytes, 0, 16).into_iter().map(|(_, hex, _)| hex).collect();
    lines.join("\n")
}

/// The bytes of hexadecimal digits, between which there may be spaces.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8; 2]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

/// JSON with a line for each member, its words as they were; `None` if it is no object or array of
/// JSON. Costs O(bytes).
pub fn pretty_json(text: &str) -> Option<String> {
    let mut json = Json { rest: text.trim(), out: String::new(), depth: 0 };
    if !json.rest.starts_with(['{', '[']) {
        return None;
    }
    json.value()?;
    json.rest.trim_start().is_empty().then_some(json.out)
}

/// How deep JSON is followed; a deeper one is not shown as such.
const JSON_DEPTH_MAX: usize = 64;

struct Json<'a> {
    rest: &'a str,
    out: String,
    depth: usize,
}

impl<'a> Json<'a> {
    fn value(&mut self) -> Option<()> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '{' => self.members('{', '}'),
            '[' => self.members('[', ']'),
            '"' => self.string(),
            _ => {
                let end = self.rest.find([',', ']', '}', ' ', '\n', '\r', '\t']);
                let word = self.take(end.unwrap_or(self.rest.len()))?;
                let is_number = word.parse::<f64>().is_ok()
                    && word.starts_with(|first: char| first == '-' || first.is_ascii_digit());
                let is_word = matches!(word, "true" | "false" | "null");
                (is_number || is_word).then(|| self.out.push_str(word))
            }
        }
    }

    fn take(&mut self, bytes: usize) -> Option<&'a str> {
        let (taken, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        Some(taken)
    }

    fn string(&mut self) -> Option<()> {
        let mut is_escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, letter)| {
            let ends = *letter == '"' && !is_escaped;
            is_escaped = *letter == '\\' && !is_escaped;
            ends
        });
        let word = self.take(end?.0 + 1)?;
        (!word.chars().any(char::is_control)).then(|| self.out.push_str(word))
    }

    fn eat(&mut self, letter: char) -> bool {
        self.rest = self.rest.trim_start();
        let rest = self.rest.strip_prefix(letter);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn members(&mut self, open: char, close: char) -> Option<()> {
        if self.depth == JSON_DEPTH_MAX || !self.eat(open) {
            return None;
        }
        self.out.push(open);
        if self.eat(close) {
            self.out.push(close);
            return Some(());
        }
        self.depth += 1;
        loop {
            self.new_line();
            if open == '{' {
                self.rest = self.rest.trim_start();
                self.rest.starts_with('"').then(|| self.string())??;
                if !self.eat(':') {
                    return None;
                }
                self.out.push_str(": ");
            }
            self.value()?;
            if self.eat(',') {
                self.out.push(',');
            } else {
                break;
            }
        }
        self.depth -= 1;
        self.new_line();
        self.out.push(close);
        self.eat(close).then_some(())
    }

    fn new_line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

/// So many bytes, in words.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let (mut number, mut unit) = (bytes as f64, 0);
    while number >= 1024.0 && unit + 1 < units.len() {
        number /= 1024.0;
        unit += 1;
    }
    // Three digits tell enough.
    let digits = usize::from(unit > 0 && number < 99.95);
    format!("{number:.digits$} {}", units[unit])
}

/// A length of time by its two largest units: `2 min 5 s`.
pub fn span(ms: i64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms")];
    let ms = ms.max(0);
    let Some(first) = units.iter().position(|(length, _)| ms >= *length) else {
        return "0 ms".to_owned();
    };
    let (length, unit) = units[first];
    let mut text = format!("{} {unit}", ms / length);
    // Milliseconds matter only where there are no seconds.
    let second = units.get(first + 1).filter(|(_, unit)| *unit != "ms");
    if let Some((length, unit)) = second
        && (ms % units[first].0) / length > 0
    {
        text.push_str(&format!(" {} {unit}", (ms % units[first].0) / length));
    }
    text
}

/// A whole number with its digits in threes.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use redstart::base::rng::{Rng, Seed};

    #[test]
    fn what_is_shown_is_read_back() {
        let mut rng = Rng::new(Seed::of(1));
        let alphabet = b"ab \"\\\n\t\0\xff\xc3\xa9'";
        for _ in 0..3000 {
            let count = rng.below(6);
            let byte = |_| alphabet[rng.below(alphabet.len() as u64) as usize];
            let bytes: Vec<u8> = (0..count).map(byte).collect();
            assert_eq!(typed(&shown(&bytes)), bytes, "{}", shown(&bytes));
        }
        assert_eq!(shown("héllo\nworld".as_bytes()), "héllo\nworld");
        assert_eq!(shown(b"\xff\0"), "\"\\xff\\x00\"");
        assert_eq!(shown(b"\"a\""), "\"\\\"a\\\"\"");
    }

    #[test]
    fn a_line_in_a_list_is_short() {
        assert_eq!(brief(b"hello", 10), "hello");
        assert_eq!(brief(b"a\nb", 10), "a⏎b");
        assert_eq!(brief(&[b'x'; 1000], 5), "xxxxx…");
        assert_eq!(brief("é".repeat(1000).as_bytes(), 3), "ééé…");
    }

    #[test]
    fn commands_are_written_as_they_are_typed() {
        let words: Vec<Vec<u8>> = [&b"SET"[..], b"a b", b"", b"\xff"].map(<[u8]>::to_vec).to_vec();
        let text = line(&words);
        assert_eq!(text, "SET \"a b\" \"\" \"\\xff\"");
        assert_eq!(words::split(text.as_bytes()).unwrap(), words);
    }

    #[test]
    fn hexadecimal_digits_go_both_ways() {
        let bytes: Vec<u8> = (0..40).collect();
        assert_eq!(unhex(&hex(&bytes)), Some(bytes.clone()));
        assert_eq!(hex_lines(&bytes, 16, 16)[1].0, "00000020");
        assert_eq!(hex_lines(b"a\0", 0, 8)[0], ("00000000".into(), "61 00".into(), "a·".into()));
        assert_eq!((unhex("6 1"), unhex("616"), unhex("zz")), (Some(vec![0x61]), None, None));
    }

    #[test]
    fn json_keeps_its_words() {
        let pretty = pretty_json(r#" {"b":[1.0,{"a":12345678901234567890}],"c":"\"x",  "d":{}} "#);
        let expect = "{\n  \"b\": [\n    1.0,\n    {\n      \"a\": 12345678901234567890\n    }\n  ],\n  \
                      \"c\": \"\\\"x\",\n  \"d\": {}\n}";
        assert_eq!(pretty.as_deref(), Some(expect));
        assert_eq!(pretty_json(&pretty.unwrap()).as_deref(), Some(expect));
        for wrong in ["1", "{", "{a:1}", "[1,]", "[1 2]", "{\"a\"}", "[1]x", "[\"a]", "[nan]", ""] {
            assert_eq!(pretty_json(wrong), None, "{wrong}");
        }
        assert_eq!(pretty_json(&"[".repeat(1000)), None);
    }

    #[test]
    fn sizes_and_spans_are_short() {
        let sizes = [0, 999, 1024, 1_500_000, 107_374_182_400].map(size);
        assert_eq!(sizes, ["0 B", "999 B", "1.0 KB", "1.4 MB", "100 GB"]);
        let spans = [0, 12, 1500, 125_000, 3_600_000, 100_000_000].map(span);
        assert_eq!(spans, ["0 ms", "12 ms", "1 s", "2 min 5 s", "1 h", "1 d 3 h"]);
        assert_eq!(grouped(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
