/** An error that the engine has replied. Mistakes of the caller are `TypeError`s instead. */
export class RedisError extends Error {
  /** @param message What the engine has replied. */
  constructor(message: string);
  /** The first word of the message: `WRONGTYPE`, `ERR`, `NOAUTH` … */
  readonly code: string;
}
