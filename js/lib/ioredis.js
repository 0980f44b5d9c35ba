// ioredis on an engine in memory: `new Redis({ Connector: connector(engine) })`.

import { Socket } from './socket.js';

export function connector(engine) {
  return class MemoryConnector {
    constructor() {
      this.connecting = false;
      this.stream = null;
    }

    check() {
      return true;
    }

    async connect() {
      this.connecting = true;
      this.stream = new Socket(engine);
      return this.stream;
    }

    disconnect() {
      this.connecting = false;
      this.stream?.end();
    }
  };
}
