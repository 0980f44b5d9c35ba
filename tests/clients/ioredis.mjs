// ioredis against a server: `node ioredis.mjs PORT FOLDER`, FOLDER having node_modules in it.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [port, folder] = process.argv.slice(2);
const require = createRequire(resolve(folder, "package.json"));
const { Redis } = require("ioredis");
const { version } = require("ioredis/package.json");

const redis = new Redis({ port: Number(port), maxRetriesPerRequest: 0 });
const other = redis.duplicate();
await redis.flushall();

assert.equal(await redis.set("a", "1", "EX", 100), "OK");
assert.equal(await redis.get("a"), "1");
assert.equal(await redis.incrby("a", 41), 42);
assert.ok((await redis.ttl("a")) > 0);
assert.deepEqual(await redis.mget("a", "nothing"), ["42", null]);
const bytes = Buffer.from([0, 255, 13, 10]);
await redis.set("bytes", bytes);
assert.deepEqual(await redis.getBuffer("bytes"), bytes);
await assert.rejects(redis.incr("bytes"), /not an integer/);

assert.equal(await redis.rpush("list", "x", "y"), 2);
await assert.rejects(redis.get("list"), /WRONGTYPE/);
const popped = redis.blpop("queue", 10);
setTimeout(() => other.lpush("queue", "job"), 100);
assert.deepEqual(await popped, ["queue", "job"]);

assert.deepEqual(await redis.multi().set("t", 1).incr("t").exec(), [[null, "OK"], [null, 2]]);
const replies = await redis.pipeline(Array.from({ length: 1000 }, (_, n) => ["set", `p${n}`, n])).exec();
assert.ok(replies.every(([error, reply]) => error === null && reply === "OK"));

const keys = [];
for await (const part of redis.scanStream({ match: "p*", count: 100 })) keys.push(...part);
assert.equal(new Set(keys).size, 1000);

await other.subscribe("news");
const heard = once(other, "message");
assert.equal(await redis.publish("news", "hello"), 1);
assert.deepEqual(await heard, ["news", "hello"]);

await redis.flushall();
redis.disconnect();
other.disconnect();
console.log(`    ioredis ${version}: passed`);
