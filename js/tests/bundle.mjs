// Puts client libraries into a page as a project would, beside the package itself: `node bundle.mjs`
// leaves the page's folder in `site`.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';

import { build } from 'esbuild';
import { alias, define, inject } from 'redstart/bundle';

mkdirSync('site', { recursive: true });
await build({
  entryPoints: ['page.js'],
  outdir: 'site',
  bundle: true,
  format: 'esm',
  platform: 'browser',
  logLevel: 'warning',
  alias,
  define,
  inject,
});
const redstart = 'node_modules/redstart';
cpSync(redstart, 'site/redstart', { recursive: true, dereference: true });
cpSync(`${redstart}/engine_bg.wasm`, 'site/engine_bg.wasm');
writeFileSync('site/index.html', `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Clients</title><link rel="icon" href="data:,"></head>
  <body><pre id="result"></pre><script type="module" src="page.js"></script></body>
</html>
`);
