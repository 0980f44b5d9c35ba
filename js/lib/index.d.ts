import { EngineOptions, Redstart } from './engine.js';

export {
  Block, Client, ClientOptions, Commands, Connection, EngineOptions, Message, Redstart, Reply, Shell,
  Subscription, Word,
} from './engine.js';
export { RedisError } from './errors.js';

/** What can be chosen when an engine is opened. */
export interface OpenOptions extends EngineOptions {
  /** The bytes of an RDB file, of any Redis or Valkey, to begin with. */
  snapshot?: Uint8Array;
  /** Where the program is, or its bytes. Default: `engine_bg.wasm` beside the package's modules. Needed
   * where a bundler has moved them. Only the first engine's counts. */
  wasm?: string | URL | Uint8Array | ArrayBuffer;
}

/**
 * Opens an engine of its own, with its own data, in memory. The program is loaded with the first one.
 *
 * @example
 * const db = await open();
 * await db.command('SET', 'greeting', 'hello');
 * await db.command('GET', 'greeting'); // 'hello'
 */
export function open(options?: OpenOptions): Promise<Redstart>;
