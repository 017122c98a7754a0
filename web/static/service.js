// The service, as these pages speak to it: JSON, and problems (RFC 9457) as errors.

/** The service refused, and says why: `code` is stable, the message is for people. */
export class Problem extends Error {
  /** @param {number} status @param {string} code @param {string} detail */
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** No answer that could be understood: nothing is known about what became of the request. */
export class Silence extends Error {}

/**
 * POST `body` and return the answer's JSON. Throws `Problem` or `Silence`.
 * @param {string} path @param {unknown} body @param {string} [authorization]
 */
export async function post(path, body, authorization) {
  const headers = { "Content-Type": "application/json", ...(authorization && { Authorization: authorization }) };
  let answer, value;
  try {
    answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body), credentials: "omit" });
    value = await answer.json();
  } catch {
    throw new Silence("The service did not answer.");
  }
  if (answer.ok) return value;
  if (answer.status >= 500 || typeof value.code !== "string") throw new Silence("The service cannot answer right now.");
  throw new Problem(answer.status, value.code, String(value.detail));
}

/** The secret in this page's link, which browsers never send to a server. */
export const secret = () => location.hash.slice(1);

/** @param {string} id @template {HTMLElement} T @returns {T} */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element ${id}`);
  return /** @type {T} */ (found);
}

/** Show one of the page's states; its parts are those whose `data-in` names it. @param {string} state */
export function enter(state) {
  const main = element("main");
  main.dataset.state = state;
  for (const part of /** @type {NodeListOf<HTMLElement>} */ (main.querySelectorAll("[data-in]"))) {
    part.hidden = !part.dataset.in?.split(" ").includes(state);
  }
  // What ends the matter stands at the top; the buttons, and what is said about them, at the bottom.
  if (!["ready", "signing", "retry", "elsewhere"].includes(state)) scrollTo(0, 0);
}

/** A runner of steps: clears the message first, and gives every failure to `fail`. @param {(error: unknown) => void} fail */
export const runner = (fail) => (/** @type {() => unknown} */ step) => {
  element("message").textContent = "";
  return Promise.resolve().then(step).catch(fail);
};

/** Make every button that offers it copy this page's address. */
export function offerCopies() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(location.href);
      button.textContent = "Copied";
    });
  }
}

/** Whether this browser can use passkeys on this page. */
export const hasPasskeys = () => "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
