// What the engine's program asks of JavaScript. The globals are looked up at each call, so that tests
// may put others in their place.

export function setTimer(callback, ms, waits) {
  const timer = setTimeout(callback, ms);
  // In Node, keys that will expire are no reason to go on running, but a reply that is awaited is.
  if (!waits) timer.unref?.();
  return timer;
}

export function clearTimer(timer) {
  clearTimeout(timer);
}

export function monotonicMs() {
  return performance.now();
}

export function randomBytes() {
  return globalThis.crypto?.getRandomValues(new Uint8Array(32)) ?? new Uint8Array(0);
}

export function report(error) {
  queueMicrotask(() => { throw error; });
}
