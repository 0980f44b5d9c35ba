//! Snapshots and payloads of DUMP, made by hand: a writer that knows nothing but bytes, so that what
//! is read can be of any version, and wrong on purpose.

use redstart::base::crc::crc64;

/// A payload as DUMP of a server that writes this version would reply it.
pub fn payload(kind: u8, value: &[u8], version: u16) -> Vec<u8> {
    signed([&[kind], value, &version.to_le_bytes()].concat())
}

/// `bytes`, with their checksum behind them.
pub fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(crc64(0, &bytes).to_le_bytes());
    bytes
}

/// The bytes that hexadecimal digits stand for; what is none is skipped.
pub fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A file whose head is `magic`, holding `records`.
pub fn file(magic: &str, records: &[&[u8]]) -> Vec<u8> {
    let mut bytes = [magic.as_bytes(), &records.concat(), b"\xff"].concat();
    if !magic.starts_with("REDIS") || magic >= "REDIS0005" {
        bytes = signed(bytes);
    }
    bytes
}

/// A string, behind its length.
pub fn text(bytes: &[u8]) -> Vec<u8> {
    match u8::try_from(bytes.len()) {
        Ok(length @ 0..64) => [&[length], bytes].concat(),
        _ => [&b"\x80"[..], &(bytes.len() as u32).to_be_bytes(), bytes].concat(),
    }
}

/// A key of type `kind`, whose value is `value` as it stands in the file.
pub fn entry(kind: u8, key: &str, value: &[u8]) -> Vec<u8> {
    [&[kind], &*text(key.as_bytes()), value].concat()
}

/// The ziplist of these strings.
pub fn ziplist(strings: &[&str]) -> Vec<u8> {
    let (mut body, mut last, mut before) = (Vec::new(), 10, 0);
    for string in strings {
        last = 10 + body.len();
        body.extend([before, string.len() as u8]);
        body.extend(string.bytes());
        before = string.len() as u8 + 2;
    }
    let total = (11 + body.len()) as u32;
    let head = [total.to_le_bytes(), (last as u32).to_le_bytes()].concat();
    let count = (strings.len() as u16).to_le_bytes();
    [&*head, &count, &*body, b"\xff"].concat()
}

/// The listpack of these strings and small numbers.
pub fn listpack(strings: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for string in strings {
        match string.parse::<u8>() {
            Ok(number @ 0..128) => body.extend([number, 1]),
            _ => {
                body.push(0x80 | string.len() as u8);
                body.extend(string.bytes());
                body.push(string.len() as u8 + 1);
            }
        }
    }
    let total = (7 + body.len()) as u32;
    let count = (strings.len() as u16).to_le_bytes();
    [&total.to_le_bytes()[..], &count, &*body, b"\xff"].concat()
}

/// An ID of sixteen bytes.
pub fn raw_id(ms: u64, seq: u64) -> Vec<u8> {
    [ms.to_be_bytes(), seq.to_be_bytes()].concat()
}

/// What stands before a stream's counters: one node with the entries 5-1 (`f`: `a`), deleted, and
/// 5-2 (`f`: `b`).
pub fn stream_node() -> Vec<u8> {
    let id = [5u64.to_be_bytes(), 1u64.to_be_bytes()].concat();
    let pack =
        listpack(&["1", "1", "1", "f", "0", "3", "0", "0", "a", "4", "2", "0", "1", "b", "4"]);
    [&b"\x01"[..], &text(&id), &text(&pack)].concat()
}

/// A group `g`, which was given 5-2 last, with `read` for the number of entries it has read (the first form
/// says none), with 5-2 pending for `ann` since 1000 ms, delivered once; `active` is when she last got something (the third form says it).
pub fn stream_group(read: &[u8], active: &[u8]) -> Vec<u8> {
    let time = 1000u64.to_le_bytes();
    [
        &text(b"g")[..],
        b"\x05\x02",
        read,
        b"\x01",
        &raw_id(5, 2),
        &time,
        b"\x01\x01",
        &text(b"ann"),
        &time,
        active,
        b"\x01",
        &raw_id(5, 2),
    ]
    .concat()
}
