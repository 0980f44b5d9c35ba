// The worker's first lines: they load the program, which finds that it is not in a page and hosts the
// engine, and say so when that fails. What is said to it meanwhile is kept for it.

import init from './app.js';

const early = [];
onmessage = (event) => early.push(event);
init({ module_or_path: new URL('app_bg.wasm', import.meta.url) }).then(
  () => early.forEach((event) => onmessage(event)),
  (error) => postMessage(['Failed', `The engine could not be loaded: ${error}`]),
);
