//! MSETEX: several strings at once, with one condition and one expiry for all of them.

use super::options::{Condition, Expiry, Options};
use crate::base::{Error, num};
use crate::commands::expire::EXPIRATION_OR_KEEPTTL;
use crate::engine::{Args, Class, Command, Ctx, Outcome};
use crate::spec::{
    Access::*, Flag::*, Group, block, integer, key, many, one_of, opt, string, token,
};

pub(super) const MSETEX: Command = Command {
    name: "MSETEX",
    summary: "Stores strings under several keys, all at once, if none or all of them exist, with one expiry.",
    since: "8.4.0",
    group: Group::String,
    complexity: "O(N) for N keys",
    flags: &[Write, DenyOom],
    args: &[
        integer("numkeys"),
        many(block("data", &[key("key", &[Ow, Update]), string("value")])),
        opt(one_of("condition", &[token("nx", "NX"), token("xx", "XX")])),
        EXPIRATION_OR_KEEPTTL,
    ],
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    example: "> MSETEX 2 one 1 two 2 EX 60\n(integer) 1\n> TTL two\n(integer) 60\n\
              > MSETEX 2 two 2 three 3 NX\n(integer) 0\n",
    run: msetex,
    ..Command::BASE
};

fn msetex(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    const NO_NUMBER: Error = Error::text("ERR invalid numkeys value");
    let count = args.int32_or(NO_NUMBER)?;
    let count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or(NO_NUMBER)?;
    let pairs = args
        .take_many(count.saturating_mul(2))
        .map_err(|_| Error::text("ERR wrong number of key-value pairs"))?;
    let options = Options::of_msetex(args)?;
    let expires_ms = options.expiry.deadline_ms(cx)?;
    let wanted = options.condition.map(|condition| condition == Condition::Xx);
    let keys = || pairs.iter().step_by(2);
    if wanted.is_some_and(|wanted| keys().any(|key| cx.look(key).is_some() != wanted)) {
        cx.out.int(0);
        return Ok(());
    }
    for (key, value) in keys().zip(pairs.iter().skip(1).step_by(2)) {
        let kept = cx.look(key).and_then(|found| found.expires_ms);
        let kept = kept.filter(|_| options.expiry == Expiry::Keep);
        cx.insert_str(key, value, expires_ms.or(kept));
        cx.changed(key, Class::String, "set");
        if let Some(at_ms) = expires_ms {
            cx.changed_too(key, Class::Generic, "expire");
            cx.propagate_as(&[b"SET", key, value, b"PXAT", &num::Digits::of(at_ms)]);
        } else if options.expiry == Expiry::Keep {
            cx.propagate_as(&[b"SET", key, value, b"KEEPTTL"]);
        } else {
            cx.propagate_as(&[b"SET", key, value]);
        }
    }
    cx.out.int(1);
    Ok(())
}
