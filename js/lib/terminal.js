// <redstart-terminal>: a terminal of an engine in memory, for pages that explain something.
//
// The element draws itself at once; the engine is loaded when somebody first uses it.

const STYLE = `
  :host {
    color-scheme: light dark;
    --paper: light-dark(#faf6f1, #15181d);
    --ink: light-dark(#2a2522, #e8e3dc);
    --quiet: light-dark(#6b625b, #a39b92);
    --accent: light-dark(#a63a1b, #ff9a6e);
    display: block;
    border: 1px solid light-dark(#d9cfc4, #343a43);
    border-radius: 8px;
    background: var(--paper);
    color: var(--ink);
    font: 14px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
  }
  :host([hidden]) { display: none; }
  .presets { display: flex; flex-wrap: wrap; gap: 6px; padding: 8px 10px 0; margin: 0; list-style: none; }
  button {
    padding: 4px 10px;
    border: 1px solid currentColor;
    border-radius: 6px;
    background: none;
    color: var(--accent);
    font: inherit;
    cursor: pointer;
  }
  .scroll { max-height: var(--redstart-terminal-height, 20em); overflow: auto; padding: 8px 10px; }
  pre { margin: 0; font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; }
  .prompt { color: var(--quiet); }
  .notice { color: var(--quiet); }
  form { display: flex; }
  input {
    flex: 1;
    min-width: 0;
    padding: 0;
    border: 0;
    outline: 0;
    background: none;
    color: inherit;
    /* Smaller than 16 pixels, phones zoom in when it is touched. */
    font: inherit;
  }
  @media (pointer: coarse) { input { font-size: 16px; } }
  :host(:focus-within) { border-color: var(--accent); }
  button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  [role=alert]:empty { display: none; }
  [role=alert] { color: var(--accent); }
`;

const BODY = `
  <ul class="presets" aria-label="Commands to try"></ul>
  <div class="scroll">
    <div role="log" aria-label="Output"></div>
    <p role="alert"></p>
    <form>
      <label class="prompt" for="line">redstart&gt;&nbsp;</label>
      <input id="line" aria-label="Redis command" autocapitalize="off" autocomplete="off" autocorrect="off"
        spellcheck="false" enterkeyhint="send">
    </form>
  </div>
`;

/** Engines by the name that terminals share them under. */
const shared = new Map();

export class RedstartTerminal extends HTMLElement {
  #root = this.attachShadow({ mode: 'open', delegatesFocus: true });
  #shell = null;
  #engine = null;
  #drawn = new Map();
  #history = [];
  #back = 0;

  connectedCallback() {
    if (this.#root.childElementCount > 0) return;
    this.#root.innerHTML = `<style>${STYLE}</style>${BODY}`;
    const commands = this.textContent.split('\n').map((line) => line.trim()).filter((line) => line !== '');
    for (const command of commands) this.#addPreset(command, [command]);
    if (commands.length > 1) this.#addPreset('Run all', commands);
    this.#find('.presets').hidden = commands.length === 0;
    this.#find('form').addEventListener('submit', (event) => {
      event.preventDefault();
      const line = this.#input.value;
      this.#input.value = '';
      if (line.trim() !== '') this.#history.push(line);
      this.#back = 0;
      this.enter(line);
    });
    this.#input.addEventListener('keydown', (event) => this.#pressed(event));
    // So that the engine is there when the line is entered.
    this.#input.addEventListener('focus', () => { this.engine.catch(() => {}); });
    this.#find('.scroll').addEventListener('click', () => {
      if (this.ownerDocument.getSelection().isCollapsed) this.#input.focus();
    });
    if (this.hasAttribute('run')) commands.forEach((command) => this.enter(command));
  }

  /** The engine behind this terminal; asking for it loads it. */
  get engine() {
    this.#engine ??= this.#load();
    return this.#engine;
  }

  /** Enters a line, as if it had been typed. */
  async enter(line) {
    try {
      await this.engine;
      this.#shell.enter(line);
    } catch (error) {
      this.#find('[role=alert]').textContent = `The engine could not be loaded: ${error.message ?? error}`;
      this.#engine = null;
    }
  }

  async #load() {
    const name = this.getAttribute('engine');
    const start = async () => {
      const { open } = await import('./browser.js');
      return open({ wasm: this.getAttribute('wasm') ?? undefined });
    };
    if (name !== null && !shared.has(name)) {
      const started = start();
      shared.set(name, started);
      // What has failed may be tried again.
      started.catch(() => shared.delete(name));
    }
    const engine = await (name === null ? start() : shared.get(name));
    let isDrawing = false;
    this.#shell = engine.shell(() => {
      // Drawn once, however much has come.
      if (isDrawing) return;
      isDrawing = true;
      queueMicrotask(() => {
        isDrawing = false;
        this.#draw();
      });
    });
    this.#find('[role=alert]').textContent = '';
    return engine;
  }

  #draw() {
    const log = this.#find('[role=log]');
    const blocks = this.#shell.blocks();
    const here = new Set(blocks.map((block) => block.id));
    for (const [id, element] of this.#drawn) {
      if (!here.has(id)) {
        element.remove();
        this.#drawn.delete(id);
      }
    }
    for (const { id, kind, prompt, line, text } of blocks) {
      let element = this.#drawn.get(id);
      if (element === undefined) {
        element = document.createElement('pre');
        element.className = kind;
        if (kind === 'command') {
          const mark = document.createElement('span');
          mark.className = 'prompt';
          mark.textContent = prompt;
          element.append(mark, `${line}\n`);
        }
        element.append('');
        this.#drawn.set(id, element);
        log.append(element);
      }
      if (element.lastChild.data !== text) element.lastChild.data = text;
    }
    this.#find('label').textContent = this.#shell.prompt.replace(/ $/, '\u00a0');
    const scroll = this.#find('.scroll');
    scroll.scrollTop = scroll.scrollHeight;
  }

  #pressed(event) {
    const isControl = event.ctrlKey && !event.altKey && !event.metaKey;
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      this.#back += event.key === 'ArrowUp' ? 1 : -1;
      this.#back = Math.max(0, Math.min(this.#back, this.#history.length));
      this.#input.value = this.#history[this.#history.length - this.#back] ?? '';
    } else if (isControl && event.key === 'c' && this.#input.selectionStart === this.#input.selectionEnd) {
      this.#shell?.interrupt();
    } else if (isControl && event.key === 'l') {
      this.enter('CLEAR');
    } else {
      return;
    }
    event.preventDefault();
  }

  #addPreset(text, commands) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = text;
    button.addEventListener('click', () => commands.forEach((command) => this.enter(command)));
    const item = document.createElement('li');
    item.append(button);
    this.#find('.presets').append(item);
  }

  get #input() {
    return this.#find('input');
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }
}

customElements.define('redstart-terminal', RedstartTerminal);
