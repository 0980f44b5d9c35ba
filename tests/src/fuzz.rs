//! What is done with bytes that a fuzzer has made up: each function takes any bytes, and panics only
//! if something is wrong.
//!
//! The package in `tests/fuzz` runs them under libFuzzer, guided by coverage, for as long as one
//! likes; `tests/tests/fuzz.rs` runs them on a bounded number of seeded inputs with every test.

use redstart::base::rng::{Rng, Seed};
use redstart::ds::listpack::{Element, Listpack};
use redstart::ds::{IntSet, hash, hyperloglog, quicklist, set, zset};
use redstart::persist::aof::read::Records;
use redstart::persist::aof::{Manifest, Step, write_record};
use redstart::persist::rdb::{Budget, Dataset, Forms, Key, Note, Progress, Reading, Reason};
use redstart::persist::{lzf, rdb, ziplist, zipmap};
use redstart::resp::{Reply, pretty};
use redstart::store::Value;

use crate::hostile::Victim;
use crate::local::Local;
use crate::play::{Patience, Stage};
use crate::rdb::signed;

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 6] = [
    ("aof", aof),
    ("listpack", listpack),
    ("lzf", lzf),
    ("rdb", rdb),
    ("resp", resp),
    ("restore", restore),
];

/// Limits so small that every encoding comes up.
const FORMS: Forms = Forms {
    list: quicklist::Limits { fill: 4, plain_from: Some(50) },
    set: set::Limits {
        intset_entries: 8,
        listpack_entries: 4,
        listpack_value: 8,
        hash_key: [1, 2],
    },
    zset: zset::Limits { entries_max: 8, member_bytes_max: 8, hash_key: [1, 2] },
    hash: hash::Limits { entries: 4, value: 8, hash_key: [1, 2] },
    array_slice_places: 4096,
    any_version: true,
    checked: false,
};

/// The commands of an append-only file, and the manifest of one. What is read is written again, and
/// read to be the same.
pub fn aof(data: &[u8]) {
    // One that names no file is written as nothing, which is refused.
    if let Ok(manifest) = Manifest::parse(data)
        && let written = manifest.to_bytes()
        && !written.is_empty()
    {
        let again = Manifest::parse(&written).map(|manifest| manifest.to_bytes());
        assert_eq!(again, Ok(written));
    }
    let commands = commands_of(data);
    let mut written = Vec::new();
    for command in &commands {
        write_record(&mut written, command.iter().map(Vec::as_slice));
    }
    assert_eq!(commands_of(&written), commands);
}

fn commands_of(bytes: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut records, mut commands, mut rest) = (Records::default(), Vec::new(), bytes);
    loop {
        let used = match records.step(rest) {
            (Step::Command(argv), used) => {
                commands.push(argv.iter().map(<[u8]>::to_vec).collect());
                used
            }
            (Step::Remark, used) => used,
            (Step::End(_), _) => return commands,
        };
        assert!(used > 0, "every record takes some bytes");
        rest = &rest[used..];
    }
}

/// Structures in one run of bytes: the first byte chooses one.
pub fn listpack(data: &[u8]) {
    let Some((&kind, bytes)) = data.split_first() else { return };
    let pack = match kind % 5 {
        0 => Listpack::parse(bytes),
        1 => ziplist::read(bytes),
        2 => zipmap::read(bytes),
        3 => return counter(bytes),
        _ => {
            if let Ok(mut ints) = IntSet::parse(bytes) {
                let all: Vec<i64> = ints.iter().collect();
                assert!(all.is_sorted() && all.len() == ints.len());
                assert!(all.iter().all(|&number| ints.contains(number) && ints.remove(number)));
                assert!(ints.is_empty() && ints.add(i64::MIN));
            }
            return;
        }
    };
    let Ok(mut pack) = pack else { return };
    let elements: Vec<Vec<u8>> = pack.iter().map(Element::to_vec).collect();
    assert!(pack.iter().rev().map(Element::to_vec).eq(elements.iter().rev().cloned()));
    assert_eq!(pack.len(), elements.len());
    assert_eq!(Listpack::parse(pack.as_bytes()).as_ref(), Ok(&pack));
    // From the front and in the middle, by turns, until nothing is left.
    for index in 0..elements.len() {
        let place = if index % 2 == 0 { 0 } else { pack.len() / 2 };
        let Some(cursor) = pack.seek(place) else { panic!("no element {place}") };
        pack.replace(cursor, Element::Int(index as i64));
        pack.remove(cursor);
    }
    assert!(pack.is_empty());
}

/// A HyperLogLog: an operation works or says that the bytes are corrupt.
fn counter(bytes: &[u8]) {
    if let Some(view) = hyperloglog::View::of(bytes) {
        let mut all = hyperloglog::Registers::default();
        if all.merge(view).is_ok() {
            all.count();
        }
        let _ = view.count();
    }
    let mut bytes = bytes.to_vec();
    let _ = hyperloglog::add(&mut bytes, b"one more", 300);
    let _ = hyperloglog::to_dense(&mut bytes);
}

