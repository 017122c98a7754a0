// The approver's page: shows exactly what will happen, and has it signed. docs/protocol.md §2 and §3.

import { show } from "./deception.js";
import { showPayload } from "./payload.js";
import { showCircumstances, showTime } from "./circumstances.js";
import { Problem, Silence, element, enter, hasPasskeys, post, secret } from "./service.js";
import { Mismatch, checkCeremony, readMatter } from "./terms.js";

/** @typedef {import("./terms.js").Matter} Matter */
/** @typedef {{matter: Matter, you: string}} Shown */

const confirmation = location.pathname.split("/").at(-1) ?? "";
const base = `/v1/approvals/${confirmation}`;

let token = secret();
/** @type {Shown | undefined} */
let shown;
/** @type {{nonce: string, credential: unknown} | undefined} */
let signed;
let seen = false;

/** What a problem means for this page. @type {{[code: string]: string}} */
const STATE_OF = {
  "link.invalid": "invalid-link",
  "policy.approver": "not-approver",
  "approval.not_an_approver": "not-approver",
  "time.deadline": "expired",
};
/** Problems that say something happened meanwhile: reading again shows what. */
const OVERTAKEN = ["decision.final", "vote.person", "time.deadline"];

/** The passkey was not used, and nothing was signed. */
class NotSigned extends Error {}

element("approve").addEventListener("click", () => run(() => decide("approve")));
element("reject").addEventListener("click", () => run(() => decide("reject")));
element("again").addEventListener("click", () => run(submit));
element("sign-in").addEventListener("click", () => run(signIn));
element("copy").addEventListener("click", () => navigator.clipboard.writeText(location.href));
run(start);

async function start() {
  if (!hasPasskeys()) return enter("no-webauthn");
  if (!token) return enter("sign-in");
  await load();
}

/** Read, check and show; nothing is shown that was not checked. */
async function load() {
  const view = await post(`${base}/view`, {}, `Link ${token}`);
  const matter = await readMatter(view, confirmation);
  shown = { matter, you: view.you.id };
  display(matter, view);
  if (view.status !== "pending") return enter(end(view.status));
  if (view.your_vote) return finish(view.status);
  if (!view.may_vote) return enter(STATE_OF[view.why_not] ?? "not-approver");
  enter("ready");
  watch();
}

/** @param {Matter} matter @param {any} view */
function display(matter, view) {
  for (const id of ["action", "note", "requester", "payload", "raw", "claim"]) element(id).replaceChildren();
  const marks = [
    show(element("action"), matter.terms.action ?? ""),
    show(element("note"), matter.note),
    show(element("requester"), matter.terms.requester ?? ""),
    show(element("claim"), view.claim),
    showPayload(element("payload"), matter.payload),
    show(element("raw"), matter.payloadText),
  ];
  element("note-part").hidden = !matter.note;
  element("claim-part").hidden = !view.claim;
  element("deceiving").hidden = !marks.includes(true);
  showCircumstances(matter, view);
  element("verified").hidden = false;
}

/** Unlock the buttons once the end of what is shown has been on the screen. */
function watch() {
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    seen = true;
    lock(false);
    element("unseen").hidden = true;
  }).observe(element("end"));
  const timer = setInterval(() => {
    const left = shown && showTime(shown.matter.terms.deadline ?? "");
    if (!left || left <= 0) clearInterval(timer);
  }, 1000);
}

/** @param {"approve" | "reject"} decision */
async function decide(decision) {
  if (!shown || !seen) return;
  signed = undefined;
  lock(true);
  const reason = /** @type {HTMLTextAreaElement} */ (element("reason")).value.trim();
  enter("signing");
  const issued = await post(`${base}/ceremonies`, { decision, reason }, `Link ${token}`);
  // Before anything is signed: both halves of the challenge, from what was shown and what was touched.
  await checkCeremony(shown.matter, issued, shown.you, decision, reason);
  signed = { nonce: issued.nonce, credential: await ask(issued.options) };
  await submit();
}

async function submit() {
  enter("signing");
  const answer = await post(`${base}/votes`, signed, `Link ${token}`);
  finish(answer.status);
}

async function signIn() {
  const { options } = await post(`${base}/sign-in/options`, {});
  const answer = await post(`${base}/sign-in`, { credential: await ask(options) });
  token = answer.token;
  await load();
}

/** Ask for the passkey, always with user verification, and so that a request can be given up. @param {any} options */
async function ask(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({ ...options, userVerification: "required" });
  const signal = AbortSignal.timeout(300_000);
  const credential = await navigator.credentials.get({ publicKey, signal }).catch(() => {
    throw new NotSigned();
  });
  return /** @type {PublicKeyCredential} */ (credential).toJSON();
}

/** @param {string} status */
function finish(status) {
  element("outcome").textContent =
    status === "pending" ? "Your vote is recorded. It waits for the others." : `Your vote is recorded: ${status}.`;
  enter("recorded");
}

/** @param {string} status */
function end(status) {
  element("ended").textContent = `This request was ${status}.`;
  return status === "expired" || status === "cancelled" ? status : "decided";
}

/** Run a step; every way it can fail has a state of its own. @param {() => Promise<unknown>} step */
async function run(step) {
  element("message").textContent = "";
  try {
    await step();
  } catch (error) {
    fail(error);
  }
}

/** @param {unknown} error */
function fail(error) {
  if (error instanceof Problem) return refuse(error);
  if (error instanceof Silence) return signed ? enter("retry") : stay("error", error.message);
  if (error instanceof NotSigned) {
    const why = "Nothing was signed. The passkey was not used: try again, or use the device that holds it.";
    return stay(shown ? "ready" : "sign-in", why);
  }
  element("mismatch").textContent = error instanceof Mismatch ? error.message : "What the service sent cannot be read.";
  enter("mismatch");
}

/** @param {Problem} problem */
function refuse(problem) {
  signed = undefined;
  if (shown && OVERTAKEN.includes(problem.code)) return run(load);
  const state = STATE_OF[problem.code];
  if (state) return enter(state);
  stay(shown ? "ready" : token ? "error" : "sign-in", `${problem.message} (${problem.code})`);
}

/** @param {string} state @param {string} message */
function stay(state, message) {
  element("message").textContent = message;
  lock(!seen);
  enter(state);
}

/** @param {boolean} locked */
function lock(locked) {
  for (const id of ["approve", "reject"]) /** @type {HTMLButtonElement} */ (element(id)).disabled = locked;
}
