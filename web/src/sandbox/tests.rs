//! A sandbox in a test's hands: the host's clock is a number.

use super::tape::Tape;
use super::*;
use redstart::commands;

const START: Time = Time { unix_us: 1_700_000_000_000_000, mono: Monotonic(5_000_000) };

/// The descriptions of the commands.
fn described() -> Rc<[u8]> {
    commands::DESCRIPTIONS.as_slice().into()
}

struct World {
    sandbox: Sandbox,
    host: Monotonic,
}

impl World {
    fn new() -> Self {
        Self { sandbox: Sandbox::new(1, START, described()), host: START.mono }
    }

    fn open(&mut self, role: Role) -> ConnId {
        self.sandbox.open(self.host, role, &mut Vec::new())
    }

    /// Sends a line; what came back on that connection, and who was hung up.
    fn say(&mut self, conn: ConnId, line: &str) -> String {
        let mut outputs = Vec::new();
        self.sandbox.receive(self.host, conn, format!("{line}\r\n").as_bytes(), &mut outputs);
        heard(&outputs, conn)
    }

    fn undo(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        if let Some(step) = self.sandbox.undo_step() {
            self.sandbox.rewind(self.host, step, &mut outputs);
        }
        outputs
    }

    fn pass(&mut self, us: u64) -> Vec<Output> {
        self.host = self.host + us;
        let mut outputs = Vec::new();
        self.sandbox.follow(self.host, &mut outputs);
        outputs
    }
}

fn heard(outputs: &[Output], conn: ConnId) -> String {
    let sent = |output: &Output| match output {
        Output::Send(to, bytes) if *to == conn => String::from_utf8_lossy(bytes).into_owned(),
        Output::Send(..) | Output::HangUp(_) | Output::End => String::new(),
    };
    outputs.iter().map(sent).collect()
}

#[test]
fn commands_are_described_whenever_a_life_is_lived_through() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    let mut said = Vec::new();
    for line in ["COMMAND DOCS get", "OBJECT HELP", "MULTI", "COMMAND DOCS get", "EXEC"] {
        said.push(world.say(person, line));
    }
    assert!(said[0].contains("\r\nsummary\r\n") && said[1].contains("\n+    "), "{said:?}");
    assert_eq!(said[4], format!("*1\r\n{}", said[0]));
    let mut heard = Vec::new();
    let tape = tape::read(&world.sandbox.tape()).unwrap();
    load(&tape, &mut heard).unwrap();
    let heard = tape::read_heard(&heard).into_iter().flat_map(|heard| heard.bytes).collect();
    assert_eq!(String::from_utf8(heard).unwrap(), said.concat());
}

#[test]
fn a_node_answers() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    assert_eq!(world.say(person, "SET a 1"), "+OK\r\n");
    assert_eq!(world.say(person, "INCR a"), ":2\r\n");
    assert_eq!(world.say(person, "SAVE"), "+OK\r\n");
    assert_eq!(world.say(person, "DEBUG RELOAD"), "+OK\r\n");
    assert_eq!(world.say(person, "GET a"), "$1\r\n2\r\n");
}

#[test]
fn the_last_command_of_a_person_is_undone_and_the_watcher_stays() {
    let mut world = World::new();
    let (person, watcher) = (world.open(Role::Person), world.open(Role::Watcher));
    world.say(person, "SET a 1");
    assert_eq!(world.say(watcher, "GET a"), "$1\r\n1\r\n");
    world.say(person, "SET a 2");
    assert_eq!(world.undo(), [Output::HangUp(person)]);
    assert_eq!(world.say(watcher, "GET a"), "$1\r\n1\r\n");
    let person = world.open(Role::Person);
    assert_eq!(world.say(person, "SET a 3"), "+OK\r\n");
    world.undo();
    // The watcher has looked since the first command, so that one cannot be undone under it.
    world.undo();
    let watcher = world.open(Role::Watcher);
    assert_eq!(world.say(watcher, "EXISTS a"), ":0\r\n");
    assert!(world.undo().is_empty());
}

#[test]
fn who_was_served_by_what_is_undone_starts_anew() {
    let mut world = World::new();
    let (first, second) = (world.open(Role::Person), world.open(Role::Person));
    assert_eq!(world.say(first, "BLPOP q 0"), "");
    world.say(second, "PING");
    let mut outputs = Vec::new();
    world.sandbox.receive(world.host, second, b"LPUSH q x\r\n", &mut outputs);
    assert!(heard(&outputs, first).contains("x"));
    assert_eq!(world.undo(), [Output::HangUp(first), Output::HangUp(second)]);
    // It was blocked at that step; nobody is there for it now.
    let third = world.open(Role::Person);
    assert_eq!(world.say(third, "LPUSH q y"), ":1\r\n");
}

