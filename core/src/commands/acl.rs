//! ACL, as far as there is one user: who one is, and what the categories hold.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Category, Flag::*, Group, opt, string};

pub(crate) const COMMANDS: &[&Command] = &[&ACL];

const ACL: Command = Command {
    name: "ACL",
    summary: "Users and what they may do; so far there is one, who may do everything.",
    since: "6.0.0",
    group: Group::Server,
    complexity: "That of the subcommand",
    subcommands: &[&ACL_CAT, &ACL_USERS, &ACL_WHOAMI],
    ..Command::BASE
};

const ACL_CAT: Command = Command {
    name: "CAT",
    summary: "Lists the categories, or the commands of one.",
    since: "6.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of commands",
    flags: &[Noscript, Loading, Stale],
    args: &[opt(string("category"))],
    run: cat,
    ..Command::BASE
};

fn cat(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    if args.is_empty() {
        cx.out.array(Category::ALL.len());
        for category in Category::ALL {
            cx.out.bulk(category.name().as_bytes());
        }
        return Ok(());
    }
    let name = args.take()?;
    if !args.is_empty() {
        let word = args.all().get(1).unwrap_or_default();
        let text = b"ERR unknown subcommand or wrong number of arguments for '".as_slice();
        return Err(Error::Bytes([text, word, b"'. Try ACL HELP."].concat()));
    }
    let is_it = |one: &&Category| name.eq_ignore_ascii_case(one.name().as_bytes());
    let Some(category) = Category::ALL.iter().find(is_it) else {
        return Err(Error::Bytes([b"ERR Unknown category '".as_slice(), name, b"'"].concat()));
    };
    let entries = cx.engine.table.entries().iter();
    let found: Vec<_> = entries.filter(|entry| entry.categories.contains(category)).collect();
    cx.out.array(found.len());
    for entry in found {
        cx.out.bulk(entry.full_name.as_bytes());
    }
    Ok(())
}

const ACL_USERS: Command = Command {
    name: "USERS",
    summary: "Lists the names of all users.",
    since: "6.0.0",
    group: Group::Server,
    complexity: "O(N) in the number of users",
    flags: &[Admin, Noscript, Loading, Stale],
    example: "> ACL USERS\n1) \"default\"\n",
    run: users,
    ..Command::BASE
};

fn users(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.array(1);
    cx.out.bulk(b"default");
    Ok(())
}

const ACL_WHOAMI: Command = Command {
    name: "WHOAMI",
    summary: "Replies with the name of the user that the connection is.",
    since: "6.0.0",
    group: Group::Server,
    flags: &[Noscript, Loading, Stale],
    example: "> ACL WHOAMI\n\"default\"\n",
    run: whoami,
    ..Command::BASE
};

fn whoami(cx: &mut Ctx<'_>, _: Args<'_>) -> Outcome {
    cx.out.bulk(cx.session.user.as_bytes());
    Ok(())
}
