//! Declarations in short: what a program carries of them.
//!
//! A declaration is a tree of structures that hold texts. Linked as it is, it would be for the most part
//! addresses, lengths and empty fields, which hardly compress, and whoever visits the page downloads
//! them. So [`Packer`] writes all of them down one after the other while the program is *compiled*:
//! it is used in constants alone, and only what it has written is linked. [`Packed::unpack`] makes the
//! declarations from it again, once, for the table.
//!
//! Texts and everything else are written apart, because each compresses best among its like. A text ends
//! with a byte 0, a list begins with its length. What only people read is apart too: a program may be
//! without it until somebody reads ([`describe`]).

use std::slice::Iter;
use std::str::Split;

use super::{
    Access, Acl, Arg, BeginSearch, CONSTANT, Category, Command, FindKeys, Finder, Flag, Group,
    KeySpec, Kind, describe,
};

/// Declarations in short.
pub struct Packed<H: 'static> {
    /// All texts, in the order in which the declarations need them.
    pub texts: &'static [u8],
    /// Everything else but the handlers.
    pub shapes: &'static [u8],
    /// The [descriptions](super::describe), if they are linked.
    pub descriptions: &'static [u8],
    /// What they, or others that are given later, have to be.
    pub fingerprint: u32,
    /// The handlers of all commands, each before those of its subcommands.
    pub handlers: &'static [H],
    /// What finds the keys of those of them that have something for it.
    pub finders: &'static [Option<Finder>],
}

/// Ends a text.
pub(super) const END: u8 = 0;

/// The most bytes of texts, and of everything else.
const BYTES_MAX: usize = 1 << 17;

/// What it adds to a number that may be negative, to write it as a byte.
const BIAS: i32 = 128;

// What the first byte of an argument says beside its kind, and what the second one says, which is
// there if the first says so.
const OPTIONAL: u8 = 1 << 4;
const MULTIPLE: u8 = 1 << 5;
const TOKEN: u8 = 1 << 6;
const MORE: u8 = 1 << 7;
const MULTIPLE_TOKEN: u8 = 1;
const SINCE: u8 = 1 << 1;
const DEPRECATED: u8 = 1 << 2;
const DISPLAY: u8 = 1 << 3;
const ACCESS: u8 = 1 << 4;

// What of the keys is declared, and that the command takes the same time for all of them.
const SPECS: u8 = 1;
const FINDER: u8 = 1 << 1;
const IS_CONSTANT: u8 = 1 << 2;

// How the search for keys begins, and how they are found.
const BY_INDEX: u8 = 0;
const BY_KEYWORD: u8 = 1;
const IN_RANGE: u8 = 0;
const COUNTED: u8 = 1;
const UNKNOWN: u8 = 3;

/// Writes declarations down. Constants have no iterators, hence the loops.
pub struct Packer {
    texts: Bytes,
    shapes: Bytes,
    descriptions: Bytes,
}

struct Bytes {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl Bytes {
    const EMPTY: Self = Self { bytes: [0; BYTES_MAX], len: 0 };

    const fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    const fn text(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let [first, others @ ..] = rest {
            assert!(*first != END);
            self.push(*first);
            rest = others;
        }
        self.push(END);
    }

    const fn cut<const LEN: usize>(&self) -> [u8; LEN] {
        assert!(LEN == self.len);
        let mut cut = [0; LEN];
        cut.copy_from_slice(self.bytes.split_at(LEN).0);
        cut
    }
}

impl Packer {
    /// Writes all commands of all families.
    pub const fn of<H>(families: &[&[&Command<H>]]) -> Self {
        let mut packer =
            Self { texts: Bytes::EMPTY, shapes: Bytes::EMPTY, descriptions: Bytes::EMPTY };
        let mut index = 0;
        while index < families.len() {
            packer.commands(families[index]);
            index += 1;
        }
        packer
    }

    /// How many bytes the texts have.
    pub const fn texts_len(&self) -> usize {
        self.texts.len
    }

    /// The texts.
    pub const fn texts<const LEN: usize>(&self) -> [u8; LEN] {
        self.texts.cut()
    }

    /// How many bytes everything else has.
    pub const fn shapes_len(&self) -> usize {
        self.shapes.len
    }

    /// Everything else.
    pub const fn shapes<const LEN: usize>(&self) -> [u8; LEN] {
        self.shapes.cut()
    }

    /// How many bytes the descriptions have.
    pub const fn descriptions_len(&self) -> usize {
        self.descriptions.len
    }

    /// The descriptions.
    pub const fn descriptions<const LEN: usize>(&self) -> [u8; LEN] {
        self.descriptions.cut()
    }

