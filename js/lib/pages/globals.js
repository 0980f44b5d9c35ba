// The globals of Node that client libraries use, for a page. A bundler injects them.

import buffer from 'buffer';

const { Buffer } = buffer;
// The package of npm has the class and not its limits.
buffer.constants ??= { MAX_LENGTH: buffer.kMaxLength, MAX_STRING_LENGTH: 2 ** 29 - 24 };

const process = {
  env: {},
  argv: [],
  version: '',
  versions: {},
  platform: 'browser',
  emitWarning: (warning) => console.warn(warning),
  nextTick: (callback, ...values) => queueMicrotask(() => callback(...values)),
  on() {},
};
const setImmediate = (callback, ...values) => setTimeout(callback, 0, ...values);
const clearImmediate = (timer) => clearTimeout(timer);

export { Buffer, clearImmediate, process, setImmediate };