#[test]
fn a_blocked_client_stays_blocked_when_others_go_back() {
    let mut world = World::new();
    let (first, second) = (world.open(Role::Person), world.open(Role::Person));
    world.say(first, "BLPOP q 0");
    world.say(second, "SET a 1");
    assert_eq!(world.undo(), [Output::HangUp(second)]);
    let third = world.open(Role::Person);
    let mut outputs = Vec::new();
    world.sandbox.receive(world.host, third, b"LPUSH q y\r\n", &mut outputs);
    assert!(heard(&outputs, first).contains("y"));
}

#[test]
fn time_stands_still_runs_and_goes_back() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    world.say(person, "SET a 1 PX 1000");
    world.sandbox.set_rate(world.host, 0.0, &mut Vec::new());
    world.pass(3_600_000_000);
    assert_eq!(world.say(person, "PTTL a"), ":1000\r\n");
    world.sandbox.advance(400_000, &mut Vec::new());
    assert_eq!(world.say(person, "PTTL a"), ":600\r\n");
    world.sandbox.set_rate(world.host, 60.0, &mut Vec::new());
    world.pass(11_000);
    assert_eq!(world.say(person, "EXISTS a"), ":0\r\n");
    // Back to before the look at 600 milliseconds.
    world.undo();
    world.undo();
    let person = world.open(Role::Person);
    world.sandbox.set_rate(world.host, 0.0, &mut Vec::new());
    let left = world.say(person, "PTTL a");
    assert!([":1000\r\n", ":600\r\n"].contains(&left.as_str()), "{left}");
}

#[test]
fn whoever_waits_is_served_in_virtual_time() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    assert_eq!(world.say(person, "BLPOP q 5"), "");
    let mut outputs = Vec::new();
    world.sandbox.advance(6_000_000, &mut outputs);
    assert_eq!(heard(&outputs, person), "*-1\r\n");
}

#[test]
fn a_life_lived_again_is_the_same() {
    let lines = ["SET a 1", "SADD s a b c d e f g", "SRANDMEMBER s", "SPOP s 2", "EXPIRE a 10"];
    let mut world = World::new();
    let person = world.open(Role::Person);
    for line in lines {
        world.pass(1_234);
        world.say(person, line);
    }
    let digest = world.say(person, "DEBUG DIGEST");
    let step = world.sandbox.entries().len();
    world.say(person, "FLUSHALL");
    world.sandbox.rewind(world.host, step, &mut Vec::new());
    let person = world.open(Role::Person);
    assert_eq!(world.say(person, "DEBUG DIGEST"), digest);
}

#[test]
fn a_branch_goes_its_own_way() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    world.say(person, "SET a 1 EX 10");
    let step = world.sandbox.entries().len();
    world.say(person, "SET a 2");
    let mut branch = world.sandbox.branch(world.host, step);
    let other = branch.open(world.host, Role::Person, &mut Vec::new());
    let mut say = |line: &str| {
        let mut outputs = Vec::new();
        // A minute later: its clock stands still.
        let host = world.host + 60_000_000;
        branch.receive(host, other, format!("{line}\r\n").as_bytes(), &mut outputs);
        heard(&outputs, other)
    };
    assert_eq!(say("GET a"), "$1\r\n1\r\n");
    assert_eq!(say("TTL a"), ":10\r\n");
    assert_eq!(say("SET a 3"), "+OK\r\n");
    assert_eq!(world.say(person, "GET a"), "$1\r\n2\r\n");
}

fn load(tape: &Tape, heard: &mut Vec<u8>) -> Option<Sandbox> {
    Sandbox::load(&tape::write(&tape.head, &tape.entries, tape.end), START.mono, described(), heard)
}

/// A life of some length, with somebody who looks, an expiry, and somebody who waits.
fn lived() -> World {
    let mut world = World::new();
    let (person, other) = (world.open(Role::Person), world.open(Role::Person));
    let watcher = world.open(Role::Watcher);
    for line in ["SET a 1 PX 5", "SADD s a b c d e f", "SPOP s 2", "HELLO 3", "TIME"] {
        world.pass(1_234);
        world.say(person, line);
        world.say(watcher, "DBSIZE");
    }
    world.say(other, "BLPOP q 0.1");
    world.pass(200_000);
    world.say(person, "GET a");
    world.sandbox.close(world.host, watcher, &mut Vec::new());
    world
}

#[test]
fn a_tape_is_read_back() {
    let world = lived();
    let bytes = world.sandbox.tape();
    let tape = tape::read(&bytes).unwrap();
    assert_eq!(tape.entries, world.sandbox.entries());
    assert_eq!((tape.head.seed, tape.head.start), (1, START));
    assert_eq!(tape.end, world.sandbox.now());
    assert_eq!(tape::write(&tape.head, &tape.entries, tape.end), bytes);
    for end in 0..bytes.len() {
        assert_eq!(tape::read(&bytes[..end]), None);
    }
    assert_eq!(tape::read(&[&*bytes, &[0]].concat()), None);
}

