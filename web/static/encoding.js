// How bytes are written as text, and hashed. docs/protocol.md, "Conventions".

/** @param {Uint8Array} bytes */
export function toBase64url(bytes) {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Decode strictly: throws for every text that `toBase64url` would not write. @param {string} text */
export function fromBase64url(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  if (toBase64url(bytes) !== text) throw new Error("not canonical base64url");
  return bytes;
}

/** @param {string} text */
export const toUtf8 = (text) => new TextEncoder().encode(text);

/** @param {Uint8Array} bytes */
export const fromUtf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** @param {Uint8Array<ArrayBuffer>} bytes */
export const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

/** SHA-256 of a text in base64url; empty for an empty text. @param {string} text */
export const hashText = async (text) => (text ? toBase64url(await sha256(toUtf8(text))) : "");
