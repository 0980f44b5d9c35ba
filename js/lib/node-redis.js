// node-redis on an engine in memory: `createClient({ socket: socketOptions(engine) })`.
//
// node-redis takes no stream; it calls `net.createConnection` with the options of its socket. So the path
// in these options names an engine, and `net.createConnection` gives those who ask for such a path a
// socket of ours, and everyone else what they always got.

import net from 'net';

import { Socket } from './socket.js';

const PREFIX = 'redstart:memory:';
const engines = new Map();
let last = 0;
let isInstalled = false;

function install() {
  if (isInstalled) return;
  isInstalled = true;
  const { createConnection } = net;
  net.createConnection = function (...args) {
    const engine = engines.get(args[0]?.path);
    return engine === undefined ? createConnection.apply(this, args) : new Socket(engine);
  };
}

export function socketOptions(engine) {
  install();
  for (const [path, known] of engines) {
    if (known === engine) return { path };
    if (known.isClosed) engines.delete(path);
  }
  last += 1;
  const path = `${PREFIX}${last}`;
  engines.set(path, engine);
  return { path };
}
