//! FUNCTION, as far as there is no engine to run functions: what is true of an empty set of them.
//!
//! Programs that prepare a server, test suites among them, begin by deleting all libraries.

use crate::base::Error;
use crate::engine::{Args, Command, Ctx, Outcome};
use crate::spec::{Flag::*, Group, one_of, opt, string, token};

pub(crate) const COMMANDS: &[&Command] = &[&FUNCTION];

const FUNCTION: Command = Command {
    name: "FUNCTION",
    summary: "Libraries of functions, of which there are none so far.",
    since: "7.0.0",
    group: Group::Scripting,
    complexity: "That of the subcommand",
    subcommands: &[&FUNCTION_FLUSH, &FUNCTION_LIST],
    ..Command::BASE
};

const FUNCTION_FLUSH: Command = Command {
    name: "FLUSH",
    summary: "Deletes all libraries.",
    since: "7.0.0",
    group: Group::Scripting,
    complexity: "O(N) for N functions",
    flags: &[Write, Noscript],
    args: &[opt(one_of("flush-type", &[token("async", "ASYNC"), token("sync", "SYNC")]))],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    example: "> FUNCTION FLUSH\nOK\n",
    run: flush,
    ..Command::BASE
};

fn flush(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    if args.len() > 1 {
        return Err(Error::showing(
            "ERR unknown subcommand or wrong number of arguments for '",
            args.all().get(1).unwrap_or_default(),
            "'. Try FUNCTION HELP.",
        ));
    }
    if !args.is_empty() && !args.eat("SYNC") && !args.eat("ASYNC") {
        return Err(Error::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option"));
    }
    // Those that a snapshot held; see `Engine::libraries`.
    cx.libraries.clear();
    // As in Redis, whether or not there were any.
    cx.dirty += 1;
    cx.out.ok();
    Ok(())
}

const FUNCTION_LIST: Command = Command {
    name: "LIST",
    summary: "Lists the libraries: none.",
    since: "7.0.0",
    group: Group::Scripting,
    complexity: "O(N) for N functions",
    flags: &[Noscript],
    args: &[
        opt(string("library-name-pattern").after("LIBRARYNAME")),
        opt(token("withcode", "WITHCODE")),
    ],
    tips: &["nondeterministic_output_order"],
    example: "> FUNCTION LIST\n(empty array)\n",
    run: list,
    ..Command::BASE
};

fn list(cx: &mut Ctx<'_>, mut args: Args<'_>) -> Outcome {
    let (mut has_pattern, mut with_code) = (false, false);
    while let Some(word) = args.peek() {
        if !with_code && args.eat("WITHCODE") {
            with_code = true;
        } else if !has_pattern && args.eat("LIBRARYNAME") {
            has_pattern = true;
            args.take().map_err(|_| Error::text("ERR library name argument was not given"))?;
        } else {
            return Err(Error::showing("ERR Unknown argument ", word, ""));
        }
    }
    cx.out.array(0);
    Ok(())
}
