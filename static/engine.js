// The worker's first lines: they load the program, which finds that it is not in a page and hosts the
// engine, and say so when that fails.

import init from './app.js';

init({ module_or_path: new URL('app_bg.wasm', import.meta.url) }).catch((error) => {
  postMessage(['Failed', `The engine could not be loaded: ${error}`]);
});
