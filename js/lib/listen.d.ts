import { Server } from 'node:net';

import { Redstart } from './index.js';

/**
 * Serves an engine of a program of Node's at a port or a Unix socket, as `redis-server` would be there.
 *
 * @param where What `server.listen` takes; a free port of this machine alone if it is left out.
 * @example
 * const server = await listen(await open());
 * server.address().port;
 */
export function listen(
  engine: Redstart,
  where?: { host?: string; port: number } | { path: string },
): Promise<Server>;
