//! Replies freed of what may differ between two servers that do the same: the order of what has
//! none, and the time that has passed.

use redstart::resp::{Reply, pretty};

use crate::grammar::Words;

/// Commands that reply with members in an order that means nothing.
pub const UNORDERED: [&str; 16] = [
    "SMEMBERS",
    "SINTER",
    "SUNION",
    "SDIFF",
    "HKEYS",
    "HVALS",
    "HGETALL",
    "KEYS",
    "SCAN",
    "SSCAN",
    "HSCAN",
    "ZSCAN",
    "SPOP",
    "SRANDMEMBER",
    "HRANDFIELD",
    "ZRANDMEMBER",
];

/// `reply` to `command`, its members in one order if theirs means nothing, and without times.
pub fn normal(command: &Words, reply: Reply) -> Reply {
    let name = command.first().map(Vec::as_slice).unwrap_or_default();
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    if is("XINFO") || is("XPENDING") {
        return without_times(reply);
    }
    // A set that is not sorted comes as its table has it.
    let is_sort = is("SORT") || is("SORT_RO");
    let is_unordered = UNORDERED.iter().any(|other| is(other)) || is_sort && is_unsorted(command);
    sorted(reply, !is_unordered)
}

/// Whether a SORT is told not to sort: some BY has no `*`.
pub fn is_unsorted(command: &Words) -> bool {
    command
        .array_windows()
        .any(|[option, pattern]| option.eq_ignore_ascii_case(b"BY") && !pattern.contains(&b'*'))
}

fn sorted(reply: Reply, is_ordered: bool) -> Reply {
    let sort = |parts: Vec<Reply>| {
        let mut parts: Vec<Reply> = parts.into_iter().map(|part| sorted(part, false)).collect();
        parts.sort_by_key(pretty::print);
        parts
    };
    match reply {
        Reply::Array(parts) if !is_ordered => Reply::Array(sort(parts)),
        Reply::Set(parts) if !is_ordered => Reply::Set(sort(parts)),
        Reply::Map(mut pairs) if !is_ordered => {
            pairs.sort_by_key(|(name, _)| pretty::print(name));
            Reply::Map(pairs)
        }
        reply => reply,
    }
}

/// What XINFO and XPENDING tell, without the times that are in it.
fn without_times(reply: Reply) -> Reply {
    const TIMES: [&[u8]; 4] = [b"idle", b"inactive", b"seen-time", b"active-time"];
    match reply {
        // A pending entry: its ID, its consumer except below that, when it was delivered, how often.
        Reply::Array(mut parts) => {
            let is_entry = matches!(
                parts.as_slice(),
                [Reply::Bulk(_), Reply::Bulk(_), Reply::Int(_), Reply::Int(_)]
                    | [Reply::Bulk(_), Reply::Int(_), Reply::Int(_)]
            );
            if is_entry {
                let time = parts.len() - 2;
                parts[time] = Reply::Int(0);
            }
            let mut is_time = false;
            for part in &mut parts {
                match part {
                    Reply::Int(number) if is_time => *number = (*number).clamp(-1, 0),
                    _ => {}
                }
                is_time = matches!(part, Reply::Bulk(name) if TIMES.contains(&name.as_slice()));
            }
            Reply::Array(parts.into_iter().map(without_times).collect())
        }
        Reply::Map(pairs) => Reply::Map(
            pairs
                .into_iter()
                .map(|(name, value)| {
                    let is_time =
                        matches!(&name, Reply::Bulk(name) if TIMES.contains(&name.as_slice()));
                    match value {
                        Reply::Int(number) if is_time => (name, Reply::Int(number.clamp(-1, 0))),
                        value => (name, without_times(value)),
                    }
                })
                .collect(),
        ),
        reply => reply,
    }
}
