// The page without a network.
//
// While there is one, everything comes from it, so that a visitor always has the newest page. Behind
// that, a copy of all files is kept, complete and of one piece; a page that cannot be had from the
// network is opened from the copy, with everything it loads. The list of files comes from the page's
// program (see web/build.rs), which sends it once it runs.
'use strict';

/** Caches belong to all pages of an origin: the name says whose this is. A number follows. */
const MINE = `redstart ${registration.scope} `;
/** What is put into a copy last. */
const COMPLETE = new URL('complete', registration.scope).href;
/** What a new version always changes: these are looked at in each visit, everything once a day. */
const PROGRAM = /\.(wasm|html)$|\/$/;
const DAY_MS = 86_400_000;
/** How long the network may take for the page itself when there is a copy. */
const PATIENCE_MS = 4_000;

/** Pages that were opened from the copy. */
const opened = new Set();

addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('message', (event) => event.waitUntil(keep(event.data)));
addEventListener('fetch', (event) => {
  const { method, url } = event.request;
  if (method === 'GET' && url.startsWith(registration.scope)) event.respondWith(answer(event));
});

/** The copy, if there is a complete one. */
async function copy() {
  const names = (await caches.keys()).filter((name) => name.startsWith(MINE)).sort().reverse();
  for (const name of names) {
    const cache = await caches.open(name);
    const complete = await cache.match(COMPLETE);
    if (complete) return { cache, checkedAt: Number(await complete.text()) };
  }
  return null;
}

async function answer({ request, clientId, resultingClientId }) {
  const isPage = request.mode === 'navigate';
  let fetched;
  if (!opened.has(clientId)) {
    // The copy is looked for only where it is needed: all that a visitor sees waits for this.
    fetched = fetch(request).catch(() => undefined);
    const late = new Promise((resolve) => { if (isPage) setTimeout(resolve, PATIENCE_MS); });
    const response = await Promise.race([fetched, late]);
    if (response && response.status < 500) return response;
  }
  const kept = await copy();
  const find = (address) => kept && kept.cache.match(address, { ignoreSearch: true });
  const found = await find(request.url) || (isPage && await find(registration.scope));
  if (!found) return await fetched || fetch(request);
  if (isPage) opened.add(resultingClientId);
  return found;
}

/** Makes a copy of `files`, if there is none or something has changed. */
async function keep(files) {
  const addresses = ['', ...files].map((file) => new URL(file, registration.scope).href);
  const old = await copy();
  if (old) {
    const isDue = Date.now() - old.checkedAt > DAY_MS;
    const looked = addresses.filter((address) => isDue || PROGRAM.test(address));
    const all = await Promise.all(addresses.map((address) => old.cache.match(address)));
    if (all.every(Boolean) && await compare(old.cache, looked) === 'same') {
      return isDue ? complete(old.cache) : undefined;
    }
  }
  const name = MINE + Date.now();
  const cache = await caches.open(name);
  try {
    await cache.addAll(addresses.map((address) => new Request(address, { cache: 'no-cache' })));
    // A new version may have been put in place meanwhile: half of each would be worse than the old.
    if (await compare(cache, addresses) === 'other') throw new Error('files have changed');
    await complete(cache);
  } catch (error) {
    console.warn(`no copy was kept: ${error}`);
    await caches.delete(name);
    return;
  }
  const others = (await caches.keys()).filter((other) => other.startsWith(MINE) && other !== name);
  await Promise.all(others.map((other) => caches.delete(other)));
}

function complete(cache) {
  return cache.put(COMPLETE, new Response(String(Date.now())));
}

/** Whether the server still has what `cache` has: `same`, `other`, or `unknown` if it does not say. */
async function compare(cache, addresses) {
  const verdicts = await Promise.all(addresses.map(async (address) => {
    const there = await fetch(address, { method: 'HEAD', cache: 'no-store' });
    const here = await cache.match(address);
    const pairs = ['etag', 'last-modified'].map((name) => [here, there].map((one) => one.headers.get(name)));
    const told = pairs.filter(([ours, theirs]) => ours && theirs);
    if (told.length === 0) return 'unknown';
    return told.every(([ours, theirs]) => ours === theirs) ? 'same' : 'other';
  }));
  return ['other', 'unknown'].find((verdict) => verdicts.includes(verdict)) || 'same';
}
