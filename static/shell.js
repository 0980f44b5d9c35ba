// What the page needs before its program has loaded, and after it has failed.
//
// - the chosen theme, before the first paint
// - the program, asked for now and compiled once: for the page, and for the engine in a worker
// - lines that are entered before either is there
// - a panel that says what went wrong, whatever went wrong
// - the page's language, and the texts of one that is not English
// - several panes, whose places are the business of a module that is loaded for them
// - the studio, a second program that is loaded when it is first used; what it and the first program
//   have to say to each other goes through here (see web/src/bridge.rs)
// - the service worker, which keeps the page for when there is no network
'use strict';

window.redstart = (() => {
  /** What was entered so far, and what the worker has said so far. */
  const lines = [];
  const messages = [];
  let failure = null;

  /** What is kept under a name; null where storage is refused. */
  function kept(name) {
    try {
      return localStorage.getItem(`redstart.${name}`);
    } catch {
      return null;
    }
  }

  function keep(name, value) {
    try {
      localStorage.setItem(`redstart.${name}`, value);
    } catch {
      // It only loses comfort.
    }
  }

  // There only when a server serves the page; see remote.js.
  const served = window.redstartServer;

  const root = document.documentElement;
  const theme = kept('theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;

  const LANGUAGES = ['en', 'zh'];
  const wished = [kept('language'), ...(navigator.languages || [navigator.language])];
  const codes = wished.map((code) => String(code).slice(0, 2).toLowerCase());
  let language = codes.find((code) => LANGUAGES.includes(code)) || 'en';
  let texts;
  function loadTexts() {
    root.lang = language;
    const load = async () => (await fetch(`i18n/${language}.json`)).json();
    texts = language === 'en' ? Promise.resolve() : load().catch(() => undefined);
    return texts;
  }
  loadTexts();

  // What the first program tells before the studio listens, within bounds.
  const early = [];
  let earlyBytes = 0;
  let isEarlyLost = false;
  let listener = null;
  let answerer = null;
  let showStudio = null;
  let loadingStudio = null;
  let view = '';
  async function loadStudio() {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = 'studio.css';
    document.head.append(style);
    await Promise.all([
      import('./studio.js').then((module) => module.default({ module_or_path: 'studio_bg.wasm' })),
      new Promise((loaded) => { style.onload = style.onerror = loaded; }),
    ]);
  }

  /** Shows that something has failed. The first failure is the cause, so it stays. */
  function fail(what) {
    if (failure !== null) return;
    failure = String(what);
    if (document.readyState !== 'loading') showFailure();
  }

  function showFailure() {
    const panel = document.getElementById('failure');
    document.getElementById('failure-text').textContent = failure;
    panel.hidden = false;
  }

  /** Has the service worker keep these files, once the page has nothing better to do. */
  async function keepFiles(files) {
    // Only pages from a safe origin have one, and some private windows do not; a server is its own.
    if (!navigator.serviceWorker || served) return;
    // The worker is still opening what it keeps; the browser calls a page idle whose worker is not.
    await new Promise((later) => setTimeout(later, 1000));
    await new Promise((idle) => (window.requestIdleCallback || setTimeout)(idle));
    try {
      await navigator.serviceWorker.register('service-worker.js');
      (await navigator.serviceWorker.ready).active.postMessage(files);
    } catch (error) {
      console.warn(`The page will not open without a network: ${error}`);
    }
  }

  /** The program, compiled. */
  async function compile() {
    const response = await fetch('app_bg.wasm');
    if (!response.ok) throw new Error(`app_bg.wasm could not be loaded: ${response.status}`);
    // It is compiled while it arrives only where the server tells its type.
    const isKnown = response.headers.get('Content-Type') === 'application/wasm';
    return isKnown ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer());
  }

  /** Runs the program in the page. */
  async function run() {
    const app = await import('./app.js');
    await app.default({ module_or_path: program });
    // Whoever had the studio open, or several panes, finds them again.
    if (!isShared() && kept('studio')) window.redstart.studio('');
    if (kept('panes')) arrange();
  }

  /** A worker with an engine. Its name is that of the store it opens; a slash stands for none. */
  function host(name) {
    const worker = new Worker('engine.js', { type: 'module', name });
    // Without a program there is no page either, and that one says why.
    program.then((module) => worker.postMessage(module), () => {});
    return worker;
  }

  /** Starts the engine. Its messages are kept until `take` hands them over. */
  function start() {
    const asked = new URLSearchParams(location.search);
    const name = asked.has('memory') ? '/' : asked.get('store') || '';
    const worker = (served && served.worker()) || host(name);
    worker.onmessage = (event) => messages.push(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      fail(event.message || 'The engine could not be loaded (engine.js, app.js or app_bg.wasm).');
    };
    return worker;
  }

  window.addEventListener('error', (event) => {
    const source = event.target && (event.target.src || event.target.href);
    if (event.message) fail(event.message);
    else if (source && /\.(js|wasm)$/.test(source)) fail(`${source} could not be loaded.`);
  }, true);
  window.addEventListener('unhandledrejection', (event) => fail(event.reason));

  // Files can be dropped anywhere: the studio's view of stores takes them.
  const files = [];
  const brings = (event) => event.dataTransfer && event.dataTransfer.types.includes('Files');
  window.addEventListener('dragover', (event) => { if (brings(event)) event.preventDefault(); });
  window.addEventListener('drop', (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    files.splice(0, files.length, ...event.dataTransfer.files);
    window.redstart.studio('stores dropped');
  });

  let engine = null;
  let worker = null;
  let program = null;
  if (typeof WebAssembly !== 'object') {
    fail('This browser has no WebAssembly, or it is switched off. Redstart needs it.');
  } else {
    program = compile();
    worker = start();
  }

  // Safari keeps a page that is left as it was, with its worker and that one's lock: other tabs would wait
  // for the store until somebody comes back.
  window.addEventListener('pagehide', (event) => {
    const left = engine || worker;
    if (event.persisted && left) left.terminate();
  });
  window.addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });

  document.addEventListener('DOMContentLoaded', () => {
    document.getElementById('reload').addEventListener('click', () => location.reload());
    if (failure !== null) showFailure();
    const form = document.getElementById('shell-form');
    const input = document.getElementById('shell-line');
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      lines.push(input.value);
      const echo = document.createElement('pre');
      echo.className = 'block';
      echo.textContent = `redstart> ${input.value}`;
      document.getElementById('shell-log').append(echo);
      input.value = '';
    });
    if (matchMedia('(hover: hover)').matches) input.focus();
    if (program !== null) run().catch(fail);
  });
  /** Whether the address carries a session that somebody shares; the studio opens it. */
  function isShared() {
    const is = location.hash.startsWith('#share=');
    if (is) window.redstart.studio('time shared');
    return is;
  }
  window.addEventListener('hashchange', isShared);

  // Panes are arranged and named by a module of their own.
  let arranging = null;
  function arrange() {
    arranging = arranging || import('./panes.js').catch((error) => {
      arranging = null;
      console.warn(`Panes cannot be arranged: ${error}`);
    });
    return arranging;
  }
  const openers = { click: '.more', dblclick: '.pane-bar h2', keydown: 'never' };
  for (const type of Object.keys(openers)) {
    document.addEventListener(type, async (event) => {
      const { key, target } = event;
      if (key !== 'F2' && !(target.closest && target.closest(openers[type]))) return;
      const panes = await arrange();
      if (panes) panes.wanted(event);
    });
  }

  return {
    fail,
    kept,
    keep,
    arrange,
    host,
    /** The worker that runs, or a new one. */
    worker() {
      engine = worker || start();
      worker = null;
      return engine;
    },
    /** The worker that the program has taken. */
    engine: () => engine,
    /** What the worker has said up to now; from here on the caller listens. */
    messages: () => messages.splice(0),
    /** What was entered up to now. */
    lines: () => lines.splice(0),
    /** The names of all files, one a line: they are kept for when there is no network. */
    keepFiles: (names) => void keepFiles(names.split('\n')),
    dropped: () => files.splice(0),
    load: async (address) => (await fetch(address)).blob(),
    bring: (module) => import(module),
    save(name, content) {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([content]));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
    language: () => language,
    texts: () => texts,
    speak(code) {
      language = code;
      keep('language', code);
      return loadTexts();
    },
    /** From the app to the studio, and from the studio to the app. */
    tell(...news) {
      news.push(Date.now());
      if (listener) return listener(...news);
      const bytes = (told) => (told[4] ? told[4].length : 0);
      earlyBytes += bytes(news);
      early.push(news);
      while (early.length > 5000 || earlyBytes > 1e6) {
        earlyBytes -= bytes(early.shift());
        isEarlyLost = true;
      }
    },
    listen(callback) {
      listener = callback;
      if (isEarlyLost) callback(6, 0, 0, '', undefined, 0);
      early.splice(0).forEach((news) => callback(...news));
    },
    ask: (...wish) => { if (answerer) answerer(...wish); },
    answer: (callback) => { answerer = callback; },
    /** Whether a server serves the page (1), or did and its data is in the tab now (2); and what can be
     * done about it. */
    served: () => (served ? served.state() : 0),
    showServer: () => served.show(),
    /** Shows a view of the studio, or the last one; the program is loaded the first time. */
    studio(name) {
      view = name || view || kept('studio') || '';
      if (showStudio) return showStudio(name);
      document.getElementById('studio').hidden = false;
      loadingStudio = loadingStudio || loadStudio().catch((error) => {
        loadingStudio = null;
        document.getElementById('studio-loading').textContent = `The panel could not be loaded: ${error.message}`;
      });
    },
    /** The studio is there: how it is shown from now on, and the view that was asked for. */
    studioReady(show) {
      showStudio = show;
      return view;
    },
  };
})();
