//! The types that wasm-bindgen's attributes cannot say, with the methods that use them.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
import { RedisError } from './errors.js';

/** A word of a command. Numbers are sent as JavaScript prints them, strings as UTF-8, bytes as they are. */
export type Word = string | number | bigint | Uint8Array | ArrayBuffer;

/**
 * A reply as a value of JavaScript:
 *
 * - a string where the bytes are UTF-8, a `Uint8Array` where they are not (always with `binary: true`)
 * - a number, or a bigint where a number would lose digits
 * - `null`, and in the third protocol booleans
 * - an array; in the third protocol a `Set` for a set, and for a map an object without a prototype
 *   (a `Map` with `maps: "map"`, or where a name is no text)
 * - a {@link RedisError} inside of an array; one that is the whole reply is thrown
 */
export type Reply =
  | string | number | bigint | boolean | null | Uint8Array | RedisError
  | Reply[] | Set<Reply> | Map<Reply, Reply> | { [name: string]: Reply };

/** How a client sends and what it gets. */
export interface ClientOptions {
  /** The protocol, and with it what replies look like. Default: 3. */
  protocol?: 2 | 3;
  /** Strings come as `Uint8Array`s. Names of fields in objects stay text. Default: false. */
  binary?: boolean;
  /** What maps of the third protocol become. An object puts names that are whole numbers first, as all
   * objects do; a `Map` keeps the engine's order. Default: "object". */
  maps?: 'object' | 'map';
}

/** What can be chosen when an engine is opened; the options of a client are those of its own methods. */
export interface EngineOptions extends ClientOptions {
  /** Where chance begins: the same seed, commands and times give the same replies, to the byte. Default:
   * a number that nobody can guess. */
  seed?: number;
  /** The engine's time. A number is a clock that stands at so many milliseconds since 1970 and moves by
   * {@link Redstart.advance} alone; a function is asked for them. Default: the computer's clock. */
  clock?: number | (() => number);
  /** Settings, as in redis.conf: `{ maxmemory: '1mb' }`. */
  config?: Record<string, string>;
}

/** A message of a channel. */
export interface Message {
  /** The pattern that has matched, for {@link Redstart.psubscribe}. */
  pattern?: string;
  /** The channel it was published to. */
  channel: string;
  /** What was published: text, or bytes where it is no text or the engine's option `binary` is set. */
  message: string | Uint8Array;
}

/** A piece of a terminal's screen. */
export interface Block {
  /** Its number, never used twice. */
  id: number;
  /** A line that was entered, with its replies; messages that answer nothing; or a remark. */
  kind: 'command' | 'message' | 'notice';
  /** The prompt the line was entered at. */
  prompt?: string;
  /** The line. */
  line?: string;
  /** What was printed: lines, the last one ended too. */
  text: string;
}

/** What an engine and its clients have in common. */
export interface Commands {
  /**
   * Sends a command: `await db.command('SET', 'key', 'value', 'EX', 10)`, or its words as one array.
   * An error of the engine is thrown as a {@link RedisError}.
   */
  command<T = Reply>(...words: Word[]): Promise<T>;
  command<T = Reply>(words: Word[]): Promise<T>;

  /**
   * Sends several commands at once: `await db.pipeline([['SET', 'a', 1], ['GET', 'a']])`. The replies come
   * in the same order; one that is an error is a {@link RedisError} in its place, and the others count.
   */
  pipeline<T extends unknown[] = Reply[]>(commands: Word[][]): Promise<T>;

  /**
   * Runs several commands as one transaction (`MULTI` … `EXEC`). `null` if a key that was watched has
   * changed; if a command could not be queued, nothing has run and an `EXECABORT` is thrown.
   */
  transaction<T extends unknown[] = Reply[]>(commands: Word[][]): Promise<T | null>;
}

export interface Redstart extends Commands {}
export interface Client extends Commands {}
"#;
