// The package in a page or a worker of one.

import { opener } from './main.js';

export * from './main.js';

export const open = opener(async (wasm = new URL('./engine_bg.wasm', import.meta.url)) => {
  if (typeof wasm !== 'string' && !(wasm instanceof URL)) return WebAssembly.compile(wasm);
  const response = await fetch(wasm);
  if (!response.ok) throw new Error(`${wasm}: ${response.status} ${response.statusText}`);
  return WebAssembly.compile(await response.arrayBuffer());
});
