"""redis-py against a server: `redis_py.py PORT`, both protocols."""

import sys
import threading

import redis

port = int(sys.argv[1])


def check(got, expected):
    assert got == expected, f"{got!r} instead of {expected!r}"


def fails(text, command, *args):
    try:
        got = command(*args)
    except redis.ResponseError as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"{got!r} instead of an error with {text!r}")


def strings_and_keys(r):
    check(r.set("a", "1"), True)
    check(r.get("a"), b"1")
    check(r.set("a", "2", nx=True), None)
    check(r.incr("a", 41), 42)
    check(r.mset({"b": b"\x00\xff\r\n", "c": "x" * 100_000}), True)
    check(r.mget("b", "nothing", "a"), [b"\x00\xff\r\n", None, b"42"])
    check(r.expire("a", 100), True)
    assert 0 < r.ttl("a") <= 100
    check(r.type("a"), b"string")
    check(sorted(r.scan_iter(count=1)), [b"a", b"b", b"c"])
    fails("not an integer", r.incr, "b")
    check(r.delete("a", "b", "c", "nothing"), 3)


def lists(r):
    check(r.rpush("l", 1, 2, 3), 3)
    check(r.lrange("l", 0, -1), [b"1", b"2", b"3"])
    fails("WRONGTYPE", r.get, "l")
    check(r.lmove("l", "m", "LEFT", "RIGHT"), b"1")
    check(r.delete("l", "m"), 2)


def blocking(r, other):
    thread = threading.Timer(0.1, other.rpush, ["queue", "job"])
    thread.start()
    check([*r.blpop("queue", timeout=10)], [b"queue", b"job"])
    thread.join()
    check(r.blpop("queue", timeout=0.05), None)


def transactions(r):
    with r.pipeline() as pipe:
        pipe.set("t", 1).incr("t").get("t")
        check(pipe.execute(), [True, 2, b"2"])
    with r.pipeline() as pipe:
        pipe.watch("t")
        r.set("t", 9)
        pipe.multi()
        pipe.get("t")
        try:
            pipe.execute()
            raise AssertionError("a watched key changed and EXEC went through")
        except redis.WatchError:
            pass
    with r.pipeline(transaction=False) as pipe:
        for number in range(1000):
            pipe.set(f"p{number}", number)
        check(all(pipe.execute()), True)
    check(r.flushall(), True)


def channels(r, other):
    with r.pubsub() as pubsub:
        pubsub.subscribe("news")
        pubsub.psubscribe("n*")
        kinds = [pubsub.get_message(timeout=5)["type"] for _ in range(2)]
        check(kinds, ["subscribe", "psubscribe"])
        check(other.publish("news", "hello"), 2)
        got = [pubsub.get_message(timeout=5) for _ in range(2)]
        check([message["type"] for message in got], ["message", "pmessage"])
        check({message["data"] for message in got}, {b"hello"})


def introspection(r):
    check(r.ping(), True)
    check(r.config_get("maxmemory-policy"), {"maxmemory-policy": "noeviction"})
    assert r.info()["redis_version"].startswith("8."), r.info()["redis_version"]
    assert "get" in r.command()
    check(r.client_setname("tester"), True)
    check(r.client_getname() in (b"tester", "tester"), True)


for protocol in (2, 3):
    r = redis.Redis(port=port, protocol=protocol)
    other = redis.Redis(port=port, protocol=protocol)
    r.flushall()
    strings_and_keys(r)
    lists(r)
    blocking(r, other)
    transactions(r)
    channels(r, other)
    introspection(r)
    print(f"    redis-py {redis.__version__} over RESP{protocol}: passed")
