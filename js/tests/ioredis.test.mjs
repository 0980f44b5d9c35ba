// ioredis on an engine in memory: the calls that its documentation begins with.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { Redis } from 'ioredis';
import { open } from 'redstart';
import { connector } from 'redstart/ioredis';

/** Runs `work` with a client, and closes everything behind it. */
async function withRedis(work) {
  const engine = await open();
  const redis = new Redis({ Connector: connector(engine) });
  try {
    await work(redis, engine);
  } finally {
    redis.disconnect();
    engine.close();
  }
}

test('basic usage: promises, callbacks, options as words', () => withRedis(async (redis) => {
  await redis.set('mykey', 'value');
  assert.equal(await redis.get('mykey'), 'value');
  const called = new Promise((resolve, reject) => {
    redis.get('mykey', (error, result) => (error ? reject(error) : resolve(result)));
  });
  assert.equal(await called, 'value');
  await redis.zadd('sortedSet', 1, 'one', 2, 'dos', 4, 'quatro', 3, 'three');
  const elements = await redis.zrange('sortedSet', 0, 2, 'WITHSCORES');
  assert.deepEqual(elements, ['one', '1', 'dos', '2', 'three', '3']);
  await redis.set('mykey', 'hello', 'EX', 10);
  assert.equal(await redis.ttl('mykey'), 10);
  await assert.rejects(redis.lpush('mykey', 'x'), /WRONGTYPE/);
}));

test('publish and subscribe', () => withRedis(async (redis) => {
  const subscriber = redis.duplicate();
  assert.equal(await subscriber.subscribe('my-channel-1', 'my-channel-2'), 2);
  const heard = once(subscriber, 'message');
  await redis.publish('my-channel-1', JSON.stringify({ foo: 1 }));
  assert.deepEqual(await heard, ['my-channel-1', '{"foo":1}']);
  await subscriber.psubscribe('pat?ern');
  const matched = once(subscriber, 'pmessage');
  await redis.publish('pattern', 'x');
  assert.deepEqual(await matched, ['pat?ern', 'pattern', 'x']);
  subscriber.disconnect();
}));

test('streams, waiting for new entries', () => withRedis(async (redis) => {
  const reader = redis.duplicate();
  const results = reader.xread('BLOCK', 0, 'STREAMS', 'mystream', '$');
  // The reader waits when its connection is counted among the blocked.
  while (!/blocked_clients:1/.test(await redis.info('clients'))) await new Promise(setImmediate);
  await redis.xadd('mystream', '*', 'randomValue', '0.5');
  const [[key, messages]] = await results;
  assert.equal(key, 'mystream');
  assert.deepEqual(messages[0][1], ['randomValue', '0.5']);
  reader.disconnect();
}));

test('binary data and expiration', () => withRedis(async (redis) => {
  await redis.set('foo', Buffer.from([0x62, 0x75, 0x66, 0xff]));
  assert.deepEqual(await redis.getBuffer('foo'), Buffer.from([0x62, 0x75, 0x66, 0xff]));
}));

test('pipelines and transactions', () => withRedis(async (redis) => {
  const pipeline = redis.pipeline();
  pipeline.set('foo', 'bar');
  pipeline.del('cc');
  assert.deepEqual(await pipeline.exec(), [[null, 'OK'], [null, 0]]);
  assert.deepEqual(await redis.multi().set('foo', 'baz').get('foo').exec(), [[null, 'OK'], [null, 'baz']]);
  const many = await redis.pipeline(Array.from({ length: 1000 }, (_, n) => ['set', `p${n}`, n])).exec();
  assert.ok(many.every(([error, reply]) => error === null && reply === 'OK'));
}));

test('hashes as objects and maps', () => withRedis(async (redis) => {
  await redis.hset('user', { name: 'Bob', age: 20 });
  await redis.hset('user', new Map([['city', 'Paris']]));
  assert.deepEqual(await redis.hgetall('user'), { name: 'Bob', age: '20', city: 'Paris' });
}));

test('scanning as a stream', () => withRedis(async (redis) => {
  await redis.mset(Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`user:${n}`, n])));
  const keys = new Set();
  for await (const found of redis.scanStream({ match: 'user:*', count: 100 })) found.forEach((key) => keys.add(key));
  assert.equal(keys.size, 500);
  await redis.sadd('myset', 'a', 'b');
  const members = [];
  for await (const found of redis.sscanStream('myset')) members.push(...found);
  assert.deepEqual(members.sort(), ['a', 'b']);
}));

test('monitoring, key prefixes, automatic pipelines', () => withRedis(async (redis, engine) => {
  const monitor = await redis.monitor();
  const seen = once(monitor, 'monitor');
  await redis.set('foo', 'bar');
  assert.deepEqual((await seen)[1], ['set', 'foo', 'bar']);
  monitor.disconnect();
  const other = new Redis({
    Connector: connector(engine), keyPrefix: 'foo:', enableAutoPipelining: true,
  });
  await Promise.all([other.set('bar', 1), other.incr('bar')]);
  assert.equal(await redis.get('foo:bar'), '2');
  other.disconnect();
}));

test('it says goodbye, and comes back when it is cut off', () => withRedis(async (redis) => {
  const other = redis.duplicate();
  const id = await other.client('ID');
  const back = once(other, 'ready');
  await redis.client('KILL', 'ID', id);
  await back;
  assert.equal(await other.ping(), 'PONG');
  const ended = once(other, 'end');
  assert.equal(await other.quit(), 'OK');
  await ended;
}));
