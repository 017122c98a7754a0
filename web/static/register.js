// The enrolment page: an invited person makes a passkey on their own device. docs/protocol.md §3.

import { show } from "./deception.js";
import { Problem, element, enter, hasPasskeys, offerCopies, post, runner, secret } from "./service.js";

const invite = `Invite ${secret()}`;

const run = runner(fail);

element("register").addEventListener("click", () => run(register));
offerCopies();
run(start);

async function start() {
  if (!hasPasskeys()) return enter("no-webauthn");
  if (!secret()) return enter("invalid-link");
  const asked = await post("/v1/registrations/options", {}, invite);
  show(element("organisation"), asked.organisation.name);
  show(element("person"), `${asked.person.name} <${asked.person.email}>`);
  enter("ready");
}

async function register() {
  enter("signing");
  const { options } = await post("/v1/registrations/options", {}, invite);
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  const signal = AbortSignal.timeout(300_000);
  const made = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey, signal }));
  const { credential } = await post("/v1/registrations", { credential: made.toJSON() }, invite);
  element("kind").textContent = credential.synced
    ? "It is synced: your other devices that share its account can sign with it too."
    : "It is bound to this device or security key, and exists nowhere else.";
  enter("recorded");
}

/** @param {unknown} error */
function fail(error) {
  if (error instanceof Problem && error.status === 401) return enter("invalid-link");
  element("message").textContent =
    error instanceof DOMException
      ? "No passkey was made. Try again; this device may hold one for you already."
      : error instanceof Error
        ? error.message
        : "Something went wrong.";
  enter("ready");
}
