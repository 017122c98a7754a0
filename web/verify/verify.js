// The page around the verifier: it opens files, and shows every check. It decides nothing itself.
import { judge, shown } from "../../verifiers/cosignet-verify.mjs";

const WORDS = ["Authentic", "False", "Cannot be read", "Consistent, not authenticated"];
const MEANS = [
  "Those whom your trust file names decided exactly this.",
  "Something in it was changed, or never was true. Rely on nothing in it.",
  "This is not evidence, or not a trust file, as Cosignet writes them.",
  "It agrees with itself, and nothing that you trust vouches for it: somebody may have made all of it up.",
];
const MARKS = { passed: "✓", failed: "✗", "not checked": "–", "not reached": "·" };
const LISTS = [
  ["proven", "Proven"],
  ["attested", "Taken from the operator"],
  ["notProven", "Not proven"],
  ["notChecked", "Not checked"],
];
/** @type {Record<string, string>} */
const TERMS = {
  action: "the agent says",
  requester: "asked by",
  created_at: "asked at",
  deadline: "to be decided before",
  valid_until: "valid until",
  execution: "to run only in",
};
/** @type {Record<string, string>} */
const DECIDED = { approve: "approved by", reject: "rejected by" };
const MAX = 4 * 1024 * 1024;

/** @type {{evidence: Uint8Array | null, trust: Uint8Array | null}} */
const given = { evidence: null, trust: null };

/** @param {string} id */
const find = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @param {string} name
 * @param {string} text
 * @param {Record<string, string>} [attributes]
 */
function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

/** @param {string} text */
function complain(text) {
  find("message").textContent = text;
}

async function show() {
  if (given.evidence === null) return;
  const judgement = await judge(given.evidence, given.trust);
  const main = find("main");
  main.dataset.state = "judged";
  main.dataset.exit = String(judgement.exit);
  find("verdict").textContent = WORDS[judgement.exit] + (judgement.decision ? `: ${judgement.decision}` : "");
  find("because").textContent = judgement.check
    ? `${judgement.check}: ${shown(judgement.detail)}. ${MEANS[judgement.exit]}`
    : MEANS[judgement.exit];
  find("outcome").hidden = false;
  find("title").hidden = find("intro").hidden = true;
  showFacts(judgement);
  showLists(judgement);
  showPath(judgement);
  showChecks(judgement);
  offerGuess(judgement);
  find("verdict").focus();
}

/** @param {any} judgement */
function offerGuess({ check, addresses }) {
  const one = addresses === 1;
  // After a check that failed, this one would not be reached.
  find("guess").hidden = addresses === 0 || check !== null;
  find("guess-text").textContent =
    `This approval is public, with the e-mail ${one ? "address" : "addresses"} of who approved it, hashed. ` +
    `Nobody can read ${one ? "it" : "them"}; whoever knows an address can see whether it is ${one ? "this one" : "one of them"}.`;
  find("guess-answer").textContent = "";
}

async function checkGuess() {
  const { evidence, trust } = given;
  if (evidence === null) return;
  const button = /** @type {HTMLButtonElement} */ (find("check-email"));
  const answer = find("guess-answer");
  const email = /** @type {HTMLInputElement} */ (find("email")).value;
  button.disabled = true;
  answer.textContent = "Checking …";
  const judgement = await judge(evidence, trust, { email });
  button.disabled = false;
  // Meanwhile another file may have been opened.
  if (given.evidence !== evidence || given.trust !== trust) return;
  const fits = judgement.checks.some(({ check, state }) => check === "email.expected" && state === "passed");
  answer.dataset.is = fits ? "passed" : "failed";
  answer.textContent = fits
    ? `Yes. The operator says that ${shown(email.trim())} is the address of somebody who approved this, and that a link sent there was opened.`
    : `No. ${shown(email.trim())} is the address of nobody who approved this.`;
  showChecks(judgement);
}

/** @param {any} judgement */
function showFacts({ terms, payload, signers }) {
  const facts = terms ? Object.entries(TERMS).map(([key, name]) => [name, terms[key]]).filter(([, value]) => value) : [];
  if (payload) facts.push(["payload", JSON.stringify(payload, null, 2)]);
  const lines = (/** @type {string} */ text) => text.split("\n").map(shown).join("\n");
  for (const signer of signers) {
    const reason = signer.reason ? `, saying “${signer.reason}”` : "";
    facts.push([DECIDED[signer.decision], `${signer.name || signer.person}${reason}`]);
  }
  const told = facts.flatMap(([name, value]) => [element("dt", name), element("dd", lines(value))]);
  find("facts").replaceChildren(...told);
  find("what").hidden = facts.length === 0;
}