    /// What tells the descriptions from others.
    pub const fn fingerprint(&self) -> u32 {
        describe::fingerprint(self.descriptions.bytes.split_at(self.descriptions.len).0)
    }

    const fn text(&mut self, text: &str) {
        self.texts.text(text);
    }

    const fn text_if_any(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    const fn byte(&mut self, byte: u8) {
        self.shapes.push(byte);
    }

    const fn len(&mut self, len: usize) {
        assert!(len < 256);
        self.byte(len as u8);
    }

    const fn signed(&mut self, number: i32) {
        assert!(-BIAS <= number && number < BIAS);
        self.byte((number + BIAS) as u8);
    }

    const fn commands<H>(&mut self, commands: &[&Command<H>]) {
        let mut rest = commands;
        while let [first, others @ ..] = rest {
            self.command(first);
            rest = others;
        }
    }

    const fn command<H>(&mut self, command: &Command<H>) {
        const CONSTANT_BYTES: &[u8] = CONSTANT.as_bytes();
        let is_constant = matches!(command.complexity.as_bytes(), CONSTANT_BYTES);
        self.descriptions.text(command.summary);
        self.descriptions.text(command.since);
        if !is_constant {
            self.descriptions.text(command.complexity);
        }
        self.descriptions.text(command.example);
        self.text(command.name);
        assert!(Group::ALL[command.group as usize] as u8 == command.group as u8);
        self.byte(command.group as u8);
        self.len(command.flags.len());
        let mut flags = command.flags;
        while let [first, others @ ..] = flags {
            assert!(Flag::ALL[*first as usize] as u8 == *first as u8);
            self.byte(*first as u8);
            flags = others;
        }
        self.acl(&command.acl);
        self.args(command.args);
        self.signed(match command.arity {
            Some(arity) => arity,
            None => 0,
        });
        let specs = command.key_specs.is_some() as u8 * SPECS;
        let finder = command.find_keys.is_some() as u8 * FINDER;
        self.byte(specs | finder | (is_constant as u8 * IS_CONSTANT));
        if let Some(specs) = command.key_specs {
            self.key_specs(specs);
        }
        self.len(command.tips.len());
        let mut tips = command.tips;
        while let [first, others @ ..] = tips {
            self.text(first);
            tips = others;
        }
        self.byte(command.deprecated.is_some() as u8);
        if let Some((since, instead)) = command.deprecated {
            self.descriptions.text(since);
            self.descriptions.text(instead);
        }
        self.len(command.subcommands.len());
        self.commands(command.subcommands);
    }

    const fn acl(&mut self, acl: &Acl) {
        let (is_only, mut categories) = match acl {
            Acl::Group(more) => (false, *more),
            Acl::Only(these) => (true, *these),
        };
        self.byte(is_only as u8);
        self.len(categories.len());
        while let [first, others @ ..] = categories {
            assert!(Category::ALL[*first as usize] as u8 == *first as u8);
            self.byte(*first as u8);
            categories = others;
        }
    }

    const fn args(&mut self, args: &[Arg]) {
        self.len(args.len());
        let mut rest = args;
        while let [first, others @ ..] = rest {
            self.arg(first);
            rest = others;
        }
    }

    const fn arg(&mut self, arg: &Arg) {
        assert!(Kind::ALL[arg.kind as usize] as u8 == arg.kind as u8);
        let more = (arg.multiple_token as u8 * MULTIPLE_TOKEN)
            | (arg.since.is_some() as u8 * SINCE)
            | (arg.deprecated_since.is_some() as u8 * DEPRECATED)
            | (arg.display.is_some() as u8 * DISPLAY)
            | (!arg.access.is_empty() as u8 * ACCESS);
        self.byte(
            arg.kind as u8
                | (arg.optional as u8 * OPTIONAL)
                | (arg.multiple as u8 * MULTIPLE)
                | (arg.token.is_some() as u8 * TOKEN)
                | ((more != 0) as u8 * MORE),
        );
        if more != 0 {
            self.byte(more);
        }
        self.text(match arg.token {
            Some(token) if is_small_form(arg.name, token) => "",
            _ => arg.name,
        });
        self.text_if_any(arg.token);
        self.text_if_any(arg.since);
        self.text_if_any(arg.deprecated_since);
        self.text_if_any(arg.display);
        if !arg.access.is_empty() {
            self.access(arg.access);
        }
        if arg.kind.is_group() {
            self.args(arg.args);
        } else {
            assert!(arg.args.is_empty());
        }
    }

    const fn access(&mut self, access: &[Access]) {
        self.len(access.len());
        let mut rest = access;
        while let [first, others @ ..] = rest {
            assert!(Access::ALL[*first as usize] as u8 == *first as u8);
            self.byte(*first as u8);
            rest = others;
        }
    }

    const fn key_specs(&mut self, specs: &[KeySpec]) {
        self.len(specs.len());
        let mut rest = specs;
        while let [first, others @ ..] = rest {
            self.key_spec(first);
            rest = others;
        }
    }

    const fn key_spec(&mut self, spec: &KeySpec) {
        match spec.begin {
            BeginSearch::Index(index) => {
                self.byte(BY_INDEX);
                self.signed(index);
            }
            BeginSearch::Keyword(word, from) => {
                self.byte(BY_KEYWORD);
                self.text(word);
                self.signed(from);
            }
            BeginSearch::Unknown => self.byte(UNKNOWN),
        }
        match spec.find {
            FindKeys::Range { last, step, limit } => {
                self.byte(IN_RANGE);
                self.signed(last);
                self.signed(step);
                self.signed(limit);
            }
            FindKeys::Count { count, first, step } => {
                self.byte(COUNTED);
                self.signed(count);
                self.signed(first);
                self.signed(step);
            }
            FindKeys::Unknown => self.byte(UNKNOWN),
        }
        self.access(spec.access);
        self.byte(spec.notes.is_some() as u8);
        self.text_if_any(spec.notes);
    }
}

/// Whether `name` is `token` in small letters, as the names of most tokens are; it need not be written then.
const fn is_small_form(name: &str, token: &str) -> bool {
    let (mut name, mut token) = (name.as_bytes(), token.as_bytes());
    while let ([first, names @ ..], [letter, letters @ ..]) = (name, token) {
        if *first != letter.to_ascii_lowercase() {
            return false;
        }
        (name, token) = (names, letters);
    }
    name.is_empty() && token.is_empty()
}

/// How many commands there are with their subcommands.
pub const fn count<H>(families: &[&[&Command<H>]]) -> usize {
    const fn of<H>(commands: &[&Command<H>]) -> usize {
        let (mut rest, mut sum) = (commands, commands.len());
        while let [first, others @ ..] = rest {
            sum += of(first.subcommands);
            rest = others;
        }
        sum
    }
    let (mut rest, mut sum) = (families, 0);
    while let [first, others @ ..] = rest {
        sum += of(first);
        rest = others;
    }
    sum
}

/// The handlers of all [`count`] commands.
pub const fn handlers<H: Copy, const COUNT: usize>(families: &[&[&Command<H>]]) -> [H; COUNT] {
    const fn put<H: Copy>(handlers: &mut [H], commands: &[&Command<H>], mut at: usize) -> usize {
        let mut rest = commands;
        while let [first, others @ ..] = rest {
            handlers[at] = first.run;
            at = put(handlers, first.subcommands, at + 1);
            rest = others;
        }
        at
    }
    let mut handlers = [families[0][0].run; COUNT];
    let (mut rest, mut at) = (families, 0);
    while let [first, others @ ..] = rest {
        at = put(&mut handlers, first, at);
        rest = others;
    }
    assert!(at == COUNT);
    handlers
}

/// What finds keys, of the commands that have something: as many as there is room for, and how many.
pub const fn finders<H, const ROOM: usize>(
    families: &[&[&Command<H>]],
) -> ([Option<Finder>; ROOM], usize) {
    const fn put<H>(
        finders: &mut [Option<Finder>],
        commands: &[&Command<H>],
        mut at: usize,
    ) -> usize {
        let mut rest = commands;
        while let [first, others @ ..] = rest {
            if first.find_keys.is_some() {
                if at < finders.len() {
                    finders[at] = first.find_keys;
                }
                at += 1;
            }
            at = put(finders, first.subcommands, at);
            rest = others;
        }
        at
    }
    let mut finders = [None; ROOM];
    let (mut rest, mut at) = (families, 0);
    while let [first, others @ ..] = rest {
        at = put(&mut finders, first, at);
        rest = others;
    }
    (finders, at)
}

impl<H: Copy> Packed<H> {
    /// The declarations, which live as long as the program from now on.
    pub fn unpack(&self) -> Vec<&'static Command<H>> {
        let mut reader = Reader {
            texts: std::str::from_utf8(self.texts).unwrap_or_default().split(char::from(END)),
            shapes: self.shapes.iter(),
            handlers: self.handlers.iter(),
            finders: self.finders.iter(),
        };
        reader.commands(usize::MAX)
    }
}

/// Reads what a [`Packer`] has written.
struct Reader<H: 'static> {
    texts: Split<'static, char>,
    shapes: Iter<'static, u8>,
    handlers: Iter<'static, H>,
    finders: Iter<'static, Option<Finder>>,
}

