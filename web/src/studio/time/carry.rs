//! The data of a moment as commands that make it: for a store of its own, or to take the place of what
//! is there.
//!
//! A sandbox gives no snapshot of itself, but DUMP has all of a value and RESTORE makes it again, and a
//! store imports commands as it imports any file: all of them or nothing. When a key expires is a date,
//! and stays that date; what has expired by now is left out.

use redstart::resp::Reply;

use super::own::Source;
use crate::message::SandboxOp;
use crate::studio::client::Client;
use crate::studio::engine;
use crate::studio::value::load::{bytes, elements, text};
use crate::terminal::session::request;

/// The sandbox in which the moment is lived through.
const CARRIED: &str = "time~carried";

/// Keys that are asked for at once.
const BATCH: usize = 200;

type Words = Vec<Vec<u8>>;

/// Data as commands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    /// The commands, in RESP.
    pub(super) commands: Vec<u8>,
    /// Keys that they make.
    pub(super) keys: u64,
    /// Keys that have expired since.
    pub(super) expired: u64,
}

impl Carried {
    /// Adds keys of the database that was begun last, of which [`ask`] has asked.
    fn add(&mut self, keys: &[Vec<u8>], replies: &[Reply], now_ms: i64) {
        for (key, replies) in keys.iter().zip(replies.chunks(2)) {
            let [dump, Reply::Int(expires_ms)] = replies else { continue };
            let Some(dump) = bytes(dump) else { continue };
            // -1 is never.
            if (0..=now_ms).contains(expires_ms) {
                self.expired += 1;
                continue;
            }
            self.keys += 1;
            let at = expires_ms.max(&0).to_string();
            let words: [&[u8]; 5] = [b"RESTORE", key, at.as_bytes(), &dump, b"ABSTTL"];
            self.commands.extend(request(&words.map(<[u8]>::to_vec)));
        }
    }

    /// What follows is in this database.
    fn begin(&mut self, db: &str) {
        self.commands.extend(request(&words(&["SELECT", db])));
    }
}

/// What is asked of each key.
fn ask(keys: &[Vec<u8>]) -> Vec<Words> {
    let of = |key: &Vec<u8>| {
        ["DUMP", "PEXPIRETIME"].map(|name| vec![name.as_bytes().to_vec(), key.clone()])
    };
    keys.iter().flat_map(of).collect()
}

/// The numbers of the databases that have keys, in INFO's words.
fn databases(info: &str) -> Vec<&str> {
    info.lines().filter_map(|line| Some(line.strip_prefix("db")?.split_once(':')?.0)).collect()
}

/// The cursor and the keys in a reply to SCAN.
fn scanned(reply: &Reply) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let [cursor, keys] = elements(reply)? else { return None };
    Some((bytes(cursor)?, elements(keys)?.iter().filter_map(bytes).collect()))
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// The data of a source after so many entries; `None` if that cannot be had.
pub(super) async fn carry(source: Source, entries: usize) -> Option<Carried> {
    let from = source.name(CARRIED).await;
    engine::sandbox(&format!("{from}>{CARRIED}"), SandboxOp::Branch, entries as f64).await;
    let carried = read(&Client::open(CARRIED)?).await;
    engine::sandbox(CARRIED, SandboxOp::Remove, 0.0).await;
    carried
}

/// All data of a server that stands still.
async fn read(client: &Client) -> Option<Carried> {
    let now_ms = js_sys::Date::now() as i64;
    let mut carried = Carried::default();
    // Without any key there is a command still, so that it is no empty file.
    carried.begin("0");
    let info = text(&client.run(&words(&["INFO", "keyspace"])).await.ok()?)?;
    for db in databases(&info) {
        carried.begin(db);
        client.run(&words(&["SELECT", db])).await.ok()?;
        let mut cursor = b"0".to_vec();
        loop {
            let scan =
                [b"SCAN".to_vec(), cursor, b"COUNT".to_vec(), BATCH.to_string().into_bytes()];
            let (next, keys) = scanned(&client.run(&scan).await.ok()?)?;
            carried.add(&keys, &client.run_all(&ask(&keys)).await.ok()?, now_ms);
            if next == b"0" {
                break;
            }
            cursor = next;
        }
    }
    Some(carried)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::exchange::commands;
    use crate::studio::testing::Server;

    const LATER_MS: i64 = 1_900_000_000_000;

    fn carried(server: &mut Server, now_ms: i64) -> Carried {
        let mut carried = Carried::default();
        let info = text(&server.run("INFO keyspace")).unwrap();
        for db in databases(&info) {
            carried.begin(db);
            server.run(&format!("SELECT {db}"));
            let (_, keys) = scanned(&server.run("SCAN 0 COUNT 1000")).unwrap();
            carried.add(&keys, &server.all(&ask(&keys)), now_ms);
        }
        carried
    }

    #[test]
    fn the_commands_make_the_same_data() {
        let mut server = Server::new();
        for line in [
            "SET text \"a b\\x00c\"",
            "HSET hash f 1 g 2",
            "HPEXPIREAT hash 1900000000000 FIELDS 1 f",
            "XADD stream 1-1 f v",
            "XGROUP CREATE stream readers 0",
            "ZADD board 1.5 ann",
            "SET session 1 PXAT 1900000000000",
            "SELECT 3",
            "RPUSH list x y",
        ] {
            server.run(line);
        }
        let carried = carried(&mut server, 1_800_000_000_000);
        assert_eq!((carried.keys, carried.expired), (6, 0));
        let mut other = Server::new();
        for command in commands(&carried.commands) {
            assert_eq!(text(&other.command(&command)).as_deref(), Some("OK"));
        }
        assert_eq!(other.run("DEBUG DIGEST"), server.run("DEBUG DIGEST"));
        other.run("SELECT 0");
        assert_eq!(other.run("PEXPIRETIME session"), Reply::Int(LATER_MS));
    }

    #[test]
    fn what_has_expired_is_left_out() {
        let mut server = Server::new();
        server.run("SET session 1 PXAT 1900000000000");
        server.run("SET stays 1");
        let carried = carried(&mut server, LATER_MS);
        assert_eq!((carried.keys, carried.expired), (1, 1));
        assert!(!carried.commands.windows(7).any(|it| it == b"session"));
    }
}
