// What the page needs before its program has loaded, and after it has failed.
//
// - the chosen theme, before the first paint
// - the engine's worker, started now so that it loads beside the page's own program
// - lines that are entered before either is there
// - a panel that says what went wrong, whatever went wrong
'use strict';

window.redstart = (() => {
  /** What was entered so far, and what the worker has said so far. */
  const lines = [];
  const messages = [];
  let failure = null;

  try {
    const theme = localStorage.getItem('redstart.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is refused; the system's theme will do.
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

  /** Starts the engine. Its messages are kept until `take` hands them over. */
  function start() {
    const worker = new Worker('engine.js', { type: 'module', name: 'redstart' });
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

  let worker = null;
  if (typeof WebAssembly !== 'object') {
    fail('This browser has no WebAssembly, or it is switched off. Redstart needs it.');
  } else {
    worker = start();
  }

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
  });

  return {
    fail,
    /** The worker that runs, or a new one. */
    worker() {
      const current = worker || start();
      worker = null;
      return current;
    },
    /** What the worker has said up to now; from here on the caller listens. */
    messages: () => messages.splice(0),
    /** What was entered up to now. */
    lines: () => lines.splice(0),
  };
})();
