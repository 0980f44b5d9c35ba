// An engine behind a real port, for clients that know of nothing else.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';

import { createClient } from 'redis';
import { open } from 'redstart';
import { listen } from 'redstart/listen';

test('a port of this machine leads to the engine', async () => {
  const engine = await open();
  const server = await listen(engine);
  const { address, port } = server.address();
  assert.equal(address, '127.0.0.1');
  const client = createClient({ url: `redis://127.0.0.1:${port}` });
  await client.connect();
  await client.set('a', 'b');
  assert.equal(await engine.command('GET', 'a'), 'b');
  await client.close();

  const socket = net.connect(port, '127.0.0.1');
  socket.write('QUIT\r\n');
  const [bytes] = await once(socket, 'data');
  assert.equal(bytes.toString(), '+OK\r\n');
  await once(socket, 'close');
  server.close();
  engine.close();
});
