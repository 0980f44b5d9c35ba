//! How a parameter is declared, and how it is found by name.

use super::Value;
use super::kind::Kind;
use super::params::PARAMS;
use super::settings::Settings;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// An older name.
    pub alias: Option<&'static str>,
    /// What it may be.
    pub kind: Kind,
    /// Its default, as CONFIG GET shows it.
    pub default: &'static str,
    /// What is special about it.
    pub nature: Option<Trait>,
    pub(super) field: Option<Field>,
}

/// What is special about a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trait {
    /// Only the configuration file and the command line may set it.
    Immutable,
    /// CONFIG SET needs `enable-protected-configs`.
    Protected,
    /// A secret, which logs must not show.
    Sensitive,
    /// CONFIG GET shows it only under its full name.
    Hidden,
    /// Both immutable and hidden.
    ImmutableHidden,
}

/// How a parameter and its field are one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) get: fn(&Settings) -> Value,
    pub(super) set: fn(&mut Settings, &Value),
}

impl Param {
    /// Whether it has an effect, now or in the host; otherwise it is only stored.
    pub fn has_effect(&self) -> bool {
        self.field.is_some()
    }

    /// Whether CONFIG SET refuses it.
    pub fn is_immutable(&self) -> bool {
        matches!(self.nature, Some(Trait::Immutable | Trait::ImmutableHidden))
    }

    /// Whether patterns do not find it.
    pub fn is_hidden(&self) -> bool {
        matches!(self.nature, Some(Trait::Hidden | Trait::ImmutableHidden))
    }

    /// Its default.
    pub(super) fn default_value(&self) -> Value {
        let none = Value::Text(Vec::new());
        // A default that its kind refuses is a mistake in the table, which a test finds.
        self.kind.read(&none, self.default.as_bytes()).unwrap_or(none)
    }

    /// Its place in [`PARAMS`]. Costs O(log parameters).
    pub(super) fn place(&self) -> usize {
        PARAMS.partition_point(|param| param.name < self.name)
    }

    pub(super) const fn alias(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    pub(super) const fn field(self, field: Field) -> Self {
        Self { field: Some(field), ..self }
    }

    pub(super) const fn is(self, nature: Trait) -> Self {
        Self { nature: Some(nature), ..self }
    }
}

/// The parameter that is called `name`, in letters of any case, and the name as declared: the
/// parameter's own or the older one.
pub fn find(name: &[u8]) -> Option<(&'static Param, &'static str)> {
    PARAMS.iter().find_map(|param| {
        let mut names = [Some(param.name), param.alias].into_iter().flatten();
        names.find(|own| name.eq_ignore_ascii_case(own.as_bytes())).map(|own| (param, own))
    })
}

/// A parameter of which nothing special is said yet. The sentence on what it means is for who reads the
/// declaration: no reply of Redis has a place for it, so it is not linked.
pub(super) const fn param(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    _about: &'static str,
) -> Param {
    Param { name, alias: None, kind, default, nature: None, field: None }
}
