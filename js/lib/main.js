// What the package exports whatever the platform; `node.js` and `browser.js` bring the program's bytes.

import { Client, Connection, initSync, Redstart, Shell, Subscription } from './engine.js';

export { Client, Connection, Redstart, Shell, Subscription } from './engine.js';
export { RedisError } from './errors.js';

// `using` closes; to free the object without closing it is nothing that anybody wants.
if (Symbol.dispose !== undefined) {
  for (const { prototype } of [Client, Connection, Redstart, Shell, Subscription]) {
    prototype[Symbol.dispose] = prototype.close;
  }
}

/** Makes `open` of a function that finds the program. It is loaded once, with the first engine. */
export function opener(find) {
  let loaded = null;
  return async function open(options = {}) {
    const { snapshot, wasm, ...rest } = options;
    loaded ??= find(wasm).then((module) => initSync({ module }));
    try {
      await loaded;
    } catch (error) {
      // The next call may have better luck, or another address.
      loaded = null;
      throw error;
    }
    const engine = new Redstart(rest);
    if (snapshot !== undefined) {
      try {
        await engine.load(snapshot);
      } catch (error) {
        engine.close();
        throw error;
      }
    }
    return engine;
  };
}