impl<H: Copy> Reader<H> {
    fn text(&mut self) -> &'static str {
        self.texts.next().unwrap_or_default()
    }

    fn text_if(&mut self, is_there: bool) -> Option<&'static str> {
        is_there.then(|| self.text())
    }

    fn byte(&mut self) -> u8 {
        self.shapes.next().copied().unwrap_or_default()
    }

    fn signed(&mut self) -> i32 {
        i32::from(self.byte()) - BIAS
    }

    /// As many as the next byte says.
    fn list<T>(&mut self, read: impl Fn(&mut Self) -> T) -> &'static [T] {
        let list: Box<[T]> = (0..self.byte()).map(|_| read(self)).collect();
        Box::leak(list)
    }

    /// One of `all`, which are numbered in their order.
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()]
    }

    /// The next `count` commands with their subcommands, or all that are left.
    fn commands(&mut self, count: usize) -> Vec<&'static Command<H>> {
        (0..count).map_while(|_| self.command()).collect()
    }

    fn command(&mut self) -> Option<&'static Command<H>> {
        // Fields are read in the order in which they stand here.
        let keys;
        let command = Command {
            run: *self.handlers.next()?,
            name: self.text(),
            summary: "",
            since: "",
            example: "",
            group: self.one_of(&Group::ALL),
            flags: self.list(|reader| reader.one_of(&Flag::ALL)),
            acl: self.acl(),
            args: self.list(Self::arg),
            arity: Some(self.signed()).filter(|&arity| arity != 0),
            key_specs: {
                keys = self.byte();
                (keys & SPECS != 0).then(|| self.list(Self::key_spec))
            },
            complexity: if keys & IS_CONSTANT == 0 { "" } else { CONSTANT },
            find_keys: (keys & FINDER != 0)
                .then(|| self.finders.next().copied().flatten())
                .flatten(),
            tips: self.list(Self::text),
            deprecated: (self.byte() != 0).then_some(("", "")),
            subcommands: {
                let count = self.byte();
                self.commands(count.into()).leak()
            },
        };
        Some(Box::leak(Box::new(command)))
    }

    fn acl(&mut self) -> Acl {
        let is_only = self.byte() != 0;
        let categories = self.list(|reader| reader.one_of(&Category::ALL));
        if is_only { Acl::Only(categories) } else { Acl::Group(categories) }
    }

    fn arg(&mut self) -> Arg {
        let first = self.byte();
        let more = if first & MORE == 0 { 0 } else { self.byte() };
        let kind = Kind::ALL[usize::from(first % OPTIONAL) % Kind::ALL.len()];
        let name = self.text();
        let token = self.text_if(first & TOKEN != 0);
        Arg {
            kind,
            optional: first & OPTIONAL != 0,
            multiple: first & MULTIPLE != 0,
            multiple_token: more & MULTIPLE_TOKEN != 0,
            name: match token {
                Some(token) if name.is_empty() => String::leak(token.to_ascii_lowercase()),
                _ => name,
            },
            token,
            since: self.text_if(more & SINCE != 0),
            deprecated_since: self.text_if(more & DEPRECATED != 0),
            display: self.text_if(more & DISPLAY != 0),
            access: if more & ACCESS == 0 { &[] } else { self.access() },
            args: if kind.is_group() { self.list(Self::arg) } else { &[] },
        }
    }

    fn access(&mut self) -> &'static [Access] {
        self.list(|reader| reader.one_of(&Access::ALL))
    }

    fn key_spec(&mut self) -> KeySpec {
        KeySpec {
            begin: match self.byte() {
                BY_INDEX => BeginSearch::Index(self.signed()),
                BY_KEYWORD => BeginSearch::Keyword(self.text(), self.signed()),
                _ => BeginSearch::Unknown,
            },
            find: match self.byte() {
                IN_RANGE => {
                    let [last, step, limit] = self.numbers();
                    FindKeys::Range { last, step, limit }
                }
                COUNTED => {
                    let [count, first, step] = self.numbers();
                    FindKeys::Count { count, first, step }
                }
                _ => FindKeys::Unknown,
            },
            access: self.access(),
            notes: {
                let has_notes = self.byte() != 0;
                self.text_if(has_notes)
            },
        }
    }

    fn numbers(&mut self) -> [i32; 3] {
        std::array::from_fn(|_| self.signed())
    }
}
