import { Redstart } from './index.js';

/**
 * `<redstart-terminal>`: a terminal of an engine in memory, for pages that explain something. Each line of
 * its text is a command to try, shown as a button. Importing this module defines the element.
 *
 * Attributes: `run` runs these commands at once; terminals with the same `engine` share their data; `wasm`
 * says where the program is. The custom property `--redstart-terminal-height` limits its height.
 */
export class RedstartTerminal extends HTMLElement {
  /** The engine behind this terminal; asking for it loads it. */
  readonly engine: Promise<Redstart>;
  /** Enters a line, as if it had been typed. */
  enter(line: string): Promise<void>;
}

declare global {
  interface HTMLElementTagNameMap {
    'redstart-terminal': RedstartTerminal;
  }
}
