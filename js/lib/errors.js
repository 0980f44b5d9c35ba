// The class of the engine's errors.

export class RedisError extends Error {
  constructor(message) {
    super(message);
    this.name = 'RedisError';
    this.code = /^[A-Z][A-Z0-9]*(?= )/.exec(message)?.[0] ?? 'ERR';
  }
}
