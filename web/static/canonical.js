// RFC 8785 (JCS): one text for one value. docs/protocol.md §1.

/** @typedef {null | boolean | number | string | Json[] | {[key: string]: Json}} Json */

const LARGEST = Number.MAX_SAFE_INTEGER;

/** The canonical text. Throws for what the payload profile refuses. @param {Json} value @returns {string} */
export function canonicalise(value) {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return number(value);
  if (typeof value === "string") return string(value);
  if (Array.isArray(value)) return `[${value.map(canonicalise).join(",")}]`;
  const members = Object.keys(value).sort().map((key) => `${string(key)}:${canonicalise(value[key])}`);
  return `{${members.join(",")}}`;
}

/** Parse a text that must be canonical: duplicate keys or rounded numbers do not survive. @param {string} text */
export function parse(text) {
  const value = /** @type {Json} */ (JSON.parse(text));
  if (canonicalise(value) !== text) throw new Error("not canonical JSON");
  return value;
}

/** @param {number} value */
function number(value) {
  if (!(Math.abs(value) <= LARGEST)) throw new Error("a number beyond 2^53 - 1");
  return JSON.stringify(value);
}

/** @param {string} value */
function string(value) {
  if (!value.isWellFormed()) throw new Error("a lone surrogate");
  return JSON.stringify(value);
}
