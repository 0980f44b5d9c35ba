// What a bundler needs to know to put ioredis or node-redis into a page: what stands for Node's modules.
// The packages `buffer`, `events` and `readable-stream` of npm stand for three of them.

import { fileURLToPath } from 'node:url';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

const OURS = [
  'assert', 'crypto', 'diagnostics_channel', 'dns', 'dns/promises', 'net', 'perf_hooks', 'timers/promises',
  'tls', 'url', 'util',
];
const THEIRS = { events: 'events/', stream: 'readable-stream' };

const pairs = [
  ...OURS.map((name) => [name, here('./pages/node.js')]),
  ...Object.entries(THEIRS),
];

/** For esbuild's option `alias`, or Vite's `resolve.alias`. */
export const alias = Object.fromEntries(
  [['node:buffer', 'buffer'], ...pairs.flatMap(([name, file]) => [[name, file], [`node:${name}`, file]])],
);

/** For esbuild's option `inject`: the globals of Node. */
export const inject = [here('./pages/globals.js')];

/** For esbuild's option `define`. */
export const define = { global: 'globalThis' };
