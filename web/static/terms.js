// What would be signed, taken apart and checked: the page shows nothing that these bytes do not say.
// docs/protocol.md §2 and §4.

import { parse } from "./canonical.js";
import { fromBase64url, fromUtf8, hashText, sha256, toBase64url, toUtf8 } from "./encoding.js";

/** @typedef {import("./canonical.js").Json} Json */
/** @typedef {{[key: string]: string}} Flat */
/** @typedef {{approvers: string[], threshold: number, veto: boolean, exclude: string[],
 *   fallback: {after: number, approvers: string[]}[], delegates: {[id: string]: string[]}}} Policy */
/** @typedef {{terms: Flat, policy: Policy, payload: Json, payloadText: string, note: string,
 *   termsHash: string, payloadHash: Uint8Array}} Matter */

const TERMS = ["v", "confirmation", "audience", "organisation", "requester", "action", "note", "payload", "policy",
  "created_at", "deadline", "valid_until", "reveal", "execution"];
const CONTEXT = ["v", "terms", "approver", "for", "decision", "reason", "issued_at", "head", "random"];

/** Something that is shown, touched or signed is not what it should be. */
export class Mismatch extends Error {}

/** @param {boolean} holds @param {string} what */
function require(holds, what) {
  if (!holds) throw new Mismatch(what);
}

/**
 * Check that terms, payload, policy and note belong together and to this page.
 * @param {{terms: string, payload_bytes: string, policy: string, note: string}} served @param {string} confirmation
 * @returns {Promise<Matter>}
 */
export async function readMatter(served, confirmation) {
  const terms = flat(served.terms, TERMS, "cosignet/terms/v1");
  const payloadBytes = fromBase64url(served.payload_bytes);
  const payloadHash = await sha256(payloadBytes);
  require(terms.confirmation === confirmation, "These terms are those of another confirmation.");
  require(toBase64url(payloadHash) === terms.payload, "The payload is not the one that would be signed.");
  require((await hash(served.policy)) === terms.policy, "The policy is not the one that would be signed.");
  require((await hashText(served.note)) === terms.note, "The note is not the one that would be signed.");
  const payloadText = fromUtf8(payloadBytes);
  const policy = /** @type {any} */ (parse(fromUtf8(fromBase64url(served.policy))));
  const termsHash = await hash(served.terms);
  return { terms, policy, payload: parse(payloadText), payloadText, note: served.note, termsHash, payloadHash };
}

/**
 * Check that what the service asks to sign is what was shown and touched, and return the challenge.
 * @param {Matter} matter @param {{context: string, nonce: string, options: {challenge: string, rpId: string}}} issued
 * @param {string} you @param {string} decision @param {string} reason
 */
export async function checkCeremony(matter, issued, you, decision, reason) {
  const context = flat(issued.context, CONTEXT, "cosignet/context/v1");
  require(context.terms === matter.termsHash, "The service asks to sign other terms than those shown.");
  require(context.approver === you, "The service asks you to sign for somebody else.");
  require(context.decision === decision, "The service asks to sign the opposite of what you touched.");
  require(context.reason === (await hashText(reason)), "The service asks to sign another reason.");
  require(!context.for || standsInFor(matter.policy, you).includes(context.for), "You do not stand in for this person.");
  require(issued.options.rpId === matter.terms.audience, "The service asks for a passkey of another site.");
  const prefix = toUtf8("cosignet/context/v1\0");
  const nonce = await sha256(join(prefix, fromBase64url(issued.context)));
  require(toBase64url(nonce) === issued.nonce, "The nonce is not the one of this context.");
  const challenge = toBase64url(join(nonce, matter.payloadHash));
  require(challenge === issued.options.challenge, "The challenge is not the one of what is shown.");
}

/** The people whose vote `you` may cast in their place. @param {Policy} policy @param {string} you */
export const standsInFor = (policy, you) =>
  Object.keys(policy.delegates).filter((seat) => policy.delegates[seat]?.includes(you));

/** @param {string} text @param {string[]} keys @param {string} version @returns {Flat} */
function flat(text, keys, version) {
  const value = /** @type {any} */ (parse(fromUtf8(fromBase64url(text))));
  require(Object.keys(value).sort().join() === [...keys].sort().join(), "The signed object has unknown parts.");
  require(Object.values(value).every((item) => typeof item === "string"), "The signed object has parts of a wrong type.");
  require(value.v === version, "The signed object is of another version.");
  return value;
}

/** @param {string} text base64url */
const hash = async (text) => toBase64url(await sha256(fromBase64url(text)));

/** @param {Uint8Array} first @param {Uint8Array} second */
const join = (first, second) => Uint8Array.from([...first, ...second]);
