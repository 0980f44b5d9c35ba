//! All commands of a program, found by name.

use std::num::NonZeroUsize;

use super::names::Names;
use super::pack::Packed;
use super::{BeginSearch, CONSTANT, Category, Command, Flag, FoundKeys, KeySpec, derive};
use crate::resp::Argv;

/// A declaration with what was derived from it.
pub struct Entry<H: 'static> {
    /// The declaration.
    pub command: &'static Command<H>,
    /// Its place in [`Table::entries`].
    pub index: usize,
    /// The name in small letters, a subcommand's behind its container's and `|`.
    pub full_name: String,
    /// Number of words; negative if that is only the least number.
    pub arity: i32,
    /// Where the keys are.
    pub key_specs: Vec<KeySpec>,
    /// All ACL categories.
    pub categories: Vec<Category>,
    /// A container's subcommands, as places in [`Table::entries`].
    pub subcommands: Vec<usize>,
    /// A subcommand's container, as a place in [`Table::entries`].
    pub container: Option<usize>,
    /// Which word of a command is its first key, where that is always the same one.
    pub first_key: Option<NonZeroUsize>,
    /// Whether it takes about the same short time whatever the data: it is flagged FAST, or it works
    /// on a key in O(1). Commands that wait do not count.
    pub is_brief: bool,
    /// One bit a flag, for tests that a hot path makes.
    flag_bits: u32,
}

impl<H> Entry<H> {
    /// Whether the declaration has `flag`.
    #[inline]
    pub fn has(&self, flag: Flag) -> bool {
        self.flag_bits & (1 << flag as u32) != 0
    }

    /// Whether this is a subcommand.
    #[inline]
    pub fn is_sub(&self) -> bool {
        self.container.is_some()
    }

    /// The indices of the words in `argv` that must not be shown: passwords, and user names that
    /// come with them. O(words).
    pub fn secrets(&self, argv: Argv<'_>) -> Vec<usize> {
        derive::secrets(self.command.args, 1 + usize::from(self.is_sub()), argv)
    }

    /// Where its keys are in `argv`, and what it does with each; none where that makes no sense. The
    /// number of words is one that it takes. Costs O(words).
    pub fn keys(&self, argv: Argv<'_>) -> FoundKeys {
        let Some(find) = self.command.find_keys else {
            return derive::keys(&self.key_specs, argv).unwrap_or_default();
        };
        let mut found = FoundKeys::new();
        find(argv, &mut found);
        found
    }

    /// Whether `count` words are as many as the command takes.
    #[inline]
    pub fn takes(&self, count: usize) -> bool {
        if self.arity >= 0 {
            count == self.arity as usize
        } else {
            count >= self.arity.unsigned_abs() as usize
        }
    }
}

/// The commands, in the order they were listed; subcommands follow their container.
pub struct Table<H: 'static> {
    entries: Vec<Entry<H>>,
    names: Names,
    /// The [descriptions](super::describe), if they are linked.
    pub descriptions: &'static [u8],
    pub(super) fingerprint: u32,
}

impl<H: Copy> Table<H> {
    /// The table of all commands in `packed`. Two of one name are a mistake in the program, which a test finds.
    ///
    /// Every container that has none gets a subcommand HELP, whose handler is `help`. Its declaration is made
    /// here and lives as long as the program, as all the others do: a table is built once.
    pub fn new(packed: &Packed<H>, help: H) -> Self {
        let mut table = Self {
            entries: Vec::new(),
            names: Names::default(),
            descriptions: packed.descriptions,
            fingerprint: packed.fingerprint,
        };
        for command in packed.unpack() {
            let container = table.add(command, None);
            let lacks_help = !command.subcommands.is_empty()
                && command.subcommands.iter().all(|subcommand| subcommand.name != "HELP");
            let help = lacks_help.then(|| &*Box::leak(Box::new(derive::help(command, help))));
            for subcommand in command.subcommands.iter().copied().chain(help) {
                let index = table.add(subcommand, Some(container));
                table.entries[container].subcommands.push(index);
            }
        }
        table
    }

    fn add(&mut self, command: &'static Command<H>, container: Option<usize>) -> usize {
        let index = self.entries.len();
        let parent = container.map(|index| self.entries[index].command);
        let full_name = match parent {
            Some(parent) => format!("{}|{}", parent.name, command.name).to_ascii_lowercase(),
            None => command.name.to_ascii_lowercase(),
        };
        self.names.push(full_name.as_bytes());
        let key_specs = derive::key_specs(command, parent);
        self.entries.push(Entry {
            command,
            index,
            full_name,
            arity: derive::arity(command, parent),
            first_key: match key_specs.first().map(|spec| spec.begin) {
                Some(BeginSearch::Index(index)) => {
                    usize::try_from(index).ok().and_then(NonZeroUsize::new)
                }
                _ => None,
            },
            key_specs,
            categories: derive::categories(command),
            subcommands: Vec::new(),
            is_brief: is_brief(command),
            flag_bits: command.flags.iter().fold(0, |bits, &flag| bits | 1 << flag as u32),
            container,
        });
        index
    }

    /// Every command and subcommand.
    pub fn entries(&self) -> &[Entry<H>] {
        &self.entries
    }

    /// The commands that are not subcommands.
    pub fn top(&self) -> impl Iterator<Item = &Entry<H>> {
        self.entries.iter().filter(|entry| !entry.is_sub())
    }

    /// The command `name`, in letters of any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<&Entry<H>> {
        let is_it = |index: usize| {
            let entry: &Entry<H> = &self.entries[index];
            entry.full_name.as_bytes().eq_ignore_ascii_case(name)
        };
        self.entries.get(self.names.find(name, is_it)?)
    }

    /// The subcommand `name` of `container`, in letters of any case.
    pub fn find_sub(&self, container: &Entry<H>, name: &[u8]) -> Option<&Entry<H>> {
        container
            .subcommands
            .iter()
            .filter_map(|&index| self.entries.get(index))
            .find(|entry| entry.command.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

/// See [`Entry::is_brief`].
fn is_brief<H>(command: &Command<H>) -> bool {
    let has = |flag| command.flags.contains(&flag);
    let works_on_keys = has(Flag::Readonly) || has(Flag::Write);
    let is_constant = works_on_keys && command.complexity == CONSTANT;
    (has(Flag::Fast) || is_constant) && !has(Flag::Blocking)
}
