// The payload as a table that a person can read: every value, whole, with its type; nothing is cut.

import { show } from "./deception.js";

/** @typedef {import("./canonical.js").Json} Json */

/**
 * Fill `list` (a <dl>) with one entry for each value inside `payload`.
 * @param {Element} list @param {Json} payload @returns {boolean} whether anything deceiving was marked
 */
export function showPayload(list, payload) {
  let marked = false;
  for (const [path, value] of leaves(payload, [])) {
    const key = document.createElement("dt");
    path.forEach((name, depth) => {
      const part = document.createElement(depth === path.length - 1 ? "b" : "span");
      marked = show(part, name) || marked;
      key.append(part, " ");
    });
    const shown = document.createElement("dd");
    const [text, type] = describe(value);
    marked = show(shown, text) || marked;
    const label = document.createElement("small");
    label.textContent = type;
    shown.append(label);
    list.append(key, shown);
  }
  return marked;
}

/** @param {Json} value @param {string[]} path @returns {Generator<[string[], Json]>} */
function* leaves(value, path) {
  const inside = value !== null && typeof value === "object" ? Object.entries(value) : [];
  if (!inside.length) yield [path, value];
  for (const [key, item] of inside) {
    yield* leaves(item, [...path, Array.isArray(value) ? `item ${Number(key) + 1}` : key]);
  }
}

/** @param {Json} value @returns {[string, string]} */
function describe(value) {
  if (value === null) return ["nothing", "null"];
  if (typeof value === "boolean") return [value ? "yes" : "no", "yes/no"];
  if (typeof value === "number") return [JSON.stringify(value), "number"];
  if (typeof value === "string") return value ? [value, "text"] : ["(empty)", "text"];
  return ["(empty)", Array.isArray(value) ? "list" : "object"];
}
