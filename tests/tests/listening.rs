//! CONFIG SET port and bind: what the host says of it is the reply, and in a transaction too.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

use redstart_tests::local::Local;
use redstart_tests::play;
use redstart_tests::transcript;

#[track_caller]
fn play_on(local: &mut Local, text: &str) {
    for scenario in transcript::parse(text).unwrap() {
        if let Err(failure) = play::check(local, &scenario) {
            panic!("{}", failure.text);
        }
    }
}

#[test]
fn what_the_host_says_is_the_reply() {
    let mut local = Local::for_tests();
    local.taken_port = Some(7611);
    play_on(
        &mut local,
        "# All of it, or nothing, as in Redis.
> CONFIG SET port 7000 timeout 5
OK
> CONFIG SET timeout 9 port 7611 bind 127.0.0.1
(error) ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.
> CONFIG SET bind 1.2.3.4 port 7611
(error) ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.
> CONFIG GET port timeout bind
1) \"bind\"
2) \"* -::*\"
3) \"port\"
4) \"7000\"
5) \"timeout\"
6) \"5\"
> MULTI
OK
> CONFIG SET port 7611
QUEUED
> PING
QUEUED
> CONFIG SET port 7001
QUEUED
> EXEC
1) (error) ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check server logs.
2) PONG
3) OK
> CONFIG GET port
1) \"port\"
2) \"7001\"
",
    );
}
