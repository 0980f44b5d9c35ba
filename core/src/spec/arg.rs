//! Arguments and keys, as a declaration writes them.
//!
//! `opt(one_of("condition", &[flag("NX"), flag("XX")]))` reads as the usage line does:
//! `[NX | XX]`. The functions are `const`, so a declaration is plain data in the binary.

/// One argument, or a group of them.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name in COMMAND DOCS.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The word that must come before it, or that it is.
    pub token: Option<&'static str>,
    /// May be left out.
    pub optional: bool,
    /// May be given several times.
    pub multiple: bool,
    /// Each time with its token again.
    pub multiple_token: bool,
    /// The version that brought it, where later than the command's.
    pub since: Option<&'static str>,
    /// The version that deprecated it.
    pub deprecated_since: Option<&'static str>,
    /// How usage lines show it, where not by its name.
    pub display: Option<&'static str>,
    /// The parts of a group or the alternatives of a choice.
    pub args: &'static [Self],
    /// For a key, or a pattern that keys are made from: what the command does with them.
    pub access: &'static [Access],
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes.
    String,
    /// A 64-bit integer.
    Integer,
    /// A floating-point number.
    Double,
    /// The name of a key.
    Key,
    /// A glob-style pattern.
    Pattern,
    /// A point in time.
    UnixTime,
    /// A word of the command's own.
    PureToken,
    /// One of several.
    OneOf,
    /// Several in a row.
    Block,
}

impl Kind {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 9] = [
        Self::String,
        Self::Integer,
        Self::Double,
        Self::Key,
        Self::Pattern,
        Self::UnixTime,
        Self::PureToken,
        Self::OneOf,
        Self::Block,
    ];

    /// Whether it is made of other arguments.
    pub(crate) const fn is_group(self) -> bool {
        matches!(self, Self::OneOf | Self::Block)
    }

    /// Its name in COMMAND DOCS.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// What a command does with a key, in the words of key specifications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads the value, changes it.
    Rw,
    /// Only reads.
    Ro,
    /// Replaces the value unseen.
    Ow,
    /// Deletes the value unseen.
    Rm,
    /// Returns or uses the user's data in it.
    Access,
    /// Changes the user's data in it.
    Update,
    /// Adds to the user's data in it.
    Insert,
    /// Removes from the user's data in it.
    Delete,
    /// It is no key, but routed like one.
    NotKey,
    /// The specification does not find all keys.
    Incomplete,
    /// The flags depend on the arguments.
    VariableFlags,
}

impl Access {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 11] = [
        Self::Rw,
        Self::Ro,
        Self::Ow,
        Self::Rm,
        Self::Access,
        Self::Update,
        Self::Insert,
        Self::Delete,
        Self::NotKey,
        Self::Incomplete,
        Self::VariableFlags,
    ];

    /// Its name in COMMAND INFO.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rw => "RW",
            Self::Ro => "RO",
            Self::Ow => "OW",
            Self::Rm => "RM",
            Self::Access => "access",
            Self::Update => "update",
            Self::Insert => "insert",
            Self::Delete => "delete",
            Self::NotKey => "not_key",
            Self::Incomplete => "incomplete",
            Self::VariableFlags => "variable_flags",
        }
    }
}

/// Where keys are among the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// How to find where they begin.
    pub begin: BeginSearch,
    /// How to find them from there.
    pub find: FindKeys,
    /// What the command does with them.
    pub access: &'static [Access],
    /// A remark for readers.
    pub notes: Option<&'static str>,
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSearch {
    /// At this argument.
    Index(i32),
    /// Behind this word, looked for from this argument on (from the end if negative).
    Keyword(&'static str, i32),
    /// Not to be told from the declaration.
    Unknown,
}

/// Which arguments are keys, from where the search begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKeys {
    /// Every `step`th up to `last` (relative to the beginning; from the end if negative), or up
    /// to that part of the rest which `limit` divides.
    Range {
        /// The last key.
        last: i32,
        /// From one key to the next.
        step: i32,
        /// Divides the rest, where above 1.
        limit: i32,
    },
    /// A count stands at `count`, the first key at `first`, both relative to the beginning.
    Count {
        /// Where the number of keys stands.
        count: i32,
        /// Where the first key stands.
        first: i32,
        /// From one key to the next.
        step: i32,
    },
    /// Not to be told from the declaration.
    Unknown,
}

/// An argument of kind `kind`.
const fn arg(name: &'static str, kind: Kind) -> Arg {
    Arg {
        name,
        kind,
        token: None,
        optional: false,
        multiple: false,
        multiple_token: false,
        since: None,
        deprecated_since: None,
        display: None,
        args: &[],
        access: &[],
    }
}

/// A key, and what the command does with it.
pub const fn key(name: &'static str, access: &'static [Access]) -> Arg {
    Arg { access, ..arg(name, Kind::Key) }
}

/// Any bytes.
pub const fn string(name: &'static str) -> Arg {
    arg(name, Kind::String)
}

/// A 64-bit integer.
pub const fn integer(name: &'static str) -> Arg {
    arg(name, Kind::Integer)
}

/// A floating-point number.
pub const fn double(name: &'static str) -> Arg {
    arg(name, Kind::Double)
}

/// A glob-style pattern.
pub const fn pattern(name: &'static str) -> Arg {
    arg(name, Kind::Pattern)
}

/// A pattern that keys are made from, and what the command does with those.
pub const fn key_pattern(name: &'static str, access: &'static [Access]) -> Arg {
    Arg { access, ..arg(name, Kind::Pattern) }
}

/// A point in time, as a number since 1970.
pub const fn unix_time(name: &'static str) -> Arg {
    arg(name, Kind::UnixTime)
}

/// A word of the command's own, `token`, named `name` in the documentation.
pub const fn token(name: &'static str, token: &'static str) -> Arg {
    Arg { token: Some(token), ..arg(name, Kind::PureToken) }
}

/// One of `args`.
pub const fn one_of(name: &'static str, args: &'static [Arg]) -> Arg {
    Arg { args, ..arg(name, Kind::OneOf) }
}

/// `args` in a row.
pub const fn block(name: &'static str, args: &'static [Arg]) -> Arg {
    Arg { args, ..arg(name, Kind::Block) }
}

/// `arg`, which may be left out.
pub const fn opt(arg: Arg) -> Arg {
    Arg { optional: true, ..arg }
}

/// `arg`, once or several times.
pub const fn many(arg: Arg) -> Arg {
    Arg { multiple: true, ..arg }
}

impl Arg {
    /// The same behind the word `token`.
    #[must_use]
    pub const fn after(self, token: &'static str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The same with its token repeated each time.
    #[must_use]
    pub const fn each(self) -> Self {
        Self { multiple_token: true, ..self }
    }

    /// The same, since a later version than the command.
    #[must_use]
    pub const fn since(self, version: &'static str) -> Self {
        Self { since: Some(version), ..self }
    }

    /// The same, deprecated since a version.
    #[must_use]
    pub const fn deprecated(self, version: &'static str) -> Self {
        Self { deprecated_since: Some(version), ..self }
    }

    /// The same, shown in usage lines as `text`.
    #[must_use]
    pub const fn shown(self, text: &'static str) -> Self {
        Self { display: Some(text), ..self }
    }
}

/// Keys from argument `first` to `last`, counted as in [`FindKeys::Range`].
pub const fn range(first: i32, last: i32, step: i32, access: &'static [Access]) -> KeySpec {
    KeySpec {
        begin: BeginSearch::Index(first),
        find: FindKeys::Range { last, step, limit: 0 },
        access,
        notes: None,
    }
}
