// The worker's first lines. The page sends the program, compiled, which finds that it is not in a page and
// hosts the engine; or they say why it does not run. What else is said meanwhile is kept for it.

import init from './app.js';

const early = [];
onmessage = (event) => {
  if (event.data instanceof WebAssembly.Module) start(event.data);
  else early.push(event);
};

async function start(program) {
  try {
    await init({ module_or_path: program });
    early.forEach((event) => onmessage(event));
  } catch (error) {
    postMessage(['Failed', `The engine could not be loaded: ${error}`]);
  }
}
