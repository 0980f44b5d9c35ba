//! CONFIG: reading and changing the settings while the server runs.

use crate::base::{Error, glob, order};
use crate::engine::config::{Config, PARAMS, Param, refusal, table};
use crate::engine::moving::FOLDER;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Flag::*, Group, block, many, string};

pub(crate) const COMMANDS: &[&Command] = &[&CONFIG];

const CONFIG: Command = Command {
    name: "CONFIG",
    summary: "Reads and changes the settings.",
    since: "2.0.0",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[&CONFIG_GET, &CONFIG_SET, &CONFIG_RESETSTAT, &CONFIG_REWRITE],
    ..Command::BASE
};

const CONFIG_GET: Command = Command {
    name: "GET",
    summary: "Replies with the parameters that match the patterns, and their values.",
    since: "2.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of patterns",
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[many(string("parameter"))],
    example: "> CONFIG GET maxclients hash-max-listpack-v*\n\
              1) \"hash-max-listpack-value\"\n2) \"64\"\n3) \"maxclients\"\n4) \"10000\"\n",
    run: config_get,
    ..Command::BASE
};

fn config_get(cx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    // In the order of the table, which is alphabetical but for older names.
    let mut found: Vec<(Vec<u8>, &Param)> = Vec::new();
    for pattern in args.rest().iter() {
        if !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            // Without a wildcard the name comes back as it was typed, hidden parameters included.
            if let Some((param, _)) = table::find(pattern) {
                found.push((pattern.to_vec(), param));
            }
            continue;
        }
        let lower = pattern.to_ascii_lowercase();
        for param in PARAMS.iter().filter(|param| !param.is_hidden()) {
            let names = [Some(param.name), param.alias].into_iter().flatten();
            let matching = names.filter(|name| glob::matches(&lower, name.as_bytes()));
            found.extend(matching.map(|name| (name.as_bytes().to_vec(), param)));
        }
    }
    order::sort_by(&mut found, |(a, _), (b, _)| {
        a.to_ascii_lowercase().cmp(&b.to_ascii_lowercase())
    });
    found.dedup_by(|(later, _), (first, _)| later.eq_ignore_ascii_case(first));
    cx.out.map(found.len());
    for (name, param) in found {
        let text = cx.config.text(param);
        cx.out.bulk(&name);
        cx.out.bulk(&text);
    }
    Ok(())
}

const CONFIG_SET: Command = Command {
    name: "SET",
    summary: "Changes parameters: all of those named, or none if one of them cannot be changed.",
    since: "2.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of parameters",
    flags: &[Admin, Noscript, Loading, Stale],
    args: &[many(block("data", &[string("parameter"), string("value")]))],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    example: "> CONFIG SET timeout 60 hz 20\nOK\n",
    run: config_set,
    ..Command::BASE
};

fn config_set(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(Error::Syntax);
    }
    let may_protected = cx.config.enable_protected_configs.allows(cx.session.origin.local);
    let mut changes: Vec<(&'static Param, &'static str, &[u8])> = Vec::new();
    while !args.is_empty() {
        let (name, value) = (args.take()?, args.take()?);
        let Some((param, own_name)) = table::find(name) else {
            let text = "ERR Unknown option or number of arguments for CONFIG SET - '";
            return Err(Error::showing(text, name, "'"));
        };
        if param.is_immutable() {
            return Err(refusal(name, "can't set immutable config"));
        }
        if param.nature == Some(table::Trait::Protected) && !may_protected {
            return Err(refusal(name, "can't set protected config"));
        }
        if changes.iter().any(|(_, other, _)| *other == own_name) {
            return Err(refusal(name, "duplicate parameter"));
        }
        changes.push((param, own_name, value));
    }
    let mut config: Config = cx.config.clone();
    for &(param, name, value) in &changes {
        config.set(param, value).map_err(|reason| refusal(name.as_bytes(), &reason))?;
    }
    if changes.iter().any(|(param, ..)| param.name == FOLDER) {
        let changes = changes.into_iter().map(|(param, _, value)| (param, value.to_vec()));
        let (id, changes) = (cx.session.id, changes.collect());
        cx.move_to_folder(id, changes)?;
        cx.wait_for_world(args.all());
        return Ok(());
    }
    #[cfg(feature = "config-file")]
    let before = cx.config.clone();
    cx.config = config;
    cx.settings_changed();
    #[cfg(feature = "config-file")]
    if cx.waits_for_listeners(before, changes.iter().map(|change| change.0.name), args.all()) {
        return Ok(());
    }
    cx.out.ok();
    Ok(())
}

const CONFIG_RESETSTAT: Command = Command {
    name: "RESETSTAT",
    summary: "Sets the counters that INFO shows back to zero.",
    since: "2.0.0",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    run: config_resetstat,
    ..Command::BASE
};

fn config_resetstat(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    let commands = cx.table.entries().len();
    cx.stats = crate::engine::Stats::new(commands);
    cx.out.ok();
    Ok(())
}

const CONFIG_REWRITE: Command = Command {
    name: "REWRITE",
    summary: "Writes the settings into the configuration file.",
    since: "2.8.0",
    group: Group::Server,
    flags: &[Admin, Noscript, Loading, Stale],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    run: |cx, args| cx.rewrite_config_file(args),
    ..Command::BASE
};
