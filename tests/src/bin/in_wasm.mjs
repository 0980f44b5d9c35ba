// Plays every transcript inside the wasm build: `node in_wasm.mjs BINDINGS FOLDER`.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [bindings, folder] = process.argv.slice(2).map((path) => resolve(path));
const engine = createRequire(import.meta.url)(bindings);

let passed = 0;
let failed = 0;
const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".txt"));
for (const name of files.sort()) {
  const text = readFileSync(join(folder, name), "utf8");
  for (let index = 0; index < engine.count(text); index++) {
    try {
      engine.check(text, index);
      passed++;
    } catch (error) {
      failed++;
      console.log(`${name}:${error}`);
      // After a trap the module's memory cannot be trusted, so nothing after it would mean anything.
      if (error instanceof WebAssembly.RuntimeError) throw error;
    }
  }
}
console.log(`${passed} scenarios of ${files.length} transcripts passed inside wasm, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
