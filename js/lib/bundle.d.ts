/** What stands for Node's modules in a page: for esbuild's option `alias`, or Vite's `resolve.alias`. */
export const alias: Record<string, string>;
/** Node's globals: for esbuild's option `inject`. */
export const inject: string[];
/** For esbuild's option `define`. */
export const define: Record<string, string>;
