//! Keys to begin with: one of every kind that the views can show.

use redstart::resp::words;

const LINES: &str = r#"
SET greeting "Hello, world"
SET page:views 1815
SET session:7f3a "{\"user\":1,\"cart\":[{\"item\":\"lamp\",\"count\":2},{\"item\":\"desk\",\"count\":1}],\"since\":\"2026-11-26T09:30:00Z\"}" EX 1800
HSET user:1 name "Ada Lovelace" born 1815 likes engines
HSET user:2 name "Grace Hopper" born 1906 likes compilers
HSETEX user:2 EX 600 FIELDS 1 token 5e884898
SADD user:1:tags mathematics poetry
SADD primes 2 3 5 7 11 13 17 19 23
RPUSH jobs:mail "to ada" "to grace" "to edsger" "to barbara"
ZADD board 3120 ada 2980 grace 2755 edsger 2210 barbara 1980 donald
GEOADD cities 13.4050 52.5200 Berlin 2.3522 48.8566 Paris 12.4964 41.9028 Rome -3.7038 40.4168 Madrid 16.3738 48.2082 Vienna
ARSET temperatures 0 -1.5 0.2 1.0
ARMSET temperatures 6 2.5 364 "-0.5, snow"
XADD sensor:1 1700000000000-0 temperature 21.5 humidity 40
XADD sensor:1 1700000060000-0 temperature 21.7 humidity 41
XADD sensor:1 1700000120000-0 temperature 22.1 humidity 39
XADD sensor:1 1700000180000-0 temperature 22.0 humidity 39 note "window open"
XGROUP CREATE sensor:1 alarms 0
XREADGROUP GROUP alarms watcher-1 COUNT 2 STREAMS sensor:1 >
PFADD visitors ada grace edsger barbara donald alan john
SETBIT days:ada 0 1
SETBIT days:ada 3 1
SETBIT days:ada 4 1
SETBIT days:ada 17 1
SETBIT days:ada 100 1
SETBIT days:ada 101 1
"#;

/// Members of a sorted set and of a set that are too many for the small encodings.
const MANY: usize = 300;

/// The commands that make them.
pub fn commands() -> Vec<Vec<Vec<u8>>> {
    let lines = LINES.lines().filter(|line| !line.is_empty());
    let mut commands: Vec<_> =
        lines.map(|line| words::split(line.as_bytes()).unwrap_or_default()).collect();
    let mut large: Vec<Vec<u8>> = vec![b"ZADD".to_vec(), b"stock:prices".to_vec()];
    for number in 0..MANY {
        // A row of numbers that looks disordered and is the same for everybody.
        let score = number * 7919 % 1000;
        large.push(score.to_string().into_bytes());
        large.push(format!("item:{number:03}").into_bytes());
    }
    commands.push(large);
    commands
}

/// Asks how many keys there are that have the name of an example.
pub fn ask() -> Vec<Vec<u8>> {
    // XGROUP and XREADGROUP have their key elsewhere, and XADD has named it already.
    let of_key = |words: &Vec<Vec<u8>>| !words.first().is_some_and(|it| it.ends_with(b"GROUP"));
    let names = commands().into_iter().filter(of_key).filter_map(|words| words.into_iter().nth(1));
    [b"EXISTS".to_vec()].into_iter().chain(names).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::testing::Server;
    use redstart::resp::Reply;

    #[test]
    fn examples_are_commands_that_work() {
        let mut server = Server::new();
        assert_eq!(server.command(&ask()), Reply::Int(0));
        for command in commands() {
            let reply = server.command(&command);
            assert!(!matches!(reply, Reply::Error(_)), "{command:?}: {reply:?}");
        }
        assert_eq!(server.command(&ask()), Reply::Int(ask().len() as i64 - 1));
        assert_eq!(server.run("DBSIZE"), Reply::Int(15));
        assert_eq!(server.run("OBJECT ENCODING stock:prices"), Reply::Bulk(b"skiplist".to_vec()));
    }
}
