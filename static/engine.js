// The worker's first lines: they load the engine and say so when that fails.

import init from './worker.js';

init({ module_or_path: new URL('worker_bg.wasm', import.meta.url) }).catch((error) => {
  postMessage({ Failed: { message: `The engine could not be loaded: ${error}` } });
});
