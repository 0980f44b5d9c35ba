//! What a person changes in a value, as the commands that do it.

use super::text::typed;

/// A command as words.
type Words = Vec<Vec<u8>>;

/// A change of a key or of its value. Texts are as they were typed.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// The string is another one; its expiry stays.
    SetText(Vec<u8>),
    /// Part of the string is another one, of the same length.
    SetRange(u64, Vec<u8>),
    /// A bit of the string.
    SetBit(u64, bool),
    /// An element at an end of the list: the left one, if true.
    Push(bool, String),
    /// An element of the list, by its index.
    SetElement(u64, String),
    /// An element of the list is taken out, by its index.
    RemoveElement(u64),
    /// A field of the hash.
    SetField(Vec<u8>, String),
    /// A field that has another name: old and new name, and value.
    AddField(String, String),
    /// A field is taken out.
    RemoveField(Vec<u8>),
    /// A field expires in so many seconds; never, if none.
    ExpireField(Vec<u8>, Option<String>),
    /// A member of the set.
    AddMember(String),
    /// A member of the set is taken out.
    RemoveMember(Vec<u8>),
    /// A member of the sorted set, and its score.
    SetScore(Vec<u8>, String),
    /// A member of the sorted set is taken out.
    RemoveScored(Vec<u8>),
    /// A place: longitude, latitude, name.
    AddPlace(String, String, String),
    /// An entry at the end of the stream: fields and values.
    AddEntry(Vec<(String, String)>),
    /// An entry of the stream is taken out, by its ID.
    RemoveEntry(String),
    /// A group of consumers, and the ID from which on it reads.
    AddGroup(String, String),
    /// A group is taken away.
    RemoveGroup(Vec<u8>),
    /// An entry is done with: group and ID.
    Acknowledge(Vec<u8>, String),
    /// What is at a place of the array.
    SetPlaced(u64, String),
    /// A value at a place of the array, which was typed; behind the last one, if none was.
    AddPlaced(String, String),
    /// A place of the array is emptied.
    RemovePlaced(u64),
    /// Something was seen, for a HyperLogLog to count.
    Count(String),
    /// The key expires in so many seconds; never, if none.
    Expire(Option<String>),
    /// The key has another name.
    Rename(String),
    /// The key is deleted.
    Delete,
}

/// Takes the place of an element of a list that is to be taken out: there is no command that takes
/// one out by its index, so it is first made one that no other is.
const TAKEN_OUT: &[u8] = b"\0redstart: to be removed\0";

impl Edit {
    /// The commands that do it, in their order.
    pub fn commands(&self, key: &[u8]) -> Vec<Words> {
        let one = |words: &[&[u8]]| vec![words.iter().map(|word| word.to_vec()).collect()];
        let number = |number: u64| number.to_string().into_bytes();
        match self {
            Self::SetText(text) => one(&[b"SET", key, text, b"KEEPTTL"]),
            Self::SetRange(offset, bytes) => one(&[b"SETRANGE", key, &number(*offset), bytes]),
            Self::SetBit(offset, is_set) => {
                one(&[b"SETBIT", key, &number(*offset), if *is_set { b"1" } else { b"0" }])
            }
            Self::Push(true, text) => one(&[b"LPUSH", key, &typed(text)]),
            Self::Push(false, text) => one(&[b"RPUSH", key, &typed(text)]),
            Self::SetElement(index, text) => one(&[b"LSET", key, &number(*index), &typed(text)]),
            Self::RemoveElement(index) => {
                let mut commands = one(&[b"LSET", key, &number(*index), TAKEN_OUT]);
                commands.extend(one(&[b"LREM", key, b"1", TAKEN_OUT]));
                commands
            }
            Self::SetField(name, text) => one(&[b"HSET", key, name, &typed(text)]),
            Self::AddField(name, text) => one(&[b"HSET", key, &typed(name), &typed(text)]),
            Self::RemoveField(name) => one(&[b"HDEL", key, name]),
            Self::ExpireField(name, Some(seconds)) => {
                one(&[b"HEXPIRE", key, seconds.trim().as_bytes(), b"FIELDS", b"1", name])
            }
            Self::ExpireField(name, None) => one(&[b"HPERSIST", key, b"FIELDS", b"1", name]),
            Self::AddMember(text) => one(&[b"SADD", key, &typed(text)]),
            Self::RemoveMember(member) => one(&[b"SREM", key, member]),
            Self::SetScore(member, score) => one(&[b"ZADD", key, score.trim().as_bytes(), member]),
            Self::RemoveScored(member) => one(&[b"ZREM", key, member]),
            Self::AddPlace(longitude, latitude, name) => {
                let (longitude, latitude) = (longitude.trim(), latitude.trim());
                one(&[b"GEOADD", key, longitude.as_bytes(), latitude.as_bytes(), &typed(name)])
            }
            Self::AddEntry(pairs) => {
                let mut words: Words = [&b"XADD"[..], key, b"*"].map(<[u8]>::to_vec).to_vec();
                words.extend(pairs.iter().flat_map(|(name, text)| [typed(name), typed(text)]));
                vec![words]
            }
            Self::RemoveEntry(id) => one(&[b"XDEL", key, id.as_bytes()]),
            Self::AddGroup(name, id) => {
                one(&[b"XGROUP", b"CREATE", key, &typed(name), id.trim().as_bytes()])
            }
            Self::RemoveGroup(name) => one(&[b"XGROUP", b"DESTROY", key, name]),
            Self::Acknowledge(group, id) => one(&[b"XACK", key, group, id.as_bytes()]),
            Self::SetPlaced(place, text) => one(&[b"ARSET", key, &number(*place), &typed(text)]),
            Self::AddPlaced(place, text) if place.trim().is_empty() => {
                one(&[b"ARINSERT", key, &typed(text)])
            }
            Self::AddPlaced(place, text) => {
                one(&[b"ARSET", key, place.trim().as_bytes(), &typed(text)])
            }
            Self::RemovePlaced(place) => one(&[b"ARDEL", key, &number(*place)]),
            Self::Count(text) => one(&[b"PFADD", key, &typed(text)]),
            Self::Expire(Some(seconds)) => one(&[b"EXPIRE", key, seconds.trim().as_bytes()]),
            Self::Expire(None) => one(&[b"PERSIST", key]),
            Self::Rename(name) => one(&[b"RENAMENX", key, &typed(name)]),
            Self::Delete => one(&[b"UNLINK", key]),
        }
    }
}

