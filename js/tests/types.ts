// What the types allow and refuse; the compiler is the test.
import { type Commands, type Message, open, type Redstart, RedisError, type Reply } from 'redstart';
import { connector } from 'redstart/ioredis';
import { socketOptions } from 'redstart/node-redis';
import 'redstart/terminal';

async function uses(): Promise<void> {
  const db: Redstart = await open({ seed: 1, clock: 0, protocol: 3, config: { maxmemory: '1mb' } });
  const reply: Reply = await db.command('SET', 'key', 1, 'EX', 10n);
  const user = await db.command<{ name: string }>(['HGETALL', new Uint8Array(1)]);
  user.name.toUpperCase();
  const [first, second] = await db.pipeline<[string, number]>([['GET', 'a'], ['INCR', 'b']]);
  first.length + second.toFixed().length;
  const nothing: unknown[] | null = await db.transaction([['INCR', 'a']]);
  const subscription = await db.subscribe(['a', 'b'], (message: Message) => message.channel.length);
  subscription.close();
  const client: Commands = db.client({ binary: true, maps: 'map' });
  await client.command('PING');
  const bytes: Uint8Array = await db.snapshot();
  await db.load(bytes);
  db.advance(10);
  const element = document.createElement('redstart-terminal');
  await element.enter('PING');
  new (connector(db))({});
  socketOptions(db).path.length;
  try {
    await db.command('GET', 'list');
  } catch (error) {
    if (error instanceof RedisError) error.code.length;
  }
  // @ts-expect-error An object is no word.
  await db.command('SET', 'key', { an: 'object' });
  // @ts-expect-error There is no such protocol.
  await open({ protocol: 4 });
  // @ts-expect-error A client is made by an engine.
  new (await import('redstart')).Client();
  void reply; void nothing;
}
void uses;
