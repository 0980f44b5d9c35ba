import { Redstart } from './index.js';

/**
 * The option `socket` with which node-redis talks to an engine in memory. The first call puts a function of
 * this package in the place of `net.createConnection`, which passes on everything that is not for an engine.
 *
 * @example
 * const client = createClient({ socket: socketOptions(await open()) });
 * await client.connect();
 */
export function socketOptions(engine: Redstart): { path: string };
