// The page when a server serves it: `redstart-server --playground yes` puts this script before all others.
//
// What the page takes for the engine's worker is then the server: each connection that the page opens is a
// WebSocket whose messages carry RESP, and neither of its programs notices. Engines of lessons and
// experiments still run in a worker of the tab.
//
// `Continue locally` copies the server's data into the engine of this tab, and there the way back is shown:
// a file of commands, and the command line that sends it to the server.
'use strict';

window.redstartServer = (() => {
  const name = document.querySelector('meta[name=redstart-server]').content;
  /** The store that copies of the server's data go to. */
  const COPY = 'copy';

  /** Whether the address names a store of this browser; without one, the page is the server's. */
  const isLocal = new URLSearchParams(location.search).has('store');

  /** A worker of the tab, and the promise that it runs. */
  function engine(store) {
    const worker = window.redstart.host(store);
    const ready = new Promise((resolve, reject) => {
      worker.addEventListener('message', ({ data }) => {
        if (data[0] === 'Ready') resolve(worker);
        else if (data[0] === 'Failed') reject(new Error(data[1]));
      });
      worker.addEventListener('error', (event) => {
        reject(new Error(event.message || t("The engine could not be loaded.")));
      });
    });
    // Whoever waits for it is told.
    ready.catch(() => {});
    return { worker, ready };
  }

  function socket() {
    const address = new URL('redstart.ws', location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address);
    socket.binaryType = 'arraybuffer';
    return socket;
  }

  /** What stands in for the worker. */
  class Remote extends EventTarget {
    onmessage = null;
    onerror = null;
    #sockets = new Set();
    #engine = null;

    constructor() {
      super();
      // A page that the browser keeps for the way back would keep its connections too.
      addEventListener('pagehide', () => this.#sockets.forEach((socket) => socket.close()));
      queueMicrotask(() => {
        this.#say(['Ready']);
        this.#say(['Server', name]);
      });
    }

    postMessage(message, transfer = []) {
      const [place, what] = message;
      if (place === '' && typeof what === 'boolean') this.#open(transfer[0]);
      else this.#sandboxes().then((worker) => worker.postMessage(message, transfer), () => {});
    }

    terminate() {
      this.#sockets.forEach((socket) => socket.close());
      this.#engine?.worker.terminate();
    }

    #say(data) {
      const event = new MessageEvent('message', { data });
      this.onmessage?.(event);
      this.dispatchEvent(event);
    }

    /** A connection to the server at the other end of `port`. */
    #open(port) {
      const wire = socket();
      const early = [];
      this.#sockets.add(wire);
      port.onmessage = ({ data }) => {
        if (data === null) wire.close();
        else if (wire.readyState === WebSocket.CONNECTING) early.push(data);
        else if (wire.readyState === WebSocket.OPEN) wire.send(data);
      };
      wire.onopen = () => early.splice(0).forEach((bytes) => wire.send(bytes));
      wire.onmessage = ({ data }) => port.postMessage(new Uint8Array(data), [data]);
      wire.onclose = () => {
        this.#sockets.delete(wire);
        port.postMessage(null);
        port.close();
      };
    }

    #sandboxes() {
      if (this.#engine === null) {
        this.#engine = engine('');
        const { worker } = this.#engine;
        worker.onmessage = ({ data }) => {
          // What it says of the tab's own data is not what this page shows.
          if (['Sandbox', 'Failed'].includes(data[0]) || typeof data[0] === 'number') this.#say(data);
        };
        worker.onerror = (event) => this.onerror?.(event);
      }
      return this.#engine.ready;
    }
  }

  // A small client, for the copy.

  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const text = (bytes) => decoder.decode(bytes);

  function encode(words) {
    const parts = [encoder.encode(`*${words.length}\r\n`)];
    for (const word of words) {
      const bytes = word instanceof Uint8Array ? word : encoder.encode(String(word));
      parts.push(encoder.encode(`$${bytes.length}\r\n`), bytes, encoder.encode('\r\n'));
    }
    return join(parts);
  }

  function join(parts) {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  /** Reads a reply of the second protocol at `at`: its value and where it ends, or null if it goes on. */
  function read(bytes, at) {
    let end = at;
    while (end + 1 < bytes.length && !(bytes[end] === 13 && bytes[end + 1] === 10)) end += 1;
    if (end + 1 >= bytes.length) return null;
    const line = text(bytes.subarray(at + 1, end));
    const next = end + 2;
    switch (String.fromCharCode(bytes[at])) {
      case '+': return [line, next];
      case '-': return [new Error(line), next];
      case ':': return [Number(line), next];
      case '$': {
        const length = Number(line);
        if (length < 0) return [null, next];
        if (next + length + 2 > bytes.length) return null;
        return [bytes.slice(next, next + length), next + length + 2];
      }
      case '*': {
        const items = [];
        let from = next;
        for (let index = 0; index < Number(line); index += 1) {
          const item = read(bytes, from);
          if (item === null) return null;
          items.push(item[0]);
          from = item[1];
        }
        return [items, from];
      }
      default: throw new Error('this is no reply');
    }
  }

  class Client {
    #waiting = [];
    #unread = new Uint8Array(0);
    #send;

    /** `connect` gets what takes bytes and what is called at the end, and returns what sends bytes. */
    constructor(connect) {
      this.#send = connect((bytes) => this.#receive(bytes), (why) => this.#lost(why));
    }

    command(...words) {
      return new Promise((resolve, reject) => {
        this.#waiting.push({ resolve, reject });
        this.#send(encode(words));
      });
    }

    #receive(bytes) {
      this.#unread = join([this.#unread, bytes]);
      let at = 0;
      for (let reply = read(this.#unread, 0); reply !== null; reply = read(this.#unread, at)) {
        const { resolve, reject } = this.#waiting.shift();
        if (reply[0] instanceof Error) reject(reply[0]);
        else resolve(reply[0]);
        at = reply[1];
      }
      this.#unread = this.#unread.slice(at);
    }

    #lost(why) {
      this.#waiting.splice(0).forEach(({ reject }) => reject(new Error(why)));
      this.#send = () => this.#lost(why);
    }
  }

  function serverClient() {
    return new Promise((resolve, reject) => {
      const wire = socket();
      wire.onerror = () => reject(new Error(t("There is no connection to the server at {}.", name)));
      wire.onopen = () => {
        const client = new Client((receive, lost) => {
          wire.onmessage = ({ data }) => receive(new Uint8Array(data));
          wire.onclose = () => lost(t("The server has closed the connection."));
          return (bytes) => wire.send(bytes);
        });
        resolve({ client, close: () => wire.close() });
      };
    });
  }

  function tabClient(worker) {
    return new Client((receive, lost) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data }) => {
        if (data instanceof Uint8Array) receive(data);
        else lost(t("The engine in this tab has closed the connection."));
      };
      worker.postMessage(['', false], [port2]);
      return (bytes) => port1.postMessage(bytes);
    });
  }

  /** The numbers of the databases that have keys, and how many keys there are. */
  async function keyspace(client) {
    const info = text(await client.command('INFO', 'keyspace'));
    const found = [...info.matchAll(/^db(\d+):keys=(\d+)/gm)];
    return { dbs: found.map(([, db]) => db), keys: found.reduce((sum, [,, keys]) => sum + Number(keys), 0) };
  }

  /** Reads every key of `from` and has `restore` take it: each key is of one moment, all are not. */
  async function copy(from, restore, progress) {
    let count = 0;
    for (const db of (await keyspace(from)).dbs) {
      await from.command('SELECT', db);
      await restore('SELECT', db);
      let cursor = '0';
      do {
        const [next, keys] = await from.command('SCAN', cursor, 'COUNT', 200);
        cursor = text(next);
        const asked = keys.map((key) => Promise.all([
          key, from.command('DUMP', key), from.command('PEXPIRETIME', key),
        ]));
        const there = (await Promise.all(asked)).filter(([, payload]) => payload !== null);
        await Promise.all(there.map(([key, payload, expires]) =>
          restore('RESTORE', key, Math.max(expires, 0), payload, 'REPLACE', 'ABSTTL')));
        count += there.length;
        progress(count);
      } while (cursor !== '0');
    }
    return count;
  }

  /** Copies everything to the engine of this tab, and has it saved there. */
  async function copyToTab(server, progress, confirmLoss) {
    const { worker, ready } = engine(COPY);
    try {
      const tab = tabClient(await ready);
      const { keys } = await keyspace(tab);
      if (keys > 0) await confirmLoss(keys);
      await tab.command('FLUSHALL');
      await copy(server, (...words) => tab.command(...words), progress);
      await save(tab);
    } finally {
      worker.terminate();
    }
  }

  /** Has the tab's data saved; the tab does so by itself too, and one snapshot is made at a time. */
  async function save(tab) {
    for (;;) {
      try {
        return await tab.command('SAVE');
      } catch (error) {
        if (!error.message.includes('in progress')) throw error;
      }
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  }

  /** Everything in this tab as commands that a server takes. */
  async function commands(progress) {
    const parts = [];
    await copy(tabClient(window.redstart.engine()), (...words) => parts.push(encode(words)), progress);
    return new Blob(parts, { type: 'application/octet-stream' });
  }

  /** The command line that sends a file of commands to the server. */
  function commandLine() {
    const at = name.lastIndexOf(':');
    const where = name.startsWith('/')
      ? `-s '${name}'`
      : `-h ${name.slice(0, at).replace(/[[\]]/g, '')} -p ${name.slice(at + 1)}`;
    return `redis-cli ${where} --pipe < redstart.resp`;
  }

  // What is shown.

  let texts = {};
  const t = (english, value = '') => (texts[english] ?? english).replace('{}', value);

  function element(tag, content, properties = {}) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...[content].flat());
    return made;
  }

  function button(label, onclick, properties = {}) {
    return element('button', label, { type: 'button', onclick, ...properties });
  }

  async function show() {
    texts = (await window.redstart.texts()) ?? {};
    const title = isLocal ? t("Back to the server") : t("Continue locally");
    const status = element('p', '', { role: 'status' });
    const buttons = element('p', '', { className: 'buttons' });
    const body = element('div', '');
    const dialog = element('dialog', [element('h2', title, { id: 'server-title' }), body, status, buttons], {
      className: 'server-dialog',
    });
    dialog.setAttribute('aria-labelledby', 'server-title');
    dialog.onclose = () => dialog.remove();
    const say = (words) => { status.textContent = words; };
    const close = button(t("Cancel"), () => dialog.close());
    if (isLocal) fillBack(body, buttons, say);
    else fillAway(body, buttons, say);
    buttons.append(close);
    document.body.append(dialog);
    dialog.showModal();
  }

  function fillAway(body, buttons, say) {
    body.append(element('p', t("Copies all keys of the server at {} into this browser. What you do then happens in this tab alone.", name)));
    const user = element('input', '', { value: 'default', autocomplete: 'username' });
    const password = element('input', '', { type: 'password', autocomplete: 'current-password' });
    const secrets = element('p', [
      element('label', [t("User"), ' ', user]), ' ', element('label', [t("Password"), ' ', password]),
    ], { hidden: true });
    body.append(secrets);
    const ask = (keys) => new Promise((resolve) => {
      say(t("There is an earlier copy with {} keys in this browser. It will be replaced.", keys));
      const replace = button(t("Replace it"), () => {
        replace.remove();
        resolve();
      }, { className: 'main' });
      buttons.prepend(replace);
    });
    const start = button(t("Copy and continue"), async () => {
      start.disabled = true;
      let server = null;
      try {
        server = await serverClient();
        const { client } = server;
        if (!secrets.hidden) await client.command('AUTH', user.value, password.value);
        await client.command('PING');
        await copyToTab(client, (count) => say(t("{} keys copied", count)), ask);
        location.search = `?store=${COPY}`;
      } catch (error) {
        if (error.message.startsWith('NOAUTH')) secrets.hidden = false;
        say(error.message);
        start.disabled = false;
      } finally {
        server?.close();
      }
    }, { className: 'main' });
    buttons.append(start);
  }

  function fillBack(body, buttons, say) {
    const line = commandLine();
    body.append(
      element('p', t("This tab works on a copy of the data of the server at {}. To put the keys of this tab into the server, download them and run this beside the file:", name)),
      element('pre', line, { tabIndex: 0 }),
      element('p', t("Keys that you have deleted here stay on the server.")),
    );
    buttons.append(
      button(t("Download redstart.resp"), async () => {
        try {
          const url = URL.createObjectURL(await commands((count) => say(t("{} keys written", count))));
          element('a', '', { href: url, download: 'redstart.resp' }).click();
          setTimeout(() => URL.revokeObjectURL(url), 60_000);
        } catch (error) {
          say(error.message);
        }
      }),
      button(t("Copy the command"), () => navigator.clipboard.writeText(line).then(() => say(t("Copied")))),
      button(t("Back to the server"), () => { location.search = ''; }, { className: 'main' }),
    );
  }

  const style = element('style', `
    /* It says that the engine runs in this tab. */
    ${isLocal ? '' : '.tagline { display: none; }'}
    .server-dialog { max-width: 34rem; border: 1px solid var(--edge); border-radius: 12px;
      background: var(--surface); color: var(--text); }
    .server-dialog::backdrop { background: rgb(0 0 0 / 40%); }
    .server-dialog :is(p, pre) { margin: 0.75rem 0; }
    .server-dialog pre { overflow-x: auto; padding: 0.6rem; border-radius: 7px; background: var(--raised);
      font: 0.85rem/1.4 var(--mono); }
    .server-dialog .buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; }
    .server-dialog input { font: inherit; font-size: 16px; }
  `);
  document.head.append(style);

  return {
    /** What the page is to take for the engine's worker; nothing once it continues locally. */
    worker: () => (isLocal ? null : new Remote()),
    /** 1 on the server, 2 with a copy of its data in the tab. */
    state: () => (isLocal ? 2 : 1),
    show,
  };
})();