/// What makes a key of a type, with something in it.
pub fn create(kind: &str, key: &str, text: &str) -> Words {
    let key = typed(key);
    let text = typed(text);
    let words: &[&[u8]] = match kind {
        "list" => &[b"RPUSH", &key, &text],
        "set" => &[b"SADD", &key, &text],
        "zset" => &[b"ZADD", &key, b"0", &text],
        "hash" => &[b"HSET", &key, b"field", &text],
        "stream" => &[b"XADD", &key, b"*", b"field", &text],
        "array" => &[b"ARINSERT", &key, &text],
        "hll" => &[b"PFADD", &key, &text],
        _ => &[b"SET", &key, &text, b"NX"],
    };
    words.iter().map(|word| word.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;
    use crate::studio::value::text::line;
    use redstart::resp::{Reply, pretty};

    /// What there is before, the change, the command that is shown, and how to look at what is left.
    fn cases() -> Vec<(&'static str, Edit, &'static str, &'static str)> {
        vec![
            ("SET k old EX 100", Edit::SetText(b"new".to_vec()), "SET k new KEEPTTL", "GET k"),
            ("SET k hello", Edit::SetRange(1, b"a".to_vec()), "SETRANGE k 1 a", "GET k"),
            ("SET k a", Edit::SetBit(6, true), "SETBIT k 6 1", "GET k"),
            ("RPUSH k a b", Edit::Push(true, "x y".into()), "LPUSH k \"x y\"", "LRANGE k 0 -1"),
            ("RPUSH k a b", Edit::SetElement(1, "c".into()), "LSET k 1 c", "LRANGE k 0 -1"),
            ("HSET k f v", Edit::SetField(b"f".to_vec(), "w".into()), "HSET k f w", "HGETALL k"),
            ("HSET k f v", Edit::AddField("g".into(), "w".into()), "HSET k g w", "HGETALL k"),
            ("HSET k f v g w", Edit::RemoveField(b"f".to_vec()), "HDEL k f", "HGETALL k"),
            (
                "HSET k f v",
                Edit::ExpireField(b"f".to_vec(), Some(" 10".into())),
                "HEXPIRE k 10 FIELDS 1 f",
                "HTTL k FIELDS 1 f",
            ),
            (
                "HSETEX k EX 10 FIELDS 1 f v",
                Edit::ExpireField(b"f".to_vec(), None),
                "HPERSIST k FIELDS 1 f",
                "HTTL k FIELDS 1 f",
            ),
            ("SADD k a", Edit::AddMember("b".into()), "SADD k b", "SMEMBERS k"),
            ("SADD k a b", Edit::RemoveMember(b"a".to_vec()), "SREM k a", "SMEMBERS k"),
            ("ZADD k 1 a", Edit::SetScore(b"a".to_vec(), "2".into()), "ZADD k 2 a", "ZSCORE k a"),
            ("ZADD k 1 a 2 b", Edit::RemoveScored(b"a".to_vec()), "ZREM k a", "ZCARD k"),
            (
                "GEOADD k 1 2 here",
                Edit::AddPlace("13.4".into(), "52.5".into(), "Berlin".into()),
                "GEOADD k 13.4 52.5 Berlin",
                "ZCARD k",
            ),
            ("XADD k 1-1 f v", Edit::RemoveEntry("1-1".into()), "XDEL k 1-1", "XLEN k"),
            (
                "XADD k 1-1 f v",
                Edit::AddGroup("g".into(), "0".into()),
                "XGROUP CREATE k g 0",
                "XLEN k",
            ),
            ("ARSET k 7 a", Edit::SetPlaced(7, "b".into()), "ARSET k 7 b", "ARGET k 7"),
            (
                "ARINSERT k a",
                Edit::AddPlaced(String::new(), "b".into()),
                "ARINSERT k b",
                "ARGET k 1",
            ),
            (
                "ARINSERT k a",
                Edit::AddPlaced(" 9".into(), "b c".into()),
                "ARSET k 9 \"b c\"",
                "ARLEN k",
            ),
            ("ARSET k 7 a b", Edit::RemovePlaced(7), "ARDEL k 7", "ARCOUNT k"),
            ("PFADD k a", Edit::Count("b".into()), "PFADD k b", "PFCOUNT k"),
            ("SET k v", Edit::Expire(Some("10".into())), "EXPIRE k 10", "TTL k"),
            ("SET k v EX 10", Edit::Expire(None), "PERSIST k", "TTL k"),
            ("SET k v", Edit::Rename("j".into()), "RENAMENX k j", "GET j"),
            ("SET k v", Edit::Delete, "UNLINK k", "EXISTS k"),
        ]
    }

    /// Every change, as the command that is shown and the value that it leaves.
    #[test]
    fn edits_are_ordinary_commands() {
        let cases = cases();
        let expect = [
            "\"new\"",
            "\"hallo\"",
            "\"c\"",
            "1) \"x y\"\n2) \"a\"\n3) \"b\"",
            "1) \"a\"\n2) \"c\"",
            "1) \"f\"\n2) \"w\"",
            "1) \"f\"\n2) \"v\"\n3) \"g\"\n4) \"w\"",
            "1) \"g\"\n2) \"w\"",
            "1) (integer) 10",
            "1) (integer) -1",
            "1) \"a\"\n2) \"b\"",
            "1) \"b\"",
            "\"2\"",
            "(integer) 1",
            "(integer) 2",
            "(integer) 0",
            "(integer) 1",
            "\"b\"",
            "\"b\"",
            "(integer) 10",
            "(integer) 1",
            "(integer) 2",
            "(integer) 10",
            "(integer) -1",
            "\"v\"",
            "(integer) 0",
        ];
        let mut server = Server::new();
        assert_eq!(cases.len(), expect.len());
        for ((before, edit, command, look), expect) in cases.into_iter().zip(expect) {
            server.run("FLUSHALL");
            server.run(before);
            let commands = edit.commands(b"k");
            assert_eq!(commands.iter().map(|words| line(words)).collect::<Vec<_>>(), [command]);
            for reply in server.all(&commands) {
                assert!(!matches!(reply, Reply::Error(_)), "{edit:?}: {reply:?}");
            }
            assert_eq!(pretty::print(&server.run(look)).trim_end(), expect, "{edit:?}");
        }
    }

    #[test]
    fn an_element_is_taken_out_by_its_index() {
        let mut server = Server::new();
        server.run("RPUSH k a a a b");
        server.all(&Edit::RemoveElement(1).commands(b"k"));
        assert_eq!(pretty::print(&server.run("LRANGE k 0 -1")), "1) \"a\"\n2) \"a\"\n3) \"b\"\n");
    }

    #[test]
    fn an_entry_with_several_fields_is_one_command() {
        let pairs = vec![("a".into(), "1".into()), ("b c".into(), "2".into())];
        let commands = Edit::AddEntry(pairs).commands(b"k");
        assert_eq!(line(&commands[0]), "XADD k * a 1 \"b c\" 2");
        let acknowledge = Edit::Acknowledge(b"g".to_vec(), "1-1".into()).commands(b"k");
        assert_eq!(line(&acknowledge[0]), "XACK k g 1-1");
        let group = Edit::RemoveGroup(b"g".to_vec()).commands(b"k");
        assert_eq!(line(&group[0]), "XGROUP DESTROY k g");
        assert_eq!(line(&Edit::Push(false, "x".into()).commands(b"k")[0]), "RPUSH k x");
    }

    #[test]
    fn a_key_of_any_type_can_be_made() {
        let mut server = Server::new();
        for kind in ["string", "list", "set", "zset", "hash", "stream", "array", "hll"] {
            let command = create(kind, kind, "a value");
            let reply = server.command(&command);
            assert!(!matches!(reply, Reply::Error(_)), "{kind}: {reply:?}");
            let expect = if kind == "hll" { "string" } else { kind };
            assert_eq!(server.run(&format!("TYPE {kind}")), Reply::Simple(expect.into()));
        }
    }
}