#[test]
fn a_spoilt_tape_is_read_or_refused_and_played_or_refused() {
    let bytes = lived().sandbox.tape();
    for place in 0..bytes.len() {
        for flip in [1, 0x20, 0x80, 0xff] {
            let mut spoilt = bytes.clone();
            spoilt[place] ^= flip;
            let played = Sandbox::load(&spoilt, START.mono, described(), &mut Vec::new());
            assert!(played.is_none() || tape::read(&spoilt).is_some());
        }
    }
    // Lengths that nothing stands behind.
    let length = [0xff, 0xff, 0xff, 0xff, 0x7f];
    assert_eq!(tape::read(&[&[1, 1, 1][..], &length].concat()), None);
    assert_eq!(tape::read(&[&[1, 1, 1, 0, 2, 0, 0][..], &length].concat()), None);
    assert_eq!(tape::read(&[0xff; 40]), None);
}

#[test]
fn what_is_loaded_has_sent_the_same() {
    let world = lived();
    let tape = tape::read(&world.sandbox.tape()).unwrap();
    let mut heard = Vec::new();
    let again = load(&tape, &mut heard).unwrap();
    let heard = tape::read_heard(&heard);
    let of = |conn: u32| {
        let own = heard.iter().filter(|it| it.conn.0 == conn).flat_map(|it| it.bytes.clone());
        String::from_utf8(own.collect()).unwrap()
    };
    assert!(of(0).starts_with("+OK\r\n:6\r\n*2\r\n"), "{}", of(0));
    assert!(of(0).ends_with("_\r\n"), "{}", of(0));
    assert_eq!(of(1), "*-1\r\n");
    // It wakes by itself when somebody has waited long enough, and the recording need not say so.
    let same = &world.sandbox.entries();
    assert_eq!(&again.entries()[..same.len()], *same);
    let quiet = tape.entries.iter().filter(|entry| entry.input != Input::Wake).cloned().collect();
    let short = load(&Tape { entries: quiet, ..tape }, &mut Vec::new());
    assert_eq!(short.unwrap().entries(), again.entries());
}

#[test]
fn a_life_can_begin_with_data() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    world.say(person, "SET a 1");
    world.say(person, "RPUSH l x y");
    let base = world.sandbox.snapshot().into();
    let head = Head { seed: 1, start: START, base };
    let tape = Tape { head, entries: Vec::new(), end: START };
    let mut sandbox = load(&tape, &mut Vec::new()).unwrap();
    let ask = |sandbox: &mut Sandbox, line: &str| {
        let mut outputs = Vec::new();
        let conn = sandbox.open(START.mono, Role::Person, &mut outputs);
        sandbox.receive(START.mono, conn, line.as_bytes(), &mut outputs);
        heard(&outputs, conn)
    };
    assert_eq!(ask(&mut sandbox, "DBSIZE\r\n"), ":2\r\n");
    assert_eq!(ask(&mut sandbox, "DEL a\r\n"), ":1\r\n");
    let mut branch = sandbox.branch(START.mono, 0);
    assert_eq!(ask(&mut branch, "GET a\r\n"), "$1\r\n1\r\n");
    // What is no snapshot is not loaded.
    let head = Head { seed: 1, start: START, base: b"REDIS0011nonsense".as_slice().into() };
    let tape = Tape { head, entries: Vec::new(), end: START };
    let mut sandbox = load(&tape, &mut Vec::new()).unwrap();
    assert_eq!(ask(&mut sandbox, "DBSIZE\r\n"), ":0\r\n");
}

#[test]
fn a_tape_that_asks_for_too_much_is_not_played() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    world.say(person, "SETRANGE big 1000000 x");
    for _ in 0..40 {
        world.say(person, "GET big");
    }
    let tape = tape::read(&world.sandbox.tape()).unwrap();
    assert!(load(&tape, &mut Vec::new()).is_none());
    let mut world = World::new();
    let person = world.open(Role::Person);
    world.say(person, "PING");
    let mut tape = tape::read(&world.sandbox.tape()).unwrap();
    let opened = tape.entries[0].clone();
    tape.entries.push(opened);
    assert!(load(&tape, &mut Vec::new()).is_none());
}

#[test]
fn too_long_a_life_is_not_kept() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    let line = format!("SET a {}", "x".repeat(1 << 20));
    for _ in 0..33 {
        assert_eq!(world.say(person, &line), "+OK\r\n");
    }
    assert!(world.sandbox.entries().is_empty());
    assert_eq!(world.sandbox.undo_step(), None);
    assert!(world.undo().is_empty());
    assert_eq!(world.say(person, "STRLEN a"), format!(":{}\r\n", 1 << 20));
}

#[test]
fn a_server_that_shuts_down_ends() {
    let mut world = World::new();
    let person = world.open(Role::Person);
    let mut outputs = Vec::new();
    world.sandbox.receive(world.host, person, b"SHUTDOWN NOSAVE\r\n", &mut outputs);
    assert!(outputs.contains(&Output::End));
}
