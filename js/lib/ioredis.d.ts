import { Redstart } from './index.js';

/** The class that ioredis opens its connections with; typed loosely, so that the package needs no ioredis. */
export type ConnectorClass = new (options: any) => any;

/**
 * Has ioredis talk to an engine in memory. Clients that it duplicates do so too.
 *
 * @example
 * const redis = new Redis({ Connector: connector(await open()) });
 * await redis.set('mykey', 'value');
 */
export function connector(engine: Redstart): ConnectorClass;
