//! JavaScript and styles, made shorter.
//!
//! What a program and the JavaScript around it call of each other has names of fifty letters with a random number in each, which no
//! compression makes small; here they get names of two or three. Indentation and comments go too. That is
//! all that can be done without understanding JavaScript, and half of what the file weighs.

use std::collections::BTreeMap;

/// Short names for long ones.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// Gives what is called `name` a short name, the same one each time.
    pub(crate) fn shorten(&mut self, name: &mut String) {
        let next = self.0.len();
        *name = self.0.entry(std::mem::take(name)).or_insert_with(|| short(next)).clone();
    }

    /// Gives short names to the functions of wasm-bindgen's own in `js`: those that it does not export.
    pub(crate) fn shorten_helpers(&mut self, js: &str) {
        let is_told = |name: &str| {
            name.starts_with("__wbg")
                || js.lines().any(|line| line.contains("export") && line.contains(name))
        };
        let names = js.lines().filter_map(|line| line.strip_prefix("function ")?.split('(').next());
        for name in names.filter(|name| !is_told(name)) {
            self.shorten(&mut name.to_owned());
        }
    }

    /// The same JavaScript with the short names, and without indentation and comments.
    pub(crate) fn apply(&self, js: &str) -> String {
        let mut text = String::new();
        let mut rest = js;
        while let Some(start) = rest.find(is_of_name) {
            let (before, from) = rest.split_at(start);
            let (word, behind) =
                from.split_at(from.find(|letter| !is_of_name(letter)).unwrap_or(from.len()));
            text.push_str(before);
            text.push_str(self.0.get(word).map_or(word, String::as_str));
            rest = behind;
        }
        text.push_str(rest);
        without_blanks(&text)
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

/// A name that no other number has, and nothing that wasm-bindgen names.
fn short(number: usize) -> String {
    let (mut rest, mut name) = (number, String::from("$"));
    loop {
        name.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
        if rest == 0 {
            return name;
        }
    }
}

/// Without indentation, empty lines and lines of comment. Text that goes over several lines would be
/// changed by it, so where a line leaves one open, all stays as it is.
pub(crate) fn without_blanks(js: &str) -> String {
    if js.lines().any(|line| line.matches('`').count() % 2 != 0) {
        return js.to_owned();
    }
    let mut short = String::new();
    let mut in_comment = false;
    for line in js.lines().map(str::trim) {
        let is_all_comment = line.find("*/").is_none_or(|end| end + 2 == line.len());
        in_comment |= line.starts_with("/*") && is_all_comment;
        if !in_comment && !line.is_empty() && !line.starts_with("//") {
            short.push_str(line);
            short.push('\n');
        }
        in_comment &= !line.ends_with("*/");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_are_shortened() {
        let mut names = Names::default();
        let (mut first, mut again) = ("__wbg_get_1".to_owned(), "__wbg_get_1".to_owned());
        names.shorten(&mut first);
        names.shorten(&mut "__wbg_get_12".to_owned());
        names.shorten(&mut again);
        assert_eq!((&*first, &*again), ("$a", "$a"));
        let js = "/**\n * Text.\n */\nx = {\n    __wbg_get_1: a,\n\n    // No.\n    __wbg_get_12: `b`,\n};";
        assert_eq!(names.apply(js), "x = {\n$a: a,\n$b: `b`,\n};\n");
        let style =
            "/* One. */\na {\n  /* Two\n   * lines. */\n  top: 0; /* Three. */\n}\n/* */ b { }\n";
        assert_eq!(without_blanks(style), "a {\ntop: 0; /* Three. */\n}\n/* */ b { }\n");
        let js = "function help(a) {\n}\nfunction start() { help(1) }\nexport { start };";
        names.shorten_helpers(js);
        assert_eq!(
            names.apply(js),
            "function $c(a) {\n}\nfunction start() { $c(1) }\nexport { start };\n"
        );
        let several = "x = `\n  __wbg_get_1`;";
        assert_eq!(names.apply(several), "x = `\n  $a`;");
    }

    #[test]
    fn short_names_differ() {
        let names: std::collections::BTreeSet<String> = (0..2_000).map(short).collect();
        assert_eq!(names.len(), 2_000);
    }
}
