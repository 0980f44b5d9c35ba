// ioredis, node-redis and the package itself in a page; what they say is shown.
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { open } from 'redstart';
import { connector } from 'redstart/ioredis';
import { socketOptions } from 'redstart/node-redis';

async function withIoredis(engine) {
  const redis = new Redis({ Connector: connector(engine) });
  const subscriber = redis.duplicate();
  await subscriber.subscribe('news');
  const heard = new Promise((resolve) => { subscriber.on('message', (_, message) => resolve(message)); });
  await redis.set('mykey', 'value');
  await redis.publish('news', 'hello');
  const said = [await redis.get('mykey'), await heard];
  said.push(JSON.stringify(await redis.multi().incr('n').incr('n').exec()));
  const keys = [];
  for await (const found of redis.scanStream({ match: 'my*' })) keys.push(...found);
  said.push(keys.join());
  redis.disconnect();
  subscriber.disconnect();
  return said.join(' ');
}

async function withNodeRedis(engine) {
  const client = createClient({ socket: socketOptions(engine) });
  await client.connect();
  const waiting = client.duplicate();
  await waiting.connect();
  const job = waiting.blPop('jobs', 0);
  await client.rPush('jobs', 'first');
  await client.hSet('user', { name: 'Ada' });
  const said = [(await job).element, (await client.hGetAll('user')).name];
  said.push((await client.multi().incr('n').get('mykey').exec()).join());
  client.destroy();
  waiting.destroy();
  return said.join(' ');
}

async function inWorker() {
  const code = `
    import { open } from '${new URL('redstart/browser.js', location)}';
    const db = await open();
    postMessage(await db.command('INCR', 'n'));
  `;
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  const worker = new Worker(url, { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(`worker ${data}`);
    worker.onerror = (event) => reject(new Error(event.message));
  });
}

const result = document.getElementById('result');
try {
  const engine = await open();
  const lines = [await withIoredis(engine), await withNodeRedis(engine), await inWorker()];
  const copy = await open({ snapshot: await engine.snapshot() });
  lines.push(`keys ${await copy.command('DBSIZE')}`);
  result.textContent = lines.join('\n');
} catch (error) {
  result.textContent = `failed: ${error.stack ?? error}`;
}