/** @param {any} judgement */
function showLists(judgement) {
  const parts = LISTS.filter(([key]) => judgement[key].length > 0).flatMap(([key, title]) => {
    const list = document.createElement("ul");
    list.append(...judgement[key].map((/** @type {string} */ sentence) => element("li", shown(sentence))));
    return [element("h2", title), list];
  });
  find("said").replaceChildren(...parts);
  find("said").hidden = parts.length === 0;
}

/** @param {any} judgement */
function showPath(judgement) {
  const { path } = judgement;
  find("path").hidden = !path;
  if (!path) return;
  find("path-text").textContent =
    `Leaf ${path.index} of ${path.size}. Each step hashes what is there so far with the hash beside it, up to the root that the log signed.`;
  const leaf = element("li", "", { class: "leaf" });
  leaf.append(element("span", "outcome"), element("code", path.leaf));
  const steps = path.steps.map((/** @type {{side: string, hash: string}} */ step) => {
    const item = element("li", "", { class: step.side });
    item.append(element("span", step.side === "left" ? "with, on its left" : "with, on its right"), element("code", step.hash));
    return item;
  });
  const root = element("li", "", { class: "root" });
  root.append(element("span", "root"), element("code", path.root));
  find("path-steps").replaceChildren(leaf, ...steps, root);
}

/** @param {any} judgement */
function showChecks(judgement) {
  const items = judgement.checks.map((/** @type {{check: string, state: keyof typeof MARKS, says: string}} */ entry) => {
    const item = element("li", "", { "data-check": entry.check, "data-is": entry.state });
    item.append(
      element("b", MARKS[entry.state], { role: "img", "aria-label": entry.state }),
      element("code", entry.check),
      element("span", entry.says),
    );
    return item;
  });
  find("check-list").replaceChildren(...items);
  const count = (/** @type {string} */ state) => judgement.checks.filter((/** @type {any} */ { state: is }) => is === state).length;
  find("checks-summary").textContent = `Every check: ${Object.keys(MARKS)
    .filter((state) => count(state) > 0)
    .map((state) => `${count(state)} ${state}`)
    .join(", ")}`;
  /** @type {HTMLDetailsElement} */ (find("checks")).open = judgement.exit !== 0;
  find("checks").hidden = false;
}

/** @param {File} file */
async function take(file) {
  complain("");
  if (file.size > MAX) return complain(`${file.name} is larger than evidence can be (4 MiB).`);
  const bytes = new Uint8Array(await file.arrayBuffer());
  given[isTrust(bytes) ? "trust" : "evidence"] = bytes;
  if (given.evidence === null) complain("That is a trust file. Now open the evidence.");
  await show();
}

/** @param {Uint8Array} bytes */
function isTrust(bytes) {
  return new TextDecoder().decode(bytes).includes('"cosignet/trust/v1"');
}

/** @param {string} id */
async function fetchPublic(id) {
  const answer = await fetch(`/public/log/entries/${encodeURIComponent(id)}/verification`);
  if (answer.status === 202) return complain("This is not decided yet, or not in the log yet. Look again in a moment.");
  if (!answer.ok) return complain("There is no public evidence of a confirmation with this id here.");
  given.evidence = new Uint8Array(await answer.arrayBuffer());
  await show();
}

function begin() {
  const offline = location.protocol === "file:";
  find("served").textContent = offline ? "from a file of yours" : location.host;
  find("who").textContent = offline
    ? "This page is a file on your device. It is as trustworthy as the place that you got it from."
    : `${location.host} serves this page, and whoever serves a page can make it say anything. To rely on nobody, ` +
      "save it and compare it with the source, or use the command cosignet verify or one of the scripts in verifiers/.";
  for (const id of ["evidence", "trust"]) {
    find(id).addEventListener("change", (event) => {
      const [file] = /** @type {HTMLInputElement} */ (event.target).files ?? [];
      if (file) void take(file);
    });
  }
  find("guess-form").addEventListener("submit", (event) => {
    event.preventDefault();
    void checkGuess();
  });
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])];
    void files.reduce((before, file) => before.then(() => take(file)), Promise.resolve());
  });
  const id = new URLSearchParams(location.search).get("id");
  if (id && !offline) fetchPublic(id).catch(() => complain("The service does not answer. Try again."));
}

begin();
