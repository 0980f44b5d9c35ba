//! CLIENT TRACKING and what belongs to it. The tables and the messages are in `engine::tracking`.

use super::client::BASE;
use crate::base::Error;
use crate::base::ordered::NameSet;
use crate::engine::tracking::{Caching, Scope, Tracking};
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{integer, many, one_of, opt, string, token};

pub(super) const CACHING: Command = Command {
    name: "CACHING",
    summary: "Says whether the keys that the next command reads are tracked.",
    since: "6.0.0",
    args: &[one_of("mode", &[token("yes", "YES"), token("no", "NO")])],
    run: caching,
    ..BASE
};

fn caching(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let Some(tracking) = cx.engine.tracker.get(cx.session.id) else {
        return Err(Error::text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        ));
    };
    let now = match tracking.scope {
        Scope::Reads(caching) => caching,
        Scope::Prefixes(_) => Caching::Always,
    };
    let then = if args.eat("YES") {
        let Caching::OptIn { .. } = now else {
            return Err(Error::text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        };
        Caching::OptIn { yes: true }
    } else if args.eat("NO") {
        let Caching::OptOut { .. } = now else {
            return Err(Error::text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        };
        Caching::OptOut { no: true }
    } else {
        return Err(Error::Syntax);
    };
    if let Some(caching) = cx.engine.tracker.caching_mut(cx.session.id) {
        *caching = then;
    }
    cx.out.ok();
    Ok(())
}

pub(super) const GETREDIR: Command = Command {
    name: "GETREDIR",
    summary: "Tells which client gets the messages of tracking: 0 for this one, -1 for none.",
    since: "6.0.0",
    run: getredir,
    ..BASE
};

fn getredir(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.int(redirect(cx.engine.tracker.get(cx.session.id)));
    Ok(())
}

fn redirect(tracking: Option<&Tracking>) -> i64 {
    tracking.map_or(-1, |own| own.redirect.map_or(0, |id| id as i64))
}

pub(super) const TRACKING: Command = Command {
    name: "TRACKING",
    summary: "Says whether the client is to be told when keys that it keeps copies of change.",
    since: "6.0.0",
    complexity: "O(1), and O(N) for N prefixes",
    args: &[
        one_of("status", &[token("on", "ON"), token("off", "OFF")]),
        opt(integer("client-id").after("REDIRECT")),
        opt(many(string("prefix").after("PREFIX").each())),
        opt(token("bcast", "BCAST")),
        opt(token("optin", "OPTIN")),
        opt(token("optout", "OPTOUT")),
        opt(token("noloop", "NOLOOP")),
    ],
    run: tracking,
    ..BASE
};

fn tracking(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let status = args.take()?;
    let options = Options::take(cx, args)?;
    if status.eq_ignore_ascii_case(b"OFF") {
        cx.engine.stop_tracking(cx.session);
    } else if status.eq_ignore_ascii_case(b"ON") {
        let old = cx.engine.tracker.get(cx.session.id);
        let tracking = options.join(old)?;
        cx.engine.tracker.start(cx.session.id, tracking);
        cx.session.tracking = true;
    } else {
        return Err(Error::Syntax);
    }
    cx.out.ok();
    Ok(())
}

/// What CLIENT TRACKING was given.
#[derive(Default)]
struct Options<'a> {
    redirect: Option<u64>,
    prefixes: Vec<&'a [u8]>,
    bcast: bool,
    optin: bool,
    optout: bool,
    no_loop: bool,
}

