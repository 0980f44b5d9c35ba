//! Payloads that nobody means well with: RESTORE either refuses one, or makes a value of it that
//! every command can be used on.
//!
//! `data/corrupt_dumps.txt` has payloads that once broke a Redis or a Valkey (the vectors of
//! Valkey's `integration/corrupt-dump` tests), each with what becomes of it here. The others are
//! drawn: good payloads of every encoding, with a few bytes changed. `HOSTILE_ROUNDS` and
//! `HOSTILE_SEED` ask for more, or for others.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart::base::rng::{Rng, Seed};
use redstart::node::Level;
use redstart::resp::Reply;
use redstart_tests::hostile::{Victim, changed, good_payloads};
use redstart_tests::rdb::{signed, unhex};

const CORRUPT_DUMPS: &str = include_str!("data/corrupt_dumps.txt");

/// Changed payloads of each encoding, unless the environment says otherwise.
const ROUNDS: u64 = 120;

#[test]
fn payloads_that_broke_others_do_no_harm() {
    let mut rng = Rng::new(Seed::of(1));
    let mut found = String::new();
    let mut expected = String::new();
    for line in CORRUPT_DUMPS.lines().filter(|line| !line.starts_with('#')) {
        let (digits, _) = line.split_once(' ').unwrap_or((line, ""));
        let mut victim = Victim::new();
        let good = match u8::from_str_radix(&digits[..2], 16).unwrap() {
            1 | 10 | 14 | 18 => "RPUSH g a b c",
            2 | 11 | 20 => "SADD g a b 1",
            3 | 5 | 12 | 17 => "ZADD g 1 a 2 b",
            15 | 19 | 21 => "XADD g 1-1 a b",
            _ => "HSET g a b",
        };
        victim.ask(good);
        let outcome = match victim.restore("a", &unhex(digits)) {
            Ok(()) => {
                for _ in 0..20 {
                    victim.restore("a", &unhex(digits)).unwrap();
                    victim.use_value(&mut rng);
                }
                "restored".to_owned()
            }
            Err(text) => {
                assert_eq!(text, "ERR Bad data format");
                let mut lines = victim.log().iter();
                let line = lines.find(|line| line.level == Level::Warning).unwrap();
                line.text.rsplit_once(": ").unwrap().1.to_owned()
            }
        };
        assert_eq!(victim.ask("PING"), Reply::Simple(b"PONG".to_vec()));
        found.push_str(&format!("{digits} {outcome}\n"));
        expected.push_str(&format!("{line}\n"));
    }
    assert!(found == expected, "what became of the payloads:\n{found}");
}

#[test]
fn payloads_with_changed_bytes_do_no_harm() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let rounds: u64 = number("HOSTILE_ROUNDS").unwrap_or(ROUNDS);
    let mut rng = Rng::new(Seed::of(number("HOSTILE_SEED").unwrap_or(1)));
    let goods = good_payloads();
    let mut restored = 0;
    for good in &goods {
        let mut victim = Victim::new();
        assert_eq!(victim.restore("g", good), Ok(()), "{}", good.escape_ascii());
        assert_eq!(victim.restore("a", good), Ok(()));
        victim.use_value(&mut rng);
        for round in 0..rounds {
            let other = &goods[rng.below(goods.len() as u64) as usize];
            let bad = signed(changed(&good[..good.len() - 8], other, &mut rng));
            if victim.commands() > 3000 {
                // What is kept for the report of a failure must not grow for ever.
                victim = Victim::new();
            }
            victim.restore("g", good).unwrap();
            let is_restored = victim.restore("a", &bad).is_ok();
            if is_restored {
                restored += 1;
                victim.use_value(&mut rng);
            }
            if round % 100 == 0 {
                assert_eq!(victim.ask("DEBUG RELOAD"), Reply::Simple(b"OK".to_vec()));
            }
        }
    }
    // If nothing came through, nothing was tested.
    assert!(restored > rounds, "{restored} payloads were restored");
}
