// An engine behind a port of this machine or a Unix socket, for programs of any language.

import net from 'node:net';

export async function listen(engine, where = { host: '127.0.0.1', port: 0 }) {
  const server = net.createServer((socket) => {
    socket.setNoDelay(true);
    const connection = engine.connect((bytes) => socket.write(bytes), () => socket.end());
    if (!connection.isOpen) socket.end();
    socket.on('data', (bytes) => connection.write(bytes));
    socket.on('close', () => connection.close());
    // What has happened is told by `close`, which follows.
    socket.on('error', () => {});
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, resolve);
  });
  return server;
}
