// The package's own interface.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import { open, RedisError } from 'redstart';

const START = 1_700_000_000_000;

test('words are strings, numbers, bigints and bytes, one by one or as an array', async () => {
  const db = await open();
  assert.equal(await db.command('SET', 'n', 1.5), 'OK');
  assert.equal(await db.command(['GET', 'n']), '1.5');
  await db.command('SET', 'big', 12345678901234567890n);
  assert.equal(await db.command('GET', new TextEncoder().encode('big')), '12345678901234567890');
  await db.command('ZADD', 'z', Infinity, 'most', new Uint8Array([98]).buffer.byteLength, 'one');
  assert.equal(await db.command('ZSCORE', 'z', 'most'), Infinity);
  await assert.rejects(db.command('SET', 'k', { an: 'object' }), TypeError);
  await assert.rejects(db.command(), TypeError);
  db.close();
});

test('replies are natural values in both protocols', async () => {
  const db = await open();
  await db.command('HSET', 'h', '__proto__', 'a', '10', 'b');
  await db.command('SADD', 's', 'x');
  await db.command('ZADD', 'z', 1.5, 'm');
  const user = await db.command('HGETALL', 'h');
  assert.deepEqual(Object.entries(user).sort(), [['10', 'b'], ['__proto__', 'a']]);
  assert.deepEqual(await db.command('SMEMBERS', 's'), new Set(['x']));
  assert.equal(await db.command('ZSCORE', 'z', 'm'), 1.5);
  assert.equal(await db.command('GET', 'nothing'), null);
  assert.equal(await db.command('DEBUG', 'PROTOCOL', 'true'), true);
  assert.equal(await db.command('DEBUG', 'PROTOCOL', 'bignum'), 1234567999999999999999999999999999999n);

  const maps = db.client({ maps: 'map' });
  assert.deepEqual(await maps.command('HGETALL', 'h'), new Map([['__proto__', 'a'], ['10', 'b']]));

  const old = db.client({ protocol: 2 });
  assert.deepEqual(await old.command('HGETALL', 'h'), ['__proto__', 'a', '10', 'b']);
  assert.equal(await old.command('ZSCORE', 'z', 'm'), '1.5');
  assert.deepEqual(await old.command('SMEMBERS', 's'), ['x']);

  await db.command('SET', 'most', '9223372036854775806');
  assert.equal(await db.command('INCR', 'most'), 9223372036854775807n);
  assert.throws(() => db.client({ protocol: 4 }), /protocol/);
  db.close();
});

test('bytes that are no text come as bytes, and all do when wanted', async () => {
  const db = await open();
  const bytes = new Uint8Array([0, 255, 13, 10]);
  await db.command('SET', 'b', bytes);
  assert.deepEqual(await db.command('GET', 'b'), bytes);
  const binary = db.client({ binary: true });
  await db.command('HSET', 'h', 'field', 'text');
  assert.deepEqual({ ...(await binary.command('HGETALL', 'h')) }, { field: new TextEncoder().encode('text') });
  db.close();
});

test('errors are of a class of their own', async () => {
  const db = await open();
  await db.command('LPUSH', 'list', 1);
  const error = await db.command('GET', 'list').catch((error) => error);
  assert.ok(error instanceof RedisError && error instanceof Error);
  assert.equal(error.code, 'WRONGTYPE');
  assert.equal(error.message, 'WRONGTYPE Operation against a key holding the wrong kind of value');
  await assert.rejects(db.command('NOSUCH'), { name: 'RedisError', code: 'ERR' });
  for (const words of [['SUBSCRIBE', 'a'], ['monitor'], ['client', 'reply', 'off']]) {
    await assert.rejects(db.command(words), TypeError);
  }
  db.close();
});

test('pipelines and transactions', async () => {
  const db = await open();
  const replies = await db.pipeline([['SET', 'a', 1], ['LPOP', 'a'], ['INCR', 'a']]);
  assert.equal(replies[0], 'OK');
  assert.ok(replies[1] instanceof RedisError);
  assert.equal(replies[2], 2);
  assert.deepEqual(await db.pipeline([]), []);
  assert.deepEqual(await db.transaction([['INCR', 'a'], ['INCR', 'a']]), [3, 4]);
  await assert.rejects(db.transaction([['INCR', 'a'], ['NOSUCH']]), { code: 'EXECABORT' });
  const other = db.client();
  await other.command('WATCH', 'a');
  await db.command('SET', 'a', 9);
  assert.equal(await other.transaction([['INCR', 'a']]), null);
  assert.equal(await db.command('GET', 'a'), '9');
  await assert.rejects(db.pipeline(['SET a 1']), TypeError);
  db.close();
});