/// A length in two bytes, and what is to be decompressed to it; and the same as what is to be
/// compressed.
pub fn lzf(data: &[u8]) {
    let Some((length, bytes)) = data.split_first_chunk() else { return };
    let length = usize::from(u16::from_le_bytes(*length));
    if let Some(plain) = lzf::decompress(bytes, length) {
        assert_eq!(plain.len(), length);
    }
    let mut compressed = Vec::new();
    if lzf::Compressor::default().compress(bytes, &mut compressed) {
        assert!(compressed.len() < bytes.len());
        assert_eq!(lzf::decompress(&compressed, bytes.len()).as_deref(), Some(bytes));
    }
}

/// What was read of a snapshot: keys, values as they are dumped, and remarks.
#[derive(Default, PartialEq, Eq, Debug)]
struct Seen(Vec<Vec<u8>>);

impl Dataset for Seen {
    fn add(&mut self, key: Key<'_>, value: Value) -> Result<(), Reason> {
        for compress in [false, true] {
            let payload = rdb::dump(value.view(), compress);
            let again = rdb::undump(&payload, FORMS);
            let again = again.unwrap_or_else(|why| panic!("{why:?} of {value:?}"));
            assert_eq!(again.view().encoding(), value.view().encoding());
            assert_eq!(rdb::dump(again.view(), compress).len(), payload.len());
        }
        self.add_str(key, &rdb::dump(value.view(), false))
    }

    fn add_str(&mut self, key: Key<'_>, bytes: &[u8]) -> Result<(), Reason> {
        self.0.push(format!("{key:?}").into_bytes());
        self.0.push(bytes.to_vec());
        Ok(())
    }

    fn library(&mut self, code: &[u8]) -> Result<(), Reason> {
        self.0.push(code.to_vec());
        Ok(())
    }

    fn note(&mut self, note: Note<'_>) {
        self.0.push(format!("{note:?}").into_bytes());
    }
}

/// A snapshot. What is read of it can be dumped, and the dump be read; and it is the same if the file
/// comes in parts, cut at places that the data chooses.
pub fn rdb(data: &[u8]) {
    let mut whole = Seen::default();
    let result = rdb::read(data, FORMS, &mut whole);
    match result {
        Ok(end) => assert!(end <= data.len()),
        Err(problem) => assert!(problem.offset <= data.len()),
    }
    let (mut parts, mut rng) = (Seen::default(), Rng::new(seed_of(data)));
    let (mut reading, mut position, mut there) = (Reading::new(FORMS), 0, 0);
    let in_parts = loop {
        let budget = Budget { bytes: rng.below(200) as usize + 1, records: 3 };
        let is_all = there == data.len();
        match reading.step(&data[position..there], is_all, budget, &mut parts) {
            Err(problem) => break Err(problem),
            Ok((used, progress)) => {
                position += used;
                match progress {
                    Progress::Done => break Ok(position),
                    Progress::Going => {}
                    Progress::Starved => {
                        assert!(!is_all, "there is no more");
                        there = data.len().min(there + 1 + rng.below(100) as usize);
                    }
                }
            }
        }
    };
    assert_eq!(in_parts, result);
    assert_eq!(parts, whole);
}

/// What a client sends: whole, and cut at places that the data chooses, the replies are the same.
pub fn resp(data: &[u8]) {
    let _ = Reply::read(data).map(|reply| reply.map(|(reply, _)| pretty::print(&reply)));
    let mut rng = Rng::new(seed_of(data));
    let whole = replies(&[data]);
    let mut cuts = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(1 + rng.below(rest.len().min(9) as u64) as usize);
        cuts.push(piece);
        rest = after;
    }
    assert_eq!(replies(&cuts), whole);
}

/// All that a new node sends to a client that sends these pieces, and whether it hangs up.
fn replies(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let mut local = Local::for_tests();
    let (mut bytes, mut is_closed) = (Vec::new(), false);
    for piece in pieces {
        if !is_closed {
            assert_eq!(local.send("a", piece), Ok(()));
        }
        for (_, more, closed) in local.receive(Patience::Quiet) {
            bytes.extend(more);
            is_closed |= closed;
        }
    }
    (bytes, is_closed)
}

/// A payload for RESTORE, without its checksum: what it makes is used with commands.
pub fn restore(data: &[u8]) {
    let payload = signed(data.to_vec());
    if rdb::undump(&payload, FORMS).is_err() {
        // Not worth a node.
        return;
    }
    let mut victim = Victim::new();
    if victim.restore("a", &payload).is_ok() {
        assert_eq!(victim.restore("g", &payload), Ok(()));
        victim.use_value(&mut Rng::new(seed_of(data)));
        assert_eq!(victim.ask("DEBUG RELOAD"), Reply::Simple(b"OK".to_vec()));
    }
}

/// A seed that depends on the data, so that one input always does the same.
fn seed_of(data: &[u8]) -> Seed {
    let start = data
        .iter()
        .take(16)
        .fold(data.len() as u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Seed::of(start)
}
