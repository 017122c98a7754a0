// The approver's page: shows exactly what will happen, and has it signed. docs/protocol.md §2 and §3.

import { show } from "./deception.js";
import { showPayload } from "./payload.js";
import { showCircumstances, showTime } from "./circumstances.js";
import { Problem, Silence, element, enter, hasPasskeys, offerCopies, post, runner, secret } from "./service.js";
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
let over = false;

/** What a problem means for this page. @type {{[code: string]: string}} */
const STATE_OF = {
  "link.invalid": "invalid-link",
  "approval.not_an_approver": "not-approver",
  "time.deadline": "expired",
};
/** Why somebody cannot vote. @type {{[code: string]: string}} */
const WHY = {
  "policy.approver": "Its policy does not let you, or not yet.",
  "ceremony.no_passkey": "You have no passkey that it accepts.",
  "vote.person": "Whoever you stand in for has voted already.",
  "email.unverified": "Not yet. A hash of your e-mail address would become public, so it has to be known that mail reaches you: " +
    "open the link in the message that you were sent.",
};
/** Problems that say something happened meanwhile: reading again shows what. */
const OVERTAKEN = ["decision.final", "vote.person", "time.deadline"];

/** The passkey was not used, and nothing was signed. */
class NotSigned extends Error {}

const run = runner(fail);
element("approve").addEventListener("click", () => run(() => decide("approve")));
element("reject").addEventListener("click", () => run(() => decide("reject")));
element("again").addEventListener("click", () => run(submit));
element("sign-in").addEventListener("click", () => run(signIn));
element("reload").addEventListener("click", () => run(start));
element("elsewhere").addEventListener("click", () => run(lookElsewhere));
element("back").addEventListener("click", () => run(() => enter(resting())));
offerCopies();
setInterval(tick, 1000);
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
  if (!view.may_vote) return refuseVote(view.why_not);
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
  showPublicity(matter, view.status);
  element("deceiving").hidden = !marks.includes(true);
  showCircumstances(matter, view);
  element("verified").hidden = false;
}

/**
 * What would be public is said by what is signed, and by the button that signs it.
 * @param {Matter} matter @param {string} status
 */
function showPublicity(matter, status) {
  const revealed = matter.terms.reveal !== "no";
  element("public").hidden = !revealed || !["pending", "approved"].includes(status);
  element("approve").textContent = revealed ? "Approve and publish" : "Approve";
  element("reason-label").textContent = `Reason, for ${revealed ? "everybody to read" : "the one who asks"} (optional)`;
}

/** Unlock the buttons once the end of what is shown has been on the screen, above the bar that they stand in. */
function watch() {
  const rootMargin = `0px 0px -${element("bar").offsetHeight}px`;
  const see = (/** @type {IntersectionObserverEntry[]} */ entries, /** @type {IntersectionObserver} */ observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    seen = true;
    lock(false);
  };
  new IntersectionObserver(see, { rootMargin }).observe(element("end"));
}

/** When the time runs out while somebody reads, read again: the service says what became of it. */
function tick() {
  if (!shown) return;
  const before = over;
  over = showTime(shown.matter.terms.deadline ?? "") <= 0;
  if (over && !before && element("main").dataset.state === "ready") run(load);
}

/** @param {"approve" | "reject"} decision */
async function decide(decision) {
  if (!shown || !seen) return;
  signed = undefined;
  lock(true);
  const reason = /** @type {HTMLTextAreaElement} */ (element("reason")).value.trim();
  proceed("Preparing what you will sign …");
  const issued = await post(`${base}/ceremonies`, { decision, reason }, `Link ${token}`);
  // Before anything is signed: both halves of the challenge, from what was shown and what was touched.
  await checkCeremony(shown.matter, issued, shown.you, decision, reason);
  proceed("Waiting for your passkey …");
  signed = { nonce: issued.nonce, credential: await ask(issued.options) };
  await submit();
}

async function submit() {
  proceed("Recording your signature …");
  const answer = await post(`${base}/votes`, signed, `Link ${token}`);
  finish(answer.status);
}

/** @param {string} step */
function proceed(step) {
  element("step").textContent = step;
  enter("signing");
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
  if (shown) showPublicity(shown.matter, status);
  element("outcome").textContent =
    status === "pending" ? "Your vote is recorded. It waits for the others." : `${status}. Your signature is recorded.`;
  element("outcome").dataset.outcome = status;
  enter("recorded");
}

/** @param {string} status */
function end(status) {
  element("ended").textContent = `This request ${status === "expired" ? "has" : "was"} ${status}.`;
  element("ended").dataset.outcome = status;
  return status === "expired" || status === "cancelled" ? status : "decided";
}

/** @param {string} code */
function refuseVote(code) {
  element("why-not").textContent = WHY[code] ?? "";
  enter(STATE_OF[code] ?? "not-approver");
}

/** Every way a step can fail has a state of its own. @param {unknown} error */
function fail(error) {
  if (error instanceof Problem) return refuse(error);
  if (error instanceof Silence) return signed ? enter("retry") : stay(`${error.message} Nothing was signed: try again.`);
  if (error instanceof NotSigned) {
    element("elsewhere").hidden = false;
    return stay("Nothing was signed: the passkey was not used.");
  }
  element("mismatch").textContent = error instanceof Mismatch ? error.message : "What the service sent cannot be read.";
  enter("mismatch");
}

/** @param {Problem} problem */
function refuse(problem) {
  signed = undefined;
  if (shown && OVERTAKEN.includes(problem.code)) return run(load);
  if (problem.code in STATE_OF || problem.code in WHY) return refuseVote(problem.code);
  stay(`${problem.message} (${problem.code})`);
}

/** Help for whoever has their passkey on another device, with the way back in sight and in focus. */
function lookElsewhere() {
  enter("elsewhere");
  element("back").focus();
}

/** The state in which somebody can try again. */
const resting = () => (shown ? "ready" : token ? "error" : "sign-in");

/** @param {string} message */
function stay(message) {
  element("message").textContent = message;
  lock(!seen);
  enter(resting());
}

/** @param {boolean} locked */
function lock(locked) {
  for (const id of ["approve", "reject"]) /** @type {HTMLButtonElement} */ (element(id)).disabled = locked;
  element("unseen").hidden = seen;
}