test('clients wait for each other', async () => {
  const db = await open();
  const worker = db.client();
  const job = worker.command('BLPOP', 'jobs', 0);
  await db.command('RPUSH', 'jobs', 'first');
  assert.deepEqual(await job, ['jobs', 'first']);
  const waits = worker.command('BLPOP', 'jobs', 0);
  worker.close();
  await assert.rejects(waits, /closed/);
  assert.equal(worker.isOpen, false);
  await assert.rejects(worker.command('PING'), /closed/);
  db.close();
});

test('channels, patterns, invalidations and MONITOR are heard', async () => {
  const db = await open();
  const heard = [];
  const news = await db.subscribe(['news', 'sport'], (message) => heard.push(message));
  await db.psubscribe('s*', ({ pattern, channel }) => heard.push(`${pattern} ${channel}`));
  assert.equal(await db.command('PUBLISH', 'news', 'hello'), 1);
  assert.equal(await db.command('PUBLISH', 'sport', 'goal'), 2);
  assert.deepEqual(heard, [
    { channel: 'news', message: 'hello' }, { channel: 'sport', message: 'goal' }, 's* sport',
  ]);
  news.close();
  assert.equal(await db.command('PUBLISH', 'news', 'hello'), 0);

  const lines = [];
  const monitor = await db.monitor((line) => lines.push(line));
  await db.command('SET', 'k', 'v');
  monitor.close();
  await db.command('SET', 'k', 'w');
  assert.equal(lines.length, 1);
  assert.match(lines[0], /"SET" "k" "v"$/);

  const cache = db.client();
  const stale = [];
  cache.onPush((message) => stale.push(message));
  await cache.command('CLIENT', 'TRACKING', 'ON');
  await cache.command('GET', 'k');
  await db.command('SET', 'k', 'x');
  assert.deepEqual(stale, [['invalidate', ['k']]]);
  db.close();
});

test('a listener may use the engine that calls it', async () => {
  const db = await open();
  await db.subscribe('in', ({ message }) => {
    db.command('PUBLISH', 'out', `${message}!`);
  });
  const out = new Promise((resolve) => { db.subscribe('out', resolve); });
  await db.command('PUBLISH', 'in', 'hello');
  assert.deepEqual(await out, { channel: 'out', message: 'hello!' });
  db.close();
});

test('a snapshot carries everything to another engine, and a broken one changes nothing', async () => {
  const db = await open({ clock: START });
  await db.pipeline([['SET', 'a', 1, 'EX', 10], ['XADD', 's', '1-1', 'f', 'v'], ['SELECT', 3], ['SET', 'b', 2]]);
  const rdb = await db.snapshot();
  assert.equal(new TextDecoder().decode(rdb.slice(0, 5)), 'REDIS');
  const copy = await open({ clock: START, snapshot: rdb });
  assert.equal(await copy.command('PTTL', 'a'), 10_000);
  assert.equal(await copy.command('XLEN', 's'), 1);
  await assert.rejects(copy.load(rdb.slice(0, -20)), /snapshot cannot be loaded/);
  assert.equal(await copy.command('DBSIZE'), 2);
  await copy.command('FLUSHALL');
  await copy.load(rdb);
  await copy.command('SELECT', 3);
  assert.equal(await copy.command('GET', 'b'), '2');
  const both = await Promise.all([copy.snapshot(), copy.snapshot()]);
  assert.deepEqual(both[0], both[1]);
  await assert.rejects(open({ snapshot: new Uint8Array([1, 2, 3]) }), /Wrong signature/);
  db.close();
  copy.close();
});

test('a large snapshot is made whatever the clock does', async () => {
  for (const clock of [START, undefined]) {
    const db = await open({ clock });
    await db.command('DEBUG', 'POPULATE', 20_000);
    const copy = await open({ snapshot: await db.snapshot() });
    assert.equal(await copy.command('DBSIZE'), 20_000);
    db.close();
    copy.close();
  }
});

