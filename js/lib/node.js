// The package in Node, or a worker thread of it.

import { readFile } from 'node:fs/promises';

import { opener } from './main.js';

export * from './main.js';

export const open = opener(async (wasm = new URL('./engine_bg.wasm', import.meta.url)) => {
  const isPath = typeof wasm === 'string' || wasm instanceof URL;
  return WebAssembly.compile(isPath ? await readFile(wasm) : wasm);
});
