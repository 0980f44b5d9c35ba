//! Keyspace notifications: what happens to keys, published to whom it interests.
//!
//! The setting `notify-keyspace-events` is a set of letters: which classes of events are wanted,
//! and on which of two kinds of channel. `K` publishes the event's name on a channel named after
//! the key, `E` the key's name on one named after the event. As long as neither is set, an event
//! costs one comparison.

use super::Engine;
use crate::base::num::Digits;

/// Classes of events, as `notify-keyspace-events` names them by letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `g`: commands for keys of any type.
    Generic,
    /// `$`: strings.
    String,
    /// `l`: lists.
    List,
    /// `s`: sets.
    Set,
    /// `h`: hashes.
    Hash,
    /// `z`: sorted sets.
    SortedSet,
    /// `x`: a key has expired.
    Expired,
    /// `e`: a key was removed to make room.
    Evicted,
    /// `t`: streams.
    Stream,
    /// `d`: types that modules bring.
    Module,
    /// `n`: a key was created. Not part of `A`.
    New,
    /// `m`: a look-up for reading found nothing. Not part of `A`.
    KeyMiss,
    /// `a`: arrays.
    Array,
}

impl Class {
    /// The bit that stands for it in `Config::notify_keyspace_events`.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// `K`: publish on channels named after the key.
pub const BY_KEY: u32 = 1 << 16;

/// `E`: publish on channels named after the event.
pub const BY_EVENT: u32 = 1 << 17;

/// The letter of each class, in the order in which CONFIG GET lists them.
const LETTERS: [(u8, u32); 12] = [
    (b'g', Class::Generic.bit()),
    (b'$', Class::String.bit()),
    (b'l', Class::List.bit()),
    (b's', Class::Set.bit()),
    (b'h', Class::Hash.bit()),
    (b'z', Class::SortedSet.bit()),
    (b'x', Class::Expired.bit()),
    (b'e', Class::Evicted.bit()),
    (b't', Class::Stream.bit()),
    (b'd', Class::Module.bit()),
    (b'a', Class::Array.bit()),
    (b'n', Class::New.bit()),
];

/// The letters that follow the classes, whether these are listed one by one or as `A`.
const LAST_LETTERS: [(u8, u32); 3] =
    [(b'K', BY_KEY), (b'E', BY_EVENT), (b'm', Class::KeyMiss.bit())];

/// What `A` stands for.
const ALL: u32 = {
    let mut all = 0;
    let mut index = 0;
    while index < LETTERS.len() {
        all |= LETTERS[index].1;
        index += 1;
    }
    all & !Class::New.bit()
};

/// Reads the letters of `notify-keyspace-events`; `None` if one of them means nothing.
pub fn parse(letters: &[u8]) -> Option<u32> {
    let bits = |letter: u8| match letter {
        b'A' => Some(ALL),
        _ => {
            let mut known = LETTERS.iter().chain(&LAST_LETTERS);
            known.find(|&&(one, _)| one == letter).map(|&(_, bits)| bits)
        }
    };
    letters.iter().try_fold(0, |flags, &letter| Some(flags | bits(letter)?))
}

/// The letters of `flags` as CONFIG GET shows them: `A` stands for its classes if all are there,
/// and then `n` is not shown, as in Redis.
pub fn format(flags: u32) -> String {
    let classes: &[(u8, u32)] = if flags & ALL == ALL { &[(b'A', ALL)] } else { &LETTERS };
    let listed = classes.iter().chain(&LAST_LETTERS).filter(|&&(_, bits)| flags & bits != 0);
    listed.map(|&(letter, _)| char::from(letter)).collect()
}

impl Engine {
    /// Publishes a keyspace event, if anyone wants such events.
    #[inline]
    pub fn notify(&mut self, class: Class, event: &str, db: usize, key: &[u8]) {
        let flags = self.config.notify_keyspace_events;
        if flags & class.bit() != 0 {
            self.notify_by(flags, event, db, key);
        }
    }

    fn notify_by(&mut self, flags: u32, event: &str, db: usize, key: &[u8]) {
        let db = Digits::of_u64(db as u64);
        let channel = |kind: &[u8], name: &[u8]| [kind, &*db, b"__:", name].concat();
        if flags & BY_KEY != 0 {
            self.publish(&channel(b"__keyspace@", key), event.as_bytes());
        }
        if flags & BY_EVENT != 0 {
            self.publish(&channel(b"__keyevent@", event.as_bytes()), key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_read_and_shown_as_redis_does() {
        for (letters, shown) in [
            ("", ""),
            ("KEA", "AKE"),
            ("nmdtexzhsl$gKEa", "AKEm"),
            ("nmdK", "dnKm"),
            ("gEn", "gnE"),
            ("AKEmn", "AKEm"),
            ("AA", "A"),
            ("exs", "sxe"),
        ] {
            assert_eq!(parse(letters.as_bytes()).map(format).as_deref(), Some(shown), "{letters}");
        }
        for letters in ["q", "Kq", "k", "K E"] {
            assert_eq!(parse(letters.as_bytes()), None, "{letters}");
        }
    }

    #[test]
    fn all_stands_for_every_class_but_two() {
        let all = parse(b"A").unwrap();
        assert_eq!(all & (Class::New.bit() | Class::KeyMiss.bit() | BY_KEY | BY_EVENT), 0);
        assert_eq!(all, parse(b"g$lshzxetda").unwrap());
    }
}