test('a clock that stands still moves when it is told to', async () => {
  const db = await open({ clock: START });
  assert.equal(db.now, START);
  await db.command('SET', 'a', 1, 'PX', 1500);
  const gone = [];
  await db.command('CONFIG', 'SET', 'notify-keyspace-events', 'Ex');
  await db.subscribe('__keyevent@0__:expired', ({ message }) => gone.push([message, db.now]));
  const waits = db.client().command('BLPOP', 'q', 1);
  db.advance(999);
  assert.equal(await db.command('PTTL', 'a'), 501);
  db.advance(1);
  assert.equal(await waits, null);
  db.advance(10_000);
  assert.equal(await db.command('EXISTS', 'a'), 0);
  assert.deepEqual(gone.map(([key]) => key), ['a']);
  const real = await open();
  assert.throws(() => real.advance(1), TypeError);
  db.close();
  real.close();
});

test('a function may be the clock', async () => {
  let now = START;
  const db = await open({ clock: () => now });
  await db.command('SET', 'a', 1, 'EX', 5);
  now += 4999;
  assert.equal(await db.command('EXISTS', 'a'), 1);
  now += 2;
  assert.equal(await db.command('EXISTS', 'a'), 0);
  db.close();
});

test('one seed gives the same bytes', async () => {
  const play = async (seed) => {
    const db = await open({ seed, clock: START });
    await db.command('SADD', 's', ...Array.from({ length: 100 }, (_, index) => index));
    const replies = [await db.command('SRANDMEMBER', 's', 20), await db.snapshot()];
    db.close();
    return replies;
  };
  assert.deepEqual(await play(7), await play(7));
  assert.notDeepEqual((await play(7))[0], (await play(8))[0]);
});

test('settings are those of redis.conf', async () => {
  const db = await open({ config: { maxmemory: '10mb', 'maxmemory-policy': 'allkeys-lru' } });
  assert.deepEqual({ ...(await db.command('CONFIG', 'GET', 'maxmemory*')) }, {
    maxmemory: '10485760', 'maxmemory-clients': '0', 'maxmemory-policy': 'allkeys-lru',
    'maxmemory-samples': '5', 'maxmemory-eviction-tenacity': '10',
  });
  await assert.rejects(open({ config: { maxmemory: 'much' } }), /maxmemory/);
  db.close();
});

test('it ends, and says so', async () => {
  const db = await open();
  const waits = db.command('BLPOP', 'q', 0);
  db.close();
  await assert.rejects(waits, /closed/);
  assert.ok(db.isClosed);
  await assert.rejects(db.command('PING'), /closed/);
  await assert.rejects(db.snapshot(), /closed/);
  const other = await open();
  await other.command('SHUTDOWN', 'NOSAVE').catch(() => {});
  assert.ok(other.isClosed);
});

test('a terminal prints as redis-cli does', async () => {
  const db = await open();
  let changes = 0;
  const shell = db.shell(() => { changes += 1; });
  shell.enter('RPUSH list a b');
  shell.enter('LRANGE list 0 -1');
  shell.enter('SELECT 2');
  assert.equal(shell.blocks()[1].text, '1) "a"\n2) "b"\n');
  assert.equal(shell.prompt, 'redstart[2]> ');
  assert.ok(changes >= 3);
  shell.enter('BLPOP list 0');
  assert.ok(shell.isBusy);
  shell.interrupt();
  assert.ok(!shell.isBusy);
  shell.enter('SUBSCRIBE news');
  await db.command('PUBLISH', 'news', 'hi');
  assert.equal(shell.blocks().at(-1).kind, 'message');
  shell.close();
  db.close();
});

test('it runs in a worker', async () => {
  const worker = new Worker(new URL('worker.mjs', import.meta.url));
  assert.equal(await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  }), 1);
  await worker.terminate();
});

test('a program ends although keys will expire, and waits for a reply that is awaited', () => {
  const run = (code) => execFileSync(
    process.execPath,
    ['--input-type=module', '--eval', `import { open } from 'redstart'; const db = await open(); ${code}`],
    { cwd: new URL('.', import.meta.url), encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(run("await db.command('SET', 'a', 1, 'EX', 100000); console.log('end')"), 'end\n');
  assert.equal(run("console.log(await db.command('BLPOP', 'q', 0.2))"), 'null\n');
});
