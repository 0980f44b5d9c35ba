// What client libraries ask of Node's own modules, for a page: enough for their way to an engine in memory,
// and a clear error for what a page cannot do. One module stands for all of them (see `../bundle.js`).

const cannot = (what) => () => { throw new Error(`a page cannot ${what}`); };

// net, tls, dns
export const createConnection = cannot('open a TCP connection; use the connector of redstart');
export const connect = createConnection;
export const isIP = () => 0;
export const isIPv4 = () => false;
export const isIPv6 = () => false;
export class Socket {}
export const lookup = cannot('look up a host name');
export const resolveSrv = lookup;
export const promises = { lookup, resolveSrv };

// crypto
export const createHash = cannot('compute a hash at once');
export const randomUUID = () => crypto.randomUUID();
export const randomBytes = (length) => crypto.getRandomValues(new Uint8Array(length));

// util
export const inspect = Object.assign((value) => String(value), { custom: Symbol('inspect') });
export const format = (...values) => values.map(String).join(' ');
export const deprecate = (callback) => callback;
export const debuglog = () => () => {};
export const inherits = (child, parent) => Object.setPrototypeOf(child.prototype, parent.prototype);
export const promisify = (callback) => (...values) => new Promise((resolve, reject) => {
  callback(...values, (error, value) => (error ? reject(error) : resolve(value)));
});
export const types = {};

// timers/promises, perf_hooks, url
const wait = (ms, value) => new Promise((resolve) => { globalThis.setTimeout(resolve, ms, value); });
export { wait as setTimeout };
export const performance = globalThis.performance;
export const URL = globalThis.URL;
export const URLSearchParams = globalThis.URLSearchParams;
export const parse = (text) => new URL(text);

// diagnostics_channel: nobody listens in a page.
const silent = { hasSubscribers: false, subscribe() {}, unsubscribe() {}, publish() {} };
export const channel = () => silent;
export const tracingChannel = () => ({
  ...silent,
  traceCallback: (call, _position, _context, self, ...values) => call.apply(self, values),
  tracePromise: (call, _context, self, ...values) => call.apply(self, values),
  traceSync: (call, _context, self, ...values) => call.apply(self, values),
});
export const hasSubscribers = () => false;

// assert
export const ok = (value, message) => {
  if (!value) throw new Error(message ?? 'assertion failed');
};
export const strictEqual = (left, right, message) => ok(Object.is(left, right), message);

export default Object.assign(ok, {
  channel, connect, createConnection, createHash, debuglog, deprecate, format, inherits, inspect, isIP,
  isIPv4, isIPv6, lookup, ok, parse, performance, promises, promisify, randomBytes, randomUUID, resolveSrv,
  setTimeout: wait, Socket, strictEqual, tracingChannel, types, URL, URLSearchParams,
});