impl<'a> Options<'a> {
    fn take(cx: &Ctx<'_>, mut args: Args<'a>) -> Result<Self, Error> {
        let mut options = Self::default();
        while !args.is_empty() {
            if args.len() > 1 && args.eat("REDIRECT") {
                if options.redirect.is_some() {
                    return Err(Error::text(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                let id = u64::try_from(args.integer()?).ok();
                options.redirect = id.filter(|&id| cx.engine.clients.conn(id).is_some());
                if options.redirect.is_none() {
                    return Err(Error::text(
                        "ERR The client ID you want redirect to does not exist",
                    ));
                }
            } else if args.len() > 1 && args.eat("PREFIX") {
                options.prefixes.push(args.take()?);
            } else if args.eat("BCAST") {
                options.bcast = true;
            } else if args.eat("OPTIN") {
                options.optin = true;
            } else if args.eat("OPTOUT") {
                options.optout = true;
            } else if args.eat("NOLOOP") {
                options.no_loop = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    /// How the client tracks from now on, if it tracked as `old` says before.
    fn join(self, old: Option<&Tracking>) -> Result<Tracking, Error> {
        if !self.prefixes.is_empty() && !self.bcast {
            return Err(Error::text("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        let was_bcast = old.map(|old| matches!(old.scope, Scope::Prefixes(_)));
        if was_bcast.is_some_and(|was_bcast| was_bcast != self.bcast) {
            return Err(Error::text(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, \
                 and then re-enabling it with a different mode.",
            ));
        }
        if self.bcast && (self.optin || self.optout) {
            return Err(Error::text("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if self.optin && self.optout {
            return Err(Error::text("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        let scope = match old.map(|old| &old.scope) {
            Some(Scope::Prefixes(old)) => Scope::Prefixes(self.join_prefixes(old)?),
            _ if self.bcast => Scope::Prefixes(self.join_prefixes(&NameSet::default())?),
            Some(&Scope::Reads(old)) => Scope::Reads(self.join_caching(old)?),
            None => Scope::Reads(self.join_caching(Caching::Always)?),
        };
        let Self { redirect, no_loop, .. } = self;
        Ok(Tracking { redirect, is_broken: false, scope, no_loop })
    }

    fn join_caching(&self, old: Caching) -> Result<Caching, Error> {
        let new = match (self.optin, self.optout, old) {
            (true, _, Caching::OptIn { .. }) | (_, true, Caching::OptOut { .. }) => old,
            (true, _, Caching::OptOut { .. }) | (_, true, Caching::OptIn { .. }) => {
                return Err(Error::text(
                    "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this \
                     client, and then re-enabling it with a different mode.",
                ));
            }
            (true, _, Caching::Always) => Caching::OptIn { yes: false },
            (_, true, Caching::Always) => Caching::OptOut { no: false },
            (false, false, _) => Caching::Always,
        };
        Ok(new)
    }

    /// The prefixes of `old` and the new ones, none of which may begin with another.
    fn join_prefixes(&self, old: &NameSet) -> Result<NameSet, Error> {
        let mut all = old.clone();
        for (index, prefix) in self.prefixes.iter().enumerate() {
            if let Some(other) = old.iter().find(|other| overlap(prefix, other)) {
                return Err(overlap_error(prefix, "an existing prefix", other));
            }
            let later = self.prefixes.iter().skip(index + 1);
            if let Some(other) = later.copied().find(|other| overlap(prefix, other)) {
                return Err(overlap_error(prefix, "another provided prefix", other));
            }
            all.insert((*prefix).into());
        }
        if self.prefixes.is_empty() {
            all.insert(Box::default());
        }
        Ok(all)
    }
}

/// Whether one begins with the other.
fn overlap(one: &[u8], other: &[u8]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn overlap_error(prefix: &[u8], which: &str, other: &[u8]) -> Error {
    let parts: [&[u8]; 7] = [
        b"ERR Prefix '",
        prefix,
        b"' overlaps with ",
        which.as_bytes(),
        b" '",
        other,
        b"'. Prefixes for a single client must not overlap.",
    ];
    Error::Bytes(parts.concat())
}

pub(super) const TRACKINGINFO: Command = Command {
    name: "TRACKINGINFO",
    summary: "Tells how the client tracks keys.",
    since: "6.2.0",
    run: trackinginfo,
    ..BASE
};

fn trackinginfo(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let tracking = cx.engine.tracker.get(cx.session.id);
    let flags = flags(tracking);
    let out = &mut *cx.out;
    out.map(3);
    out.bulk(b"flags");
    out.set(flags.len());
    flags.iter().for_each(|flag| out.bulk(flag.as_bytes()));
    out.bulk(b"redirect");
    out.int(redirect(tracking));
    out.bulk(b"prefixes");
    match tracking.map(|own| &own.scope) {
        Some(Scope::Prefixes(prefixes)) => {
            out.array(prefixes.len());
            prefixes.iter().for_each(|prefix| out.bulk(prefix));
        }
        Some(Scope::Reads(_)) | None => out.array(0),
    }
    Ok(())
}

/// What holds of a client's tracking, in Redis's words and order.
fn flags(tracking: Option<&Tracking>) -> Vec<&'static str> {
    let Some(tracking) = tracking else { return vec!["off"] };
    let mut flags = vec!["on"];
    match &tracking.scope {
        Scope::Prefixes(_) => flags.push("bcast"),
        Scope::Reads(Caching::Always) => {}
        Scope::Reads(Caching::OptIn { yes }) => {
            flags.push("optin");
            flags.extend(yes.then_some("caching-yes"));
        }
        Scope::Reads(Caching::OptOut { no }) => {
            flags.push("optout");
            flags.extend(no.then_some("caching-no"));
        }
    }
    flags.extend(tracking.no_loop.then_some("noloop"));
    flags.extend(tracking.is_broken.then_some("broken_redirect"));
    flags
}
