// What a link of a shared session is made of, in the browser's own words: compressed bytes as letters that an
// address may have, and back. It is loaded when somebody shares a session or opens one.

const base64url = { '+': '-', '/': '_', '=': '' };
const LETTERS = /^[A-Za-z0-9_-]+$/;

/** Bytes, compressed; null where the browser cannot. */
export async function pack(bytes) {
  if (!globalThis.CompressionStream) return null;
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** What `pack` has packed, or in one word why not: `none` where the browser cannot, `much` if it is more
 * than so many bytes (it is not unpacked any further then), `broken`. */
export async function unpack(bytes, most) {
  if (!globalThis.DecompressionStream) return 'none';
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const parts = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.length;
      if (length > most) {
        reader.cancel().catch(() => {});
        return 'much';
      }
      parts.push(value);
    }
  } catch {
    return 'broken';
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Bytes as letters. */
export function encode(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(text).replace(/[+/=]/g, (letter) => base64url[letter]);
}

/** The bytes that letters stand for; none if they stand for none. */
export function decode(text) {
  try {
    if (!LETTERS.test(text)) return new Uint8Array();
    return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** Puts a text into the clipboard; whether the browser has let us. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
