//! Clients beside the panes of a page: programs that ask its worker themselves.
//!
//! They write lists. Each adds the numbers 1, 2, 3 … to a list of its own, so that what is found shows at
//! once whether something is missing in the middle, or was done twice.

use serde_json::Value;

use crate::browser::{Browser, Result};

/// What asks the worker for a connection.
const OPEN: &str = "['', false]";

/// See [`connect`].
const CONNECT: &str = r#"
    const encoder = new TextEncoder(), decoder = new TextDecoder();
    window.connect = () => {
        const channel = new MessageChannel();
        let text = "", waiting = () => {}, isLost = false;
        channel.port1.onmessage = ({ data }) => {
            if (!ArrayBuffer.isView(data)) {
                isLost = true;
                return waiting(null);
            }
            text += decoder.decode(data);
            // Every reply here is one line or one string, in ASCII, or its first line says enough.
            const end = text.indexOf("\r\n") + 2;
            const length = text[0] === "$" ? Number(text.slice(1, end)) : -1;
            if (end < 2 || text.length < end + (length < 0 ? 0 : length + 2)) return;
            const reply = length < 0 ? text.slice(0, end - 2).replace(/^[+:]/, "") : text.slice(end, -2);
            text = "";
            waiting(reply);
        };
        window.engine.postMessage(OPEN, [channel.port2]);
        return (...words) => new Promise((answer) => {
            if (isLost) return answer(null);
            waiting = answer;
            const parts = words.map((word) => `$${encoder.encode(word).length}\r\n${word}\r\n`);
            channel.port1.postMessage(encoder.encode(`*${words.length}\r\n${parts.join("")}`));
        });
    };
"#;

/// What is found: lengths and last elements.
const LOOK: &str = r#"
    const done = arguments[arguments.length - 1];
    (async () => {
        const ask = window.connect();
        const found = [];
        for (let list = 0; list < LISTS; list++) {
            found.push(Number(await ask("LLEN", `list:${list}`)));
            found.push(Number(await ask("LINDEX", `list:${list}`, "-1")));
        }
        done(found);
    })();
"#;

/// A script that defines `connect()`, which gives a function that sends a command and promises its reply:
/// `null` if the connection is lost. The page's worker is expected in `engine`.
pub fn connect() -> String {
    CONNECT.replace("OPEN", OPEN)
}

/// The lengths of the lists called `list:0`, `list:1` and so on, each of which must be whole. The page knows
/// [`connect`].
pub fn lengths(browser: &Browser, lists: usize) -> Result<Vec<u64>> {
    let found = numbers(&browser.script_async(&LOOK.replace("LISTS", &lists.to_string()))?);
    let found = found.chunks(2).enumerate();
    found
        .map(|(list, found)| match found {
            [length, last] if length == last => Ok(*length),
            _ => Err(format!("list:{list} is not whole: length and last element are {found:?}")),
        })
        .collect()
}

/// Numbers in a list that a script has returned.
pub fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().into_iter().flatten().map(|number| number.as_u64().unwrap_or(0)).collect()
}
