// A connection to an engine that looks like a net.Socket, for libraries that expect one.
//
// The engine replies while it is written to. What it has said is handed on a moment later, as with any
// socket: a library may not yet be ready for a reply when its `write` returns.

import { Duplex } from 'stream';

export class Socket extends Duplex {
  #connection = null;
  /** What has come and was not handed on; `null` for the end. */
  #arrived = [];

  constructor(engine) {
    super({ allowHalfOpen: false });
    this.connecting = true;
    // What libraries put into messages for people.
    this.remoteAddress = 'memory';
    this.remotePort = 6379;
    queueMicrotask(() => {
      if (this.destroyed) return;
      this.#connection = engine.connect((bytes) => this.#arrive(bytes), () => this.#arrive(null));
      this.connecting = false;
      if (!this.#connection.isOpen) {
        this.destroy(new Error('the engine is closed'));
        return;
      }
      this.emit('connect');
      this.emit('ready');
    });
  }

  #arrive(bytes) {
    if (this.#arrived.push(bytes) > 1) return;
    queueMicrotask(() => {
      for (const part of this.#arrived.splice(0)) {
        if (!this.readableEnded && !this.destroyed) this.push(part);
      }
    });
  }

  _read() {}

  _write(chunk, encoding, callback) {
    if (this.connecting) {
      this.once('connect', () => this._write(chunk, encoding, callback));
      return;
    }
    this.#connection.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    callback();
  }

  _writev(chunks, callback) {
    const bytes = chunks.map(({ chunk, encoding }) =>
      typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    this._write(Buffer.concat(bytes), 'buffer', callback);
  }

  _final(callback) {
    this.#connection?.close();
    this.#arrive(null);
    callback();
  }

  _destroy(error, callback) {
    this.#connection?.close();
    callback(error);
  }

  // What a socket has and memory does not need.
  ref() { return this; }
  unref() { return this; }
  setEncoding(encoding) { super.setEncoding(encoding); return this; }
  setKeepAlive() { return this; }
  setNoDelay() { return this; }
  setTimeout() { return this; }
}
