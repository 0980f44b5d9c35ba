// node-redis on an engine in memory: the calls that its documentation begins with.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';

import { createClient, RESP_TYPES } from 'redis';
import { open } from 'redstart';
import { socketOptions } from 'redstart/node-redis';

/** Runs `work` with a client, and closes everything behind it. */
async function withClient(work, options = {}) {
  const engine = await open();
  const client = createClient({ socket: socketOptions(engine), ...options });
  client.on('error', (error) => { throw error; });
  await client.connect();
  try {
    await work(client, engine);
  } finally {
    client.destroy();
    engine.close();
  }
}

test('basic usage', () => withClient(async (client) => {
  assert.equal(await client.set('key', 'value'), 'OK');
  assert.equal(await client.get('key'), 'value');
  await client.set('key', 'other', { expiration: { type: 'EX', value: 10 }, condition: 'XX' });
  assert.equal(await client.ttl('key'), 10);
  assert.equal(await client.sendCommand(['SET', 'key', 'value', 'NX']), null);
  await assert.rejects(client.lPush('key', 'x'), /WRONGTYPE/);
  assert.ok(client.isReady && client.isOpen);
}));

for (const RESP of [2, 3]) {
  test(`hashes, in protocol ${RESP}`, () => withClient(async (client) => {
    await client.hSet('user-session:123', { name: 'John', surname: 'Smith', age: 29 });
    const user = await client.hGetAll('user-session:123');
    assert.deepEqual({ ...user }, { name: 'John', surname: 'Smith', age: '29' });
    await client.hSet('key', 'field', 'value');
    assert.deepEqual(await client.hVals('key'), ['value']);
    const bytes = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
    assert.deepEqual(await bytes.get('nothing'), null);
    assert.deepEqual(await bytes.hGet('key', 'field'), Buffer.from('value'));
  }, { RESP }));
}

test('transactions, watched keys, pipelines', () => withClient(async (client) => {
  await client.set('another-key', 'another-value');
  const replies = await client.multi().set('key', 'value').get('another-key').exec();
  assert.deepEqual(replies, ['OK', 'another-value']);
  const watching = client.duplicate();
  await watching.connect();
  await watching.watch('key');
  await client.set('key', 'changed');
  await assert.rejects(watching.multi().set('key', 'mine').exec(), /watched/i);
  watching.destroy();
  const many = await Promise.all(Array.from({ length: 500 }, (_, n) => client.incrBy('sum', n)));
  assert.equal(many.at(-1), 124_750);
}));

test('blocking on a connection of its own', () => withClient(async (client) => {
  const waiting = client.duplicate();
  await waiting.connect();
  const popped = waiting.blPop('key', 0);
  await client.lPush('key', ['1', '2']);
  assert.deepEqual({ ...(await popped) }, { key: 'key', element: '2' });
  waiting.destroy();
}));

test('publish and subscribe', () => withClient(async (client) => {
  const subscriber = client.duplicate();
  await subscriber.connect();
  const heard = new Promise((resolve) => {
    subscriber.subscribe('channel', (message, channel) => resolve([message, channel]))
      .then(() => client.publish('channel', 'message'));
  });
  assert.deepEqual(await heard, ['message', 'channel']);
  const matched = new Promise((resolve) => {
    subscriber.pSubscribe('chan*l', (message) => resolve(message))
      .then(() => client.publish('channel', 'again'));
  });
  assert.equal(await matched, 'again');
  await subscriber.unsubscribe('channel');
  await subscriber.pUnsubscribe('chan*l');
  subscriber.destroy();
}));

test('iterators of keys, fields and members', () => withClient(async (client) => {
  for (let n = 0; n < 300; n++) await client.set(`user:${n}`, n);
  const keys = new Set();
  for await (const found of client.scanIterator({ MATCH: 'user:*', COUNT: 50 })) {
    found.forEach((key) => keys.add(key));
  }
  assert.equal(keys.size, 300);
  await client.hSet('hash', { a: 1, b: 2 });
  const fields = {};
  for await (const found of client.hScanIterator('hash')) {
    found.forEach(({ field, value }) => { fields[field] = value; });
  }
  assert.deepEqual(fields, { a: '1', b: '2' });
  await client.zAdd('board', [{ score: 1, value: 'ann' }, { score: 2, value: 'bob' }]);
  const members = [];
  for await (const found of client.zScanIterator('board')) members.push(...found);
  assert.deepEqual(members.map((member) => ({ ...member })), [
    { value: 'ann', score: 1 }, { value: 'bob', score: 2 },
  ]);
}));

test('streams and their groups', () => withClient(async (client) => {
  const id = await client.xAdd('stream', '*', { field: 'value' });
  await client.xGroupCreate('stream', 'group', '0');
  const [read] = await client.xReadGroup('group', 'ann', { key: 'stream', id: '>' }, { COUNT: 1, BLOCK: 1000 });
  assert.equal(read.name, 'stream');
  assert.deepEqual({ ...read.messages[0].message }, { field: 'value' });
  assert.equal((await client.xPending('stream', 'group')).pending, 1);
  assert.equal(await client.xAck('stream', 'group', id), 1);
}));

test('closing is clean, and other sockets are the system\'s', () => withClient(async (client, engine) => {
  const other = createClient({ socket: socketOptions(engine) });
  await other.connect();
  await other.set('a', 1);
  await other.close();
  assert.ok(!other.isOpen);
  assert.equal(await client.get('a'), '1');
  const server = net.createServer((socket) => socket.end('hello'));
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const socket = net.createConnection(server.address());
  const chunks = [];
  for await (const chunk of socket) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), 'hello');
  server.close();
}));
