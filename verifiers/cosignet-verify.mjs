/**
 * cosignet-verify: checks a Cosignet evidence document, without Cosignet, without a network and without any library.
 *
 *   node cosignet-verify.mjs EVIDENCE... [--trust TRUST] [--payload FILE] [--now TIME|now] [--email ADDRESS] [--json]
 *
 * As an ES module it exports judge(evidence, trust, {expectedPayload, now, email}), for web pages and other programs.
 *
 * Exit status, the worst of several documents (worst first: 1, 2, 3, 0):
 *   0  authentic: it agrees with itself, and the trust file vouches for it
 *   1  false: it contradicts itself or something trusted, or is not of this payload, no longer valid or of nobody with
 *      this e-mail address
 *   2  unreadable: the evidence, the trust file or what was asked for is not in the form that the protocol asks for
 *   3  consistent and not authenticated: anybody could have made it; without a trust file nothing is better
 *
 * It was written from the protocol's text (docs/protocol.md) and follows its sections in their order; "§" are those.
 * Every refusal is a Refusal with the name of the check that failed. What is read is public, so nothing here tries to
 * take the same time whatever the data are. It runs on what Node 20 and browsers share: crypto.subtle, BigInt,
 * TextDecoder. ML-DSA-44, which they lack, is in §6.
 *
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 * @typedef {(value: any) => string} Shape  what is wrong with a value, and where: "" for nothing
 * @typedef {{check: string, state: "passed"|"failed"|"not checked"|"not reached", says: string, stage: string}} Check
 * @typedef {{person: string, for: string, name: string|null, decision: string, reason: string, credential: string,
 *   synced: boolean, standing: string|null, after: number}} Signer
 * @typedef {{leaf: string, index: number, size: number, root: string,
 *   steps: {side: "left"|"right", hash: string}[]}} Path  from the outcome's leaf hash to the root, all in base64url
 * @typedef {{exit: 0|1|2|3, check: string|null, detail: string, decision: string|null, signers: Signer[],
 *   level: string|null, after: {size: number}|null, before: {by: string, time: string, height?: string}|null,
 *   checks: Check[], proven: string[], attested: string[], notProven: string[], notChecked: string[],
 *   path: Path|null, addresses: number, terms: any, payload: any}} Verdict  `addresses`: how many the outcome hashes
 * @typedef {{expectedPayload: Uint8Array|null, now: string|null, email: string|null}} Question  null for what is not
 *   asked
 */

// ---------------------------------------------------------------------------------------------------- Conventions

/** The one error of this program. `row` is the check's name, after a word where a name alone is ambiguous. */
class Refusal extends Error {
  /** @param {string} row @param {string} detail */
  constructor(row, detail) {
    super(detail.slice(0, 300));
    this.row = row;
    this.check = nameOf(row);
  }
}

/** @param {string} row */
const nameOf = (row) => row.slice(row.lastIndexOf(" ") + 1);

/** @param {unknown} condition @param {string} row @param {string} detail @returns {asserts condition} */
function need(condition, row, detail) {
  if (!condition) throw new Refusal(row, detail);
}

/** @param {string} text @returns {Bytes} */
const utf8 = (text) => new TextEncoder().encode(text);

/** @param {Bytes} bytes @param {string} row */
function fromUtf8(bytes, row) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refusal(row, "it is not UTF-8");
  }
}

/** @param {...Bytes} parts */
function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Bytes} a @param {Bytes} b */
const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
/** @param {Bytes} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
/** Big-endian. @param {Bytes} bytes */
const bigEndian = (bytes) => BigInt(`0x${hex(bytes)}`);
/** @param {...Bytes} parts */
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
/** @param {...Bytes} parts */
const hash64 = async (...parts) => toBase64url(await sha256(...parts));

/** @param {Bytes} bytes */
function toBase64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(binary);
}

/** Encoding again is what leaves one spelling: atob alone passes over white space, missing padding and loose bits.
 * @param {string} text @returns {Bytes|null} */
function fromBase64(text) {
  try {
    const binary = atob(text);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return toBase64(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}

/** @param {Bytes} bytes */
const toBase64url = (bytes) => toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** @param {string} text @returns {Bytes|null} */
function decodeBase64url(text) {
  if (/[^A-Za-z0-9_-]/.test(text)) return null;
  const padding = "=".repeat((4 - (text.length % 4)) % 4);
  return fromBase64(text.replaceAll("-", "+").replaceAll("_", "/") + padding);
}

/** Of text whose shape has been checked. @param {string} text */
const unbase64url = (text) => /** @type {Bytes} */ (decodeBase64url(text));

/** Seconds since 1970, or null for what is no time. @param {unknown} text */
function instant(text) {
  if (typeof text !== "string" || !/^[1-9]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text)) return null;
  const milliseconds = Date.parse(text);
  // Date.parse reads the 30th of February as a day of March.
  if (Number.isNaN(milliseconds) || new Date(milliseconds).toISOString() !== text.replace("Z", ".000Z")) return null;
  return milliseconds / 1000;
}

/** Of text whose shape has been checked. @param {string} text */
const seconds = (text) => /** @type {number} */ (instant(text));

/** Cosignatures have 64 bits for their time, more than a calendar has. @param {bigint} time */
const timeText = (time) =>
  time < 253402300800n ? new Date(Number(time) * 1000).toISOString().replace(".000", "") : `second ${time} after 1970`;

/** Reads bytes from the first to the last. */
class ByteReader {
  /** @param {Bytes} bytes @param {string} row @param {string} detail  of the refusal when there are too few */
  constructor(bytes, row, detail) {
    this.bytes = bytes;
    this.at = 0;
    this.refusal = { row, detail };
  }

  /** @param {unknown} condition @param {string} [detail] */
  expect(condition, detail = this.refusal.detail) {
    need(condition, this.refusal.row, detail);
  }

  /** @param {bigint|number} length */
  take(length) {
    this.expect(length <= this.bytes.length - this.at);
    return this.bytes.slice(this.at, (this.at += Number(length)));
  }

  atEnd() {
    return this.at === this.bytes.length;
  }
}

// Shapes: what "exactly the keys listed" and the tables of the protocol ask of a parsed value.

/** @param {any} value */
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** @param {Record<string, Shape>} members @returns {Shape} */
const object = (members) => (value) => {
  if (!isObject(value)) return " is not an object";
  const odd = Object.keys(value).find((key) => !Object.hasOwn(members, key));
  if (odd !== undefined) return ` has the unknown key ${JSON.stringify(odd.slice(0, 40))}`;
  for (const [key, shape] of Object.entries(members)) {
    const problem = key in value ? shape(value[key]) : " is missing";
    if (problem) return `.${key}${problem}`;
  }
  return "";
};

/** @param {Shape} shape @param {number} [min] @param {number} [max] @returns {Shape} */
const listOf = (shape, min = 0, max = Infinity) => (value) => {
  if (!Array.isArray(value)) return " is not a list";
  if (value.length < min || value.length > max) return ` has ${value.length} entries`;
  for (const [i, entry] of value.entries()) {
    const problem = shape(entry); // asked once: asking again for the words doubles with every endorsement within one
    if (problem) return `[${i}]${problem}`;
  }
  return "";
};

/** @param {Shape} shape @param {number} [min] @param {number} [max] @returns {Shape} */
const setOf = (shape, min, max) => (value) =>
  listOf(shape, min, max)(value) || (new Set(value).size < value.length ? " has an entry twice" : "");

/** @param {Shape} key @param {Shape} shape @param {number} [max] @returns {Shape} */
const mapOf = (key, shape, max = Infinity) => (value) => {
  if (!isObject(value)) return " is not an object";
  const names = Object.keys(value);
  if (names.length > max) return ` has ${names.length} entries`;
  for (const name of names) {
    const problem = key(name) || shape(value[name]);
    if (problem) return `.${name.slice(0, 80)}${problem}`;
  }
  return "";
};

/** @param {number} [min] @param {number} [max] @returns {Shape} */
const text = (min = 0, max = Infinity) => (value) => {
  if (typeof value !== "string") return " is not a text";
  const length = max === Infinity || value.length > 2 * max ? value.length : Array.from(value).length;
  return length < min || length > max ? ` has ${length} characters` : "";
};

/** @param {number} [min] @param {number} [max] @returns {Shape} */
const base64url = (min = 0, max = Infinity) => (value) => {
  const bytes = typeof value === "string" ? decodeBase64url(value) : null;
  if (!bytes) return " is not base64url";
  return bytes.length < min || bytes.length > max ? ` has ${bytes.length} bytes` : "";
};

/** @param {number} min @returns {Shape} */
const whole = (min) => (value) => (Number.isSafeInteger(value) && value >= min ? "" : ` is no whole number >= ${min}`);
/** @param {...(string|number)} values @returns {Shape} */
const oneOf = (...values) => (value) => (values.includes(value) ? "" : ` is not ${values.join(" or ")}`);
/** @param {RegExp} pattern @param {string} what @returns {Shape} */
const like = (pattern, what) => (value) => (typeof value === "string" && pattern.test(value) ? "" : ` is not ${what}`);
/** @param {Shape} shape @param {any} empty @returns {Shape} */
const either = (empty, shape) => (value) => (value === empty ? "" : shape(value));
/** @type {Shape} */
const boolean = (value) => (typeof value === "boolean" ? "" : " is not a boolean");
/** @type {Shape} */
const time = (value) => (instant(value) === null ? " is not a time" : "");
const hash = base64url(32, 32);
const person = text(1, 64);

// ------------------------------------------------------------------------------------------------------ §1 Payload

const DEEPEST = 32;
const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const NOT_FINITE = /NaN|-?Infinity/y;
const HALF_PAIR = /\p{Cs}/u;
const CONTROL = /[\0-\x1f\x7f]/;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** JSON.parse keeps the last of two equal keys and says nothing, so this reads JSON by itself. */
class JsonReader {
  /** @param {string} source @param {boolean} strict  whether the rules of §1 for numbers and surrogates hold */
  constructor(source, strict) {
    this.source = source;
    this.strict = strict;
    this.at = 0;
  }

  /** @param {RegExp} pattern  a sticky one */
  take(pattern) {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  /** @param {string} mark */
  mark(mark) {
    this.take(SPACE);
    const found = this.source[this.at] === mark;
    if (found) this.at++;
    return found;
  }

  /** @param {unknown} condition @returns {asserts condition} */
  expect(condition) {
    need(condition, "payload.not_json", `it is not JSON at character ${this.at}`);
  }

  document() {
    const value = this.value(0);
    this.take(SPACE);
    this.expect(this.at === this.source.length);
    return value;
  }

  /** @param {number} depth @returns {any} */
  value(depth) {
    need(depth <= DEEPEST, "payload.depth", `it has a value deeper than ${DEEPEST}`);
    if (this.mark("{")) return this.object(depth + 1);
    if (this.mark("[")) return this.list(depth + 1);
    if (this.mark('"')) return this.string();
    const word = this.take(WORD);
    if (word) return word === "null" ? null : word === "true";
    need(!this.take(NOT_FINITE), "payload.not_finite", "it holds NaN or Infinity");
    return this.number();
  }

  /** @param {string} close @param {() => void} member */
  members(close, member) {
    if (this.mark(close)) return;
    do member();
    while (this.mark(","));
    this.expect(this.mark(close));
  }

  /** @param {number} depth */
  object(depth) {
    /** @type {Record<string, any>} */
    const value = Object.create(null); // so that "__proto__" is a key like any other
    this.members("}", () => {
      this.expect(this.mark('"'));
      const key = this.string();
      need(!(key in value), "payload.duplicate_key", `it has the key ${JSON.stringify(key.slice(0, 40))} twice`);
      this.expect(this.mark(":"));
      value[key] = this.value(depth);
    });
    return value;
  }

  /** @param {number} depth */
  list(depth) {
    /** @type {any[]} */
    const value = [];
    this.members("]", () => value.push(this.value(depth)));
    return value;
  }

  string() {
    let value = "";
    let from = this.at;
    for (;;) {
      const code = this.source.charCodeAt(this.at);
      if (!(code >= 0x20)) this.expect(false); // as well for NaN, the end of the source
      if (code === 0x22) break;
      if (code === 0x5c) {
        value += this.source.slice(from, this.at);
        const escape = this.take(ESCAPE);
        this.expect(escape);
        value += JSON.parse(`"${escape}"`);
        from = this.at;
      } else this.at++;
    }
    value += this.source.slice(from, this.at++);
    need(!this.strict || !HALF_PAIR.test(value), "payload.surrogate", "it holds half of a surrogate pair");
    return value;
  }

  number() {
    const digits = this.take(NUMBER);
    this.expect(digits);
    const value = Number(digits);
    const inRange = Math.abs(value) <= Number.MAX_SAFE_INTEGER;
    need(!this.strict || inRange, "payload.number_range", "it holds a number beyond 2^53 - 1");
    return value;
  }
}

/** @param {Bytes} bytes @param {boolean} [strict] */
const parse = (bytes, strict = true) => new JsonReader(fromUtf8(bytes, "payload.not_json"), strict).document();

/** JCS (RFC 8785): JavaScript's own spelling of numbers and texts, and its own order of texts. @param {any} value
 * @returns {string} */
function canonicalise(value) {
  if (Array.isArray(value)) return `[${value.map(canonicalise).join()}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonicalise(value[key])}`);
  return `{${members.join()}}`;
}

/** @param {Bytes} bytes @returns {{value: any, canonical: Bytes}} */
function readPayload(bytes) {
  const value = parse(bytes);
  need(isObject(value), "payload.not_object", "it is not an object");
  const canonical = utf8(canonicalise(value));
  need(canonical.length <= 65536, "payload.size", `it has ${canonical.length} bytes in canonical form`);
  return { value, canonical };
}

/** Whatever is wrong with it is one check. @param {Bytes} bytes @param {string} row @param {Shape} shape */
function readCanonical(bytes, row, shape) {
  const value = readAs(bytes, row);
  need(equal(utf8(canonicalise(value)), bytes), row, "it is not in canonical form");
  const problem = shape(value);
  need(!problem, row, `it${problem}`);
  return value;
}

/** @param {Bytes} bytes @param {string} row @param {boolean} [strict] */
function readAs(bytes, row, strict) {
  try {
    return parse(bytes, strict);
  } catch (error) {
    throw new Refusal(row, /** @type {Error} */ (error).message);
  }
}

// ------------------------------------------------------------------------------- §2 Terms, context, nonce, challenge

const TERMS = object({
  v: oneOf("cosignet/terms/v1"), confirmation: text(1, 500), audience: text(1, 500), organisation: text(1, 500),
  requester: text(1, 500), action: text(1, 200), note: either("", hash), payload: hash, policy: hash, created_at: time,
  deadline: time, valid_until: time, reveal: oneOf("no", "yes"), execution: text(),
});

/** @param {Bytes} bytes */
function readTerms(bytes) {
  const terms = readCanonical(bytes, "terms.form", TERMS);
  const [created, deadline, until] = [terms.created_at, terms.deadline, terms.valid_until].map(seconds);
  need(created < deadline && deadline <= until, "terms.form", "the times are not in order");
  return terms;
}

/** @type {Shape} */
const headText = (value) => {
  const [, size, root] = (typeof value === "string" && /^(0|[1-9]\d*) ([\w-]+)$/.exec(value)) || [];
  return Number.isSafeInteger(Number(size)) && !hash(root) ? "" : " is no head";
};

const CONTEXT = object({
  v: oneOf("cosignet/context/v1"), terms: hash, approver: person, for: either("", person),
  decision: oneOf("approve", "reject"), reason: either("", hash), issued_at: time, head: either("none", headText),
  random: hash,
});

/** @param {Bytes} bytes */
function readContext(bytes) {
  const context = readCanonical(bytes, "context.form", CONTEXT);
  need(context.for !== context.approver, "context.form", "the approver stands in for themselves");
  return context;
}

/** @param {Bytes} context */
const nonceOf = (context) => sha256(utf8("cosignet/context/v1\0"), context);
/** What is signed of a note or reason. @param {string} words */
const hashOfText = async (words) => (words ? hash64(utf8(words)) : "");

// ------------------------------------------------------------------------------------------------- §3 Assertions

/** Whether CBOR is well-formed; what it says does not matter. */
class CborReader extends ByteReader {
  /** The next item as a text, equal for equal items. Null for the mark that ends an endless one.
   * @param {number} depth @param {boolean} [mayEnd] @returns {string|null} */
  item(depth, mayEnd = false) {
    const [initial] = this.take(1);
    if (mayEnd && initial === 0xff) return null;
    const [major, info] = [initial >> 5, initial & 31];
    const endless = info === 31 && major >= 2 && major <= 5;
    this.expect(depth <= DEEPEST && (info < 28 || endless));
    const argument = info < 24 || endless ? "" : hex(this.take(2 ** (info - 24)));
    const count = endless ? Infinity : BigInt(argument ? `0x${argument}` : info);
    this.expect(initial !== 0xf8 || count >= 32);
    if (major === 7) return `7:${info}:${argument}`;
    if (major < 2) return `${major}:${count}`;
    if (major === 6) return `6:${count}(${this.item(depth + 1)})`;
    if (major < 4) return `${major}:${endless ? this.chunks(major) : hex(this.take(count))}`;
    return `${major}:{${this.members(count, depth, major === 5)}}`;
  }

  /** @param {number} major */
  chunks(major) {
    let all = "";
    for (;;) {
      const next = this.bytes[this.at];
      const chunk = this.item(DEEPEST, true);
      if (chunk === null) return all;
      this.expect(next >> 5 === major && (next & 31) !== 31);
      all += chunk.slice(2);
    }
  }

  /** @param {number|bigint} count @param {number} depth @param {boolean} isMap */
  members(count, depth, isMap) {
    const [items, keys] = [/** @type {string[]} */ ([]), new Set()];
    for (let n = 0; n < count; n++) {
      const item = this.item(depth + 1, count === Infinity);
      if (item === null) break;
      this.expect(!isMap || !keys.has(item));
      keys.add(item);
      items.push(isMap ? `${item}=${this.item(depth + 1)}` : item);
    }
    return isMap ? items.sort() : items;
  }
}

/** @param {Bytes} bytes */
function readClientData(bytes) {
  const row = "assertion.form";
  need(bytes.length <= 8192, row, "the client data have more than 8,192 bytes");
  const data = readAs(bytes, row, false);
  need(isObject(data), row, "the client data are not an object");
  need(!("tokenBinding" in data) || isObject(data.tokenBinding), row, "tokenBinding is not an object");
  return data;
}

/** @param {Bytes} bytes */
function readAuthenticatorData(bytes) {
  const row = "authenticator assertion.form";
  need(bytes.length >= 37 && bytes.length <= 8192, row, `the authenticator data have ${bytes.length} bytes`);
  const flags = bytes[32];
  need(!(flags & 0x40), row, "the authenticator data hold a new credential");
  const extensions = new CborReader(bytes.slice(37), row, "the extensions are not one CBOR map");
  if (flags & 0x80) extensions.expect(extensions.item(0)?.startsWith("5:"));
  need(extensions.atEnd(), row, "bytes follow the authenticator data");
  return { rpIdHash: bytes.subarray(0, 32), up: flags & 1, uv: flags & 4, be: flags & 8, bs: flags & 16 };
}

/** A person's vote, against the passkey of its credential id: the rules of §3 in their order, without the place.
 * @param {any} vote @param {any} key @param {string} approver @param {Bytes} challenge */
async function checkAssertion(vote, key, approver, challenge) {
  need(key.person === approver, "assertion.key", `the passkey is that of ${key.person}, not of ${approver}`);
  const handle = unbase64url(vote.user_handle);
  need(!handle.length || equal(handle, utf8(approver)), "assertion.user", "the user handle is not the approver's id");
  const clientData = unbase64url(vote.client_data);
  const client = readClientData(clientData);
  need(client.type === "webauthn.get", "assertion.type", "it is not the answer to a request to sign");
  need(client.challenge === toBase64url(challenge), "assertion.challenge", "another challenge was signed");
  const alone = client.crossOrigin === undefined || client.crossOrigin === false;
  need(alone && !("topOrigin" in client), "assertion.cross_origin", "it was signed in a frame of another page");
  need(typeof client.origin === "string", "assertion.origin", "it names no page");
  const data = unbase64url(vote.authenticator_data);
  const flags = readAuthenticatorData(data);
  need(flags.up, "assertion.up", "nobody touched the authenticator");
  need(flags.uv, "assertion.uv", "the authenticator did not verify its user");
  need(flags.be || !flags.bs, "assertion.backup", "it is backed up and not eligible for backup");
  need(!!flags.be === key.backup_eligible, "assertion.backup", "whether it can be synced is not as registered");
  const publicKey = readPublicKey(unbase64url(key.public_key), "usable assertion.key");
  const signed = concat(data, await sha256(clientData));
  const valid = await passkeySigned(publicKey, unbase64url(vote.signature), signed);
  need(valid, "assertion.signature", "the signature does not verify");
  return { origin: client.origin, rpIdHash: flags.rpIdHash };
}

// Public keys. One spelling each, so that comparing the bytes before and between the numbers is reading it.

const ED25519_START = Uint8Array.of(0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20);
const ES256_START = Uint8Array.of(0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20);
const ES256_BETWEEN = Uint8Array.of(0x22, 0x58, 0x20);

/** @param {Bytes} cose @param {string} row @returns {{algorithm: "ES256"|"Ed25519", raw: Bytes}} */
function readPublicKey(cose, row) {
  const [start, first, second] = [cose.slice(0, 10), cose.slice(10, 42), cose.slice(45)];
  if (equal(start, ED25519_START)) {
    need(cose.length === 42 && isEd25519Key(first), row, "the key is not one of Ed25519");
    return { algorithm: "Ed25519", raw: first };
  }
  const isEs256 = equal(start, ES256_START) && equal(cose.slice(42, 45), ES256_BETWEEN) && cose.length === 77;
  need(isEs256, row, "the key is not a COSE key in its one spelling");
  need(isOnP256(bigEndian(first), bigEndian(second)), row, "the key is not a point of P-256");
  return { algorithm: "ES256", raw: concat(Uint8Array.of(4), first, second) };
}

/** @param {bigint} value @param {bigint} prime */
const modulo = (value, prime) => ((value % prime) + prime) % prime;

/** @param {bigint} base @param {bigint} exponent @param {bigint} prime */
function power(base, exponent, prime) {
  let result = 1n;
  for (let square = modulo(base, prime); exponent; exponent >>= 1n, square = (square * square) % prime) {
    if (exponent & 1n) result = (result * square) % prime;
  }
  return result;
}

const P256 = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const P256_B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
/** @param {bigint} x @param {bigint} y */
const isOnP256 = (x, y) => x < P256 && y < P256 && modulo(y * y - (x * x * x - 3n * x + P256_B), P256) === 0n;

const P25519 = 2n ** 255n - 19n;
const ED25519_D = modulo(-121665n * power(121666n, P25519 - 2n, P25519), P25519);

/** The square of the x that belongs to y, by the curve's equation -x^2 + y^2 = 1 + d x^2 y^2. @param {bigint} y */
const xSquared = (y) =>
  modulo((y * y - 1n) * power(ED25519_D * y * y + 1n, P25519 - 2n, P25519), P25519);

/** A canonical encoding of a point of the curve that is not of small order. Both points of one y have one order, so
 * doubling needs no x: three times, and only points of small order end at the neutral element. @param {Bytes} bytes */
function isEd25519Key(bytes) {
  let y = bigEndian(bytes.slice().reverse()) & (2n ** 255n - 1n);
  const isSquare = power(xSquared(y), (P25519 - 1n) / 2n, P25519) <= 1n;
  if (y >= P25519 || !isSquare) return false;
  for (let doubling = 0; doubling < 3; doubling++) {
    const xx = xSquared(y);
    y = modulo((y * y + xx) * power(2n + xx - y * y, P25519 - 2n, P25519), P25519);
  }
  return y !== 1n;
}

/** @param {{algorithm: string, raw: Bytes}} key @param {Bytes} signature @param {Bytes} message */
async function passkeySigned(key, signature, message) {
  if (signature.length > 256) return false;
  if (key.algorithm === "Ed25519") return ed25519Signed(key.raw, signature, message);
  const raw = rawOfDer(signature);
  if (!raw) return false;
  const curve = { name: "ECDSA", namedCurve: "P-256" };
  const imported = await crypto.subtle.importKey("raw", key.raw, curve, false, ["verify"]);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, imported, raw, message);
}

/** @param {Bytes} raw @param {Bytes} signature @param {Bytes} message */
async function ed25519Signed(raw, signature, message) {
  if (signature.length !== 64) return false;
  const key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
}

/** WebAuthn writes an ECDSA signature in DER, crypto.subtle reads r || s. @param {Bytes} der @returns {Bytes|null} */
function rawOfDer(der) {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return null;
  const raw = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const [tag, length] = der.subarray(at, at + 2);
    const integer = der.subarray(at + 2, at + 2 + length);
    const padded = integer[0] === 0;
    const positive = integer[0] < 0x80 && (!padded || integer[1] >= 0x80);
    const digits = padded ? integer.subarray(1) : integer;
    if (tag !== 2 || integer.length !== length || !positive || digits.length > 32) return null;
    raw.set(digits, end - digits.length);
    at += 2 + length;
  }
  return at === der.length ? raw : null;
}

// ----------------------------------------------------------------------------------- §4 Policy, decision, status

const ids = setOf(person, 0, 100);
const POLICY = object({
  v: oneOf("cosignet/policy/v1"), approvers: ids, threshold: whole(1), veto: boolean, exclude: ids,
  fallback: listOf(object({ after: whole(1), approvers: ids })), delegates: mapOf(person, ids),
  device_bound_only: boolean,
});

/** @param {Bytes} bytes */
function readPolicy(bytes) {
  const policy = readCanonical(bytes, "policy.form", POLICY);
  const rising = policy.fallback.every((/** @type {any} */ stage, /** @type {number} */ i) =>
    i === 0 || stage.after > policy.fallback[i - 1].after);
  need(rising, "policy.form", "a fallback stage does not open later than the one before");
  need(policy.approvers.length, "policy.empty", "nobody may approve from the start");
  const seats = seatsOf(policy);
  need(policy.threshold <= seats.size, "policy.unreachable", "it asks for more approvals than there are seats");
  for (const [holder, delegates] of Object.entries(policy.delegates)) {
    const apart = delegates.every((/** @type {string} */ delegate) => seats.has(holder) && !seats.has(delegate));
    need(apart, "policy.delegates", `a delegate of ${holder} has a seat, or ${holder} has none`);
  }
  return { ...policy, seats };
}

/** Who has a seat, and how many seconds after the confirmation's creation it opens. @param {any} policy */
function seatsOf(policy) {
  /** @type {Map<string, number>} */
  const seats = new Map();
  for (const stage of [{ after: 0, approvers: policy.approvers }, ...policy.fallback]) {
    for (const holder of stage.approvers) {
      if (!policy.exclude.includes(holder) && !seats.has(holder)) seats.set(holder, stage.after);
    }
  }
  return seats;
}

/** @param {any} policy @param {string} approver @param {string} holder */
function mayVote(policy, approver, holder) {
  if (!policy.seats.has(holder) || policy.exclude.includes(approver)) return false;
  return approver === holder || (holder in policy.delegates && policy.delegates[holder].includes(approver));
}

/** @param {any} policy @param {Set<string>} approved @param {Set<string>} rejected  the seats that did */
function decisionOf(policy, approved, rejected) {
  const outOfReach = policy.seats.size - rejected.size < policy.threshold;
  if ((rejected.size && policy.veto) || outOfReach) return "rejected";
  return approved.size >= policy.threshold ? "approved" : "pending";
}

// ---------------------------------------------------------------------------------------- §5 Events and leaves

const id = text(1);
const keyHashes = like(/^[\w-]{43}(?: [\w-]{43})*$/, "hashes of keys");
/** @type {Shape} */
const sortedKeys = (value) => keyHashes(value) || setOf(hash)(value.split(" ")) ||
  (value.split(" ").sort().join(" ") === value ? "" : " is not sorted");
/** @type {Shape} */
const previousHead = (value) =>
  typeof value === "string" && value.includes(" ")
    ? headText(value.slice(value.indexOf(" ") + 1)) || (value.startsWith(" ") ? " names no origin" : "")
    : " is not a head";

/** What a leaf holds beyond the common keys, by its type. @type {Record<string, Record<string, Shape>>} */
const LEAVES = {
  "log.genesis": { origin: id, keys: sortedKeys, previous: either("", previousHead) },
  "key.rotated": { keys: sortedKeys },
  "confirmation.requested": { deadline: (value) => time(value) || like(/:00Z$/u, "a whole minute")(value) },
  "credential.enrolled": {},
  "credential.endorsed": {},
  "credential.revoked": {},
  "admin.changed": {},
};
for (const end of ["voted", "approved", "rejected", "expired", "cancelled", "consumed"]) {
  LEAVES[`confirmation.${end}`] = { request: id };
}

/** @type {Shape} */
const leafShape = (value) => {
  const isKnown = isObject(value) && typeof value.event === "string" && Object.hasOwn(LEAVES, value.event);
  if (!isKnown) return " is of no known type";
  const common = { v: oneOf("cosignet/leaf/v1"), event: id, id, time, record: hash };
  return object({ ...common, ...LEAVES[value.event] })(value);
};

const VOTE_RECORD = object({ context: base64url(), credential: base64url(), assertion: hash, counted_at: time });

/** @typedef {{kdf: string, iterations: number, salt: string, hash: string}} HashedAddress */

const ITERATIONS = 600_000;
// With constants, no record decides how long a derivation takes.
const HASHED_ADDRESS = object({ kdf: oneOf("PBKDF2-HMAC-SHA256"), iterations: oneOf(ITERATIONS), salt: hash, hash });
const EMAILS = mapOf(text(), HASHED_ADDRESS, 100);
const OUTCOME = { confirmation: text(), terms: hash, votes: listOf(VOTE_RECORD), emails: EMAILS };
const PASSKEY = { public_key: base64url(), backup_eligible: boolean };

/** What a record holds beyond the common keys, of the types that evidence shows.
 * @type {Record<string, Record<string, Shape>>} */
const RECORDS = {
  "confirmation.requested": { confirmation: text(), terms: hash, deadline: time },
  "confirmation.approved": OUTCOME,
  "confirmation.rejected": OUTCOME,
  "credential.enrolled": { person, credential: base64url(), ...PASSKEY, attested: boolean, role: text() },
  "credential.revoked": { person, credential: base64url(), enrolled: text(), by: text() },
};

/** @param {string} event */
const recordShape = (event) => object({
  v: oneOf("cosignet/record/v1"), event: oneOf(event), organisation: text(), sequence: whole(1), time,
  ...RECORDS[event],
});

/** @param {Bytes} bytes @param {string} row */
function readLeaf(bytes, row) {
  need(bytes.length <= 2048, row, "the leaf has more than 2,048 bytes");
  return readCanonical(bytes, row, leafShape);
}

/** The canonical assertion object's hash. @param {any} vote */
function hashOfAssertion({ credential, authenticator_data, client_data, signature, user_handle }) {
  return hash64(utf8(canonicalise({ credential, authenticator_data, client_data, signature, user_handle })));
}

/** An address as it is hashed. Spaces are counted, because a pattern for those at the end takes a square of time.
 * @param {string} address */
function normalised(address) {
  const isSpace = (/** @type {number} */ at) => " \t\n\r".includes(address[at]);
  let [from, to] = [0, address.length];
  while (from < to && isSpace(from)) from++;
  while (from < to && isSpace(to - 1)) to--;
  return address.slice(from, to).replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Whether one of the hashed addresses is that of this one. Each that is tried costs a derivation.
 * @param {string} address @param {HashedAddress[]} hashed */
async function isHashed(address, hashed) {
  const asked = normalised(address);
  // Half of a pair has no UTF-8, and HMAC takes no notice of zeros at the end.
  if (HALF_PAIR.test(asked) || CONTROL.test(asked)) return false;
  const password = await crypto.subtle.importKey("raw", utf8(asked), "PBKDF2", false, ["deriveBits"]);
  for (const { salt, hash } of hashed) {
    const how = { name: "PBKDF2", hash: "SHA-256", salt: unbase64url(salt), iterations: ITERATIONS };
    const derived = await crypto.subtle.deriveBits(how, password, 256);
    if (toBase64url(new Uint8Array(derived)) === hash) return true;
  }
  return false;
}

// ------------------------------------------------------------------------------------------- §6 Tree and heads

/** @param {Bytes} leaf */
const leafHash = (leaf) => sha256(Uint8Array.of(0), leaf);
/** @param {Bytes} left @param {Bytes} right */
const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);

/** RFC 9162 §2.1.3.2: the root that a proof leads to, with the steps there. Not with >> and &: those have 32 bits.
 * @param {Bytes} leaf  its hash @param {number} index @param {number} size @param {Bytes[]} proof */
async function inclusionRoot(leaf, index, size, proof) {
  if (index >= size) return null;
  let [at, last, root] = [index, size - 1, leaf];
  /** @type {Path["steps"]} */
  const steps = [];
  for (const sibling of proof) {
    if (last === 0) return null;
    const isRight = at % 2 === 1 || at === last;
    root = isRight ? await nodeHash(sibling, root) : await nodeHash(root, sibling);
    steps.push({ side: isRight ? "left" : "right", hash: toBase64url(sibling) });
    while (isRight && at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 ? { root, steps } : null;
}

/** RFC 9162 §2.1.4.2. @param {Head} older @param {Head} newer @param {Bytes[]} proof */
async function beginsWith(older, newer, proof) {
  if (older.size > newer.size) return false;
  if (older.size === newer.size) return proof.length === 0 && equal(older.root, newer.root);
  if (older.size === 0) return proof.length === 0 && equal(older.root, await sha256());
  let [at, last] = [older.size - 1, newer.size - 1];
  while (at % 2 === 1) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  // Of a power of two the older root is itself a node of the newer tree, and not in the proof.
  const [first, ...rest] = at === 0 ? [older.root, ...proof] : proof;
  if (!first || !proof.length) return false;
  let [olderRoot, newerRoot] = [first, first];
  for (const node of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      olderRoot = await nodeHash(node, olderRoot);
      newerRoot = await nodeHash(node, newerRoot);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else newerRoot = await nodeHash(newerRoot, node);
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && equal(olderRoot, older.root) && equal(newerRoot, newer.root);
}

/** @typedef {{size: number, root: Bytes}} Head */
/** @typedef {{name: string, id: string, signature: Bytes}} NoteSignature */
/** @typedef {Head & {origin: string, text: string, signatures: NoteSignature[]}} Checkpoint */
/** @typedef {{name: string, id: string, type: number, key: Bytes}} VerifierKey */

const isKeyName = (/** @type {string} */ name) => name !== "" && !/[\p{White_Space}+]/u.test(name);

/** signed-note and tlog-checkpoint. @param {Bytes} bytes @returns {Checkpoint} */
function readCheckpoint(bytes) {
  need(bytes.length <= 256 * 1024, "note.form", "it has more than 256 KiB");
  const note = fromUtf8(bytes, "note.form");
  need(!/[\0-\x09\x0b-\x1f]/.test(note), "note.form", "it holds control characters");
  const end = note.lastIndexOf("\n\n") + 1;
  need(end > 0 && note.endsWith("\n"), "note.form", "it has no text and signatures with an empty line between them");
  const lines = note.slice(end + 1, -1).split("\n");
  need(lines.length <= 64, "note.form", "it has more than 64 signatures");
  const signatures = lines.map(readNoteSignature);
  const [origin, size, root64, ...more] = note.slice(0, end).split("\n");
  const root = fromBase64(root64 ?? "");
  need(origin && more.length === 1, "checkpoint.form", "it has not three lines");
  const isSize = /^(?:0|[1-9]\d*)$/.test(size) && Number.isSafeInteger(Number(size));
  need(isSize && root?.length === 32, "checkpoint.form", "its size or root is none");
  return { origin, size: Number(size), root, text: note.slice(0, end), signatures };
}

/** @param {string} line @returns {NoteSignature} */
function readNoteSignature(line) {
  const [, name, base64] = /^— ([^ ]+) ([^ ]+)$/.exec(line) ?? [];
  const bytes = fromBase64(base64 ?? "");
  need(name && isKeyName(name) && bytes && bytes.length > 4, "note.form", "a signature's line is none");
  return { name, id: hex(bytes.subarray(0, 4)), signature: bytes.slice(4) };
}

/** The types of verifier keys, with the length of a key. */
const KEY_LENGTHS = new Map([[1, 32], [4, 32], [6, 1312]]);

/** @param {string} line @param {number[]} types @returns {Promise<VerifierKey|null>} */
async function readVerifierKey(line, types) {
  const [, name, id, base64] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/su.exec(line) ?? [];
  const typed = fromBase64(base64 ?? "");
  if (!name || !isKeyName(name) || !typed || !types.includes(typed[0])) return null;
  const [type, key] = [typed[0], typed.slice(1)];
  if (key.length !== KEY_LENGTHS.get(type) || (type !== 6 && !isEd25519Key(key))) return null;
  const expected = hex((await sha256(utf8(`${name}\n`), typed)).subarray(0, 4));
  return id === expected ? { name, id, type, key } : null;
}

/** Whether a line of a note is this key's, and if so, what it is worth and when it was made.
 * @param {VerifierKey} key @param {NoteSignature} line @param {Checkpoint} head */
async function lineSigned(key, { signature }, head) {
  if (key.type === 1) return { valid: await ed25519Signed(key.key, signature, utf8(head.text)), time: null };
  if (signature.length < 8) return { valid: false, time: null };
  const time = bigEndian(signature.subarray(0, 8));
  const rest = signature.slice(8);
  if (key.type === 6) return { valid: mlDsa44Signed(key.key, rest, subtreeMessage(key.name, time, head)), time };
  return { valid: await ed25519Signed(key.key, rest, utf8(`cosignature/v1\ntime ${time}\n${head.text}`)), time };
}

/** What an ML-DSA-44 cosigner signs. Null where a name does not fit its byte of length.
 * @param {string} name @param {bigint} time @param {Checkpoint} head */
function subtreeMessage(name, time, head) {
  const [cosigner, origin] = [utf8(name), utf8(head.origin)];
  if (cosigner.length > 255 || origin.length > 255) return null;
  const short = (/** @type {Bytes} */ bytes) => concat(Uint8Array.of(bytes.length), bytes);
  const numbers = new DataView(new ArrayBuffer(24)); // time, start (0) and end of the subtree
  numbers.setBigUint64(0, time);
  numbers.setBigUint64(16, BigInt(head.size));
  const [at, range] = [new Uint8Array(numbers.buffer, 0, 8), new Uint8Array(numbers.buffer, 8)];
  return concat(utf8("subtree/v1\n\0"), short(cosigner), at, short(origin), range, head.root);
}

/** What the note says under a key's name and id: whether all of it verifies, and the earliest time.
 * @param {VerifierKey} key @param {Checkpoint} head */
async function signaturesOf(key, head) {
  let [count, earliest, valid] = [0, /** @type {bigint|null} */ (null), true];
  for (const line of head.signatures) {
    if (line.name !== key.name || line.id !== key.id) continue;
    const one = await lineSigned(key, line, head);
    count += 1;
    valid &&= one.valid;
    if (one.time !== null && (earliest === null || one.time < earliest)) earliest = one.time;
  }
  return { signed: count > 0, valid, time: earliest };
}

// ML-DSA-44 (FIPS 204), verification only, with an empty context. Keys, messages and signatures are public, so it may
// take its time as the data have it.

const Q = 8380417;
const GAMMA_1 = 2 ** 17;
const GAMMA_2 = (Q - 1) / 88;
const BETA = 78;
const N = 256;
/** The lanes' order and rotations of Keccak's ρ and π. */
const RHO_PI = Array.from({ length: 24 }, (_, t) => ({ lane: 0, rotation: (((t + 1) * (t + 2)) / 2) % 64 }));
for (let [x, y, t] = [1, 0, 0]; t < 24; t++) {
  [x, y] = [y, (2 * x + 3 * y) % 5];
  RHO_PI[t].lane = x + 5 * y;
}

/** Keccak's ι, from the shift register of FIPS 202 (algorithm 5), as low and high halves of 64 bits. */
const ROUND_CONSTANTS = Array.from({ length: 24 }, () => [0, 0]);
for (let [register, t] = [1, 0]; t < 7 * 24; t++) {
  const bit = 2 ** (t % 7) - 1;
  if (register & 1) ROUND_CONSTANTS[Math.floor(t / 7)][bit >> 5] |= 1 << (bit & 31);
  register = (register << 1) ^ (register >> 7 ? 0x171 : 0);
}

/** Keccak-f[1600] on 25 lanes, each as a low and a high half. @param {Uint32Array} s */
function permute(s) {
  const row = new Uint32Array(10);
  for (const [low, high] of ROUND_CONSTANTS) {
    for (let i = 0; i < 10; i++) row[i] = s[i] ^ s[i + 10] ^ s[i + 20] ^ s[i + 30] ^ s[i + 40];
    for (let i = 0; i < 50; i += 2) {
      const [before, after] = [(i + 8) % 10, (i + 2) % 10];
      s[i] ^= row[before] ^ ((row[after] << 1) | (row[after + 1] >>> 31));
      s[i + 1] ^= row[before + 1] ^ ((row[after + 1] << 1) | (row[after] >>> 31));
    }
    let [a, b] = [s[2], s[3]];
    for (const { lane, rotation } of RHO_PI) {
      const [l, h] = rotation < 32 ? [a, b] : [b, a];
      const n = rotation % 32;
      [a, b] = [s[2 * lane], s[2 * lane + 1]];
      s[2 * lane] = (l << n) | (h >>> (32 - n));
      s[2 * lane + 1] = (h << n) | (l >>> (32 - n));
    }
    for (let y = 0; y < 50; y += 10) {
      row.set(s.subarray(y, y + 10));
      for (let i = 0; i < 10; i++) s[y + i] ^= ~row[(i + 2) % 10] & row[(i + 4) % 10];
    }
    s[0] ^= low;
    s[1] ^= high;
  }
}

/** SHAKE128 (rate 168) and SHAKE256 (rate 136). */
class Shake {
  /** @param {number} rate @param {...Bytes} message */
  constructor(rate, ...message) {
    this.rate = rate;
    this.state = new Uint32Array(50);
    this.at = 0;
    for (const byte of concat(...message)) {
      this.absorb(this.at++, byte);
      if (this.at === rate) this.next();
    }
    this.absorb(this.at, 0x1f);
    this.absorb(rate - 1, 0x80);
    this.next();
  }

  /** @param {number} at @param {number} byte */
  absorb(at, byte) {
    this.state[at >> 2] ^= byte << (8 * (at & 3));
  }

  next() {
    permute(this.state);
    this.at = 0;
  }

  byte() {
    if (this.at === this.rate) this.next();
    const at = this.at++;
    return (this.state[at >> 2] >>> (8 * (at & 3))) & 255;
  }

  /** @param {number} length */
  bytes(length) {
    return Uint8Array.from({ length }, () => this.byte());
  }
}

/** @param {number} length @param {...Bytes} message */
const shake256 = (length, ...message) => new Shake(136, ...message).bytes(length);
/** @param {number} x */
const mod = (x) => ((x % Q) + Q) % Q;

/** ζ = 1753, to the powers of the bits of k in reverse. */
const ZETAS = Array.from({ length: N }, (_, k) => {
  const reversed = Array.from({ length: 8 }, (_, bit) => ((k >> bit) & 1) << (7 - bit)).reduce((a, b) => a | b);
  return Number(power(1753n, BigInt(reversed), BigInt(Q)));
});

/** Algorithm 41. Products stay below 2^46, so doubles hold them exactly. @param {number[]} polynomial */
function ntt(polynomial) {
  const w = polynomial.slice();
  for (let [m, length] = [0, 128]; length >= 1; length /= 2) {
    for (let start = 0; start < N; start += 2 * length) {
      const zeta = ZETAS[++m];
      for (let j = start; j < start + length; j++) {
        const t = mod(zeta * w[j + length]);
        w[j + length] = mod(w[j] - t);
        w[j] = mod(w[j] + t);
      }
    }
  }
  return w;
}

/** Algorithm 42. @param {number[]} transformed */
function inverseNtt(transformed) {
  const w = transformed.slice();
  for (let [m, length] = [N, 1]; length < N; length *= 2) {
    for (let start = 0; start < N; start += 2 * length) {
      const zeta = ZETAS[--m];
      for (let j = start; j < start + length; j++) {
        const t = w[j];
        w[j] = mod(t + w[j + length]);
        w[j + length] = mod(zeta * (w[j + length] - t));
      }
    }
  }
  return w.map((x) => mod(x * 8347681)); // the inverse of 256
}

/** Numbers of `width` bits, the lowest bit first. @param {Bytes} bytes @param {number} width */
function unpack(bytes, width) {
  const numbers = [];
  let [buffer, bits] = [0, 0];
  for (const byte of bytes) {
    buffer |= byte << bits;
    for (bits += 8; bits >= width; bits -= width) {
      numbers.push(buffer & (2 ** width - 1));
      buffer >>>= width;
    }
  }
  return numbers;
}

/** Algorithm 30. @param {Bytes} rho @param {number} row @param {number} column */
function expandA(rho, row, column) {
  const stream = new Shake(168, rho, Uint8Array.of(column, row));
  const polynomial = [];
  while (polynomial.length < N) {
    const candidate = stream.byte() + stream.byte() * 256 + (stream.byte() & 127) * 65536;
    if (candidate < Q) polynomial.push(candidate);
  }
  return polynomial;
}

/** Algorithm 29, with 39 coefficients of 1 or -1. @param {Bytes} seed */
function sampleInBall(seed) {
  const stream = new Shake(136, seed);
  const signs = unpack(stream.bytes(8), 1);
  const c = new Array(N).fill(0);
  for (let i = N - 39; i < N; i++) {
    let j = stream.byte();
    while (j > i) j = stream.byte();
    c[i] = c[j];
    c[j] = signs[i + 39 - N] ? -1 : 1;
  }
  return c;
}

/** Algorithm 21: which coefficients have a hint, one list a polynomial. Null for all but the one spelling of hints.
 * @param {Bytes} bytes */
function unpackHints(bytes) {
  const hints = [];
  let at = 0;
  for (const end of bytes.subarray(80)) {
    const places = bytes.subarray(at, end);
    if (end < at || end > 80 || places.some((place, i) => i > 0 && place <= places[i - 1])) return null;
    hints.push(new Set(places));
    at = end;
  }
  return bytes.subarray(at, 80).some((byte) => byte !== 0) ? null : hints;
}

/** Algorithm 40. @param {boolean} hint @param {number} r */
function useHint(hint, r) {
  let low = r % (2 * GAMMA_2);
  if (low > GAMMA_2) low -= 2 * GAMMA_2;
  const high = ((r - low) / (2 * GAMMA_2)) % 44;
  return hint ? (high + (low > 0 ? 1 : 43)) % 44 : high;
}

/** Algorithms 3 and 8. @param {Bytes} publicKey @param {Bytes} signature @param {Bytes|null} message */
function mlDsa44Signed(publicKey, signature, message) {
  if (publicKey.length !== 1312 || signature.length !== 2420 || !message) return false;
  const seed = signature.subarray(0, 32);
  const z = [0, 1, 2, 3].map((i) =>
    unpack(signature.subarray(32 + 576 * i, 608 + 576 * i), 18).map((x) => GAMMA_1 - x));
  const hints = unpackHints(signature.subarray(2336));
  if (!hints || z.flat().some((x) => Math.abs(x) >= GAMMA_1 - BETA)) return false;
  const mu = shake256(64, shake256(64, publicKey), Uint8Array.of(0, 0), message);
  const c = ntt(sampleInBall(seed));
  const zHat = z.map(ntt);
  const w1 = hints.map((places, row) => {
    const t1 = unpack(publicKey.subarray(32 + 320 * row, 352 + 320 * row), 10);
    const product = ntt(t1.map((x) => x * 2 ** 13)).map((x, i) => -mod(c[i] * x));
    zHat.forEach((column, s) => {
      const a = expandA(publicKey.subarray(0, 32), row, s);
      for (let i = 0; i < N; i++) product[i] += mod(a[i] * column[i]);
    });
    return inverseNtt(product.map(mod)).map((x, i) => useHint(places.has(i), x));
  });
  return equal(shake256(32, mu, packW1(w1.flat())), seed);
}

/** Algorithm 28: six bits each. @param {number[]} numbers */
function packW1(numbers) {
  const bytes = [];
  for (let i = 0; i < numbers.length; i += 4) {
    const bits = numbers[i] | (numbers[i + 1] << 6) | (numbers[i + 2] << 12) | (numbers[i + 3] << 18);
    bytes.push(bits & 255, (bits >> 8) & 255, bits >> 16);
  }
  return Uint8Array.from(bytes);
}

// ----------------------------------------------------------------------------------- §7 Evidence, trust, verdict

const ENTRY = object({ index: whole(0), leaf: base64url(), record: base64url(), salt: hash, proof: listOf(hash) });
const VOTE = object({
  context: base64url(), reason: text(), credential: base64url(), authenticator_data: base64url(),
  client_data: base64url(), signature: base64url(), user_handle: base64url(),
});
const KEY = object({
  id: base64url(), ...PASSKEY, person, enrolled: ENTRY, revoked: either(null, ENTRY),
  endorsement: either(null, (value) => evidenceShape(value)),
});
const EVIDENCE = object({
  v: oneOf("cosignet/evidence/v1"), decision: oneOf("approved", "rejected"), terms: base64url(), terms_hash: hash,
  payload: base64url(0, 65536), payload_hash: hash, note: text(), policy: base64url(), votes: listOf(VOTE),
  keys: listOf(KEY), request: ENTRY, outcome: ENTRY, checkpoint: base64url(),
  heads: listOf(object({ size: whole(0), proof: listOf(hash) })),
  anchor: either(null, object({ ots: base64url(), header: base64url(80, 80) })),
});

/** @param {any[]} values */
const isRising = (values) => values.every((value, i) => i === 0 || values[i - 1] < value);

/** Endorsements within it included, by way of EVIDENCE. @type {Shape} */
const evidenceShape = (value) => {
  const problem = EVIDENCE(value);
  if (problem) return problem;
  const { terms, payload, policy, note, votes, keys, heads } = value;
  const withheld = [terms, payload, policy].filter((part) => part === "").length;
  if (withheld % 3) return " withholds only a part of terms, payload and policy";
  if (withheld && (note || votes.some((/** @type {any} */ vote) => vote.reason))) return " is withheld, with its words";
  // Hexadecimal digits sort as the bytes do, base64url does not.
  if (!isRising(keys.map((/** @type {any} */ key) => hex(unbase64url(key.id))))) return ".keys is not sorted";
  const signed = new Set(votes.map((/** @type {any} */ vote) => vote.credential));
  if (signed.size !== keys.length || !keys.every((/** @type {any} */ key) => signed.has(key.id))) {
    return ".keys are not those that signed";
  }
  return isRising(heads.map((/** @type {any} */ head) => head.size)) ? "" : ".heads is not sorted";
};

/** @param {Bytes} bytes */
function readEvidence(bytes) {
  need(bytes.length <= 4 * 1024 * 1024, "evidence.form", "it has more than 4 MiB");
  return readCanonical(bytes, "evidence.form", evidenceShape);
}

// Trust

const PEOPLE = mapOf(person, object({ name: text(), keys: listOf(object({ id: base64url(), ...PASSKEY })) }));
const TRUST = object({
  v: oneOf("cosignet/trust/v1"), organisation: text(1, 500), rp_id: text(1, 500), origins: setOf(text(1), 1),
  log: listOf(object({ key: text(), from: whole(0), until: either(null, whole(0)) }), 1), witnesses: listOf(text()),
  level: oneOf("included", "witnessed", "anchored"),
  blocks: mapOf(like(/^(?:0|[1-9]\d*)$/, "a height"), like(/^[0-9a-f]{64}$/, "the hash of a block")),
  approvers: PEOPLE, roots: PEOPLE, attested_keys: boolean,
  floor: object({ threshold: whole(1), approvers: setOf(person) }),
});

/** @typedef {Map<string, {key: VerifierKey}|{threshold: number, members: string[]}>} Witnesses  in their order */

/** @param {Bytes} bytes */
async function readTrust(bytes) {
  const row = "trust.form";
  need(bytes.length <= 4 * 1024 * 1024, row, "it has more than 4 MiB");
  const trust = readAs(bytes, row);
  const problem = TRUST(trust);
  need(!problem, row, `it${problem}`);
  const [approvers, roots] = [readPeople(trust.approvers), readPeople(trust.roots)];
  const log = await readLogKeys(trust.log);
  const witnesses = await readWitnesses(trust.witnesses);
  const isWatched = trust.level !== "witnessed" || witnesses.quorum !== "none";
  need(isWatched, row, "witnesses are asked for, and none is named");
  const { threshold, approvers: named } = trust.floor;
  need(!named.length || threshold <= named.length, row, "the floor asks for more people than it names");
  if (!Object.keys(trust.roots).length && !trust.attested_keys) {
    const pinned = Object.keys(trust.approvers);
    need(pinned.length, row, "it pins nobody");
    const known = named.every((/** @type {string} */ one) => one in trust.approvers);
    need(known && threshold <= (named.length || pinned.length), row, "the floor asks for people who are not pinned");
  }
  return { ...trust, approvers, roots, log, witnesses, names: { ...trust.roots, ...trust.approvers } };
}

/** Pinned passkeys by their ids. @param {any} people */
function readPeople(people) {
  /** @type {Map<string, {person: string, public_key: string, backup_eligible: boolean}>} */
  const pinned = new Map();
  for (const person of Object.keys(people)) {
    for (const { id, ...key } of people[person].keys) {
      need(!pinned.has(id), "trust.form", `the passkey ${id} is pinned twice`);
      readPublicKey(unbase64url(key.public_key), "trust.form");
      pinned.set(id, { person, ...key });
    }
  }
  return pinned;
}

/** @param {any[]} entries */
async function readLogKeys(entries) {
  const keys = [];
  for (const { key: line, from, until } of entries) {
    const key = await readVerifierKey(line, [1, 6]);
    need(key, "trust.form", "a key of the log is none");
    need(key.name === (keys[0] ?? key).name, "trust.form", "the keys of the log have several names");
    need(until === null || until >= from, "trust.form", "a key of the log ends before it begins");
    keys.push({ ...key, from, until: until ?? Infinity });
  }
  need(new Set(entries.map((entry) => entry.key)).size === keys.length, "trust.form", "the log has a key twice");
  return keys;
}

/** tlog-policy, of which only witnesses, groups and the quorum. @param {string[]} lines */
async function readWitnesses(lines) {
  /** @type {Witnesses} */
  const defined = new Map();
  const [used, keys] = [new Set(), new Set()];
  let quorum = lines.length ? "" : "none";
  for (const line of lines) {
    const [word, name, ...rest] = line.split(/[ \t]+/).filter((part) => part);
    const isNew = name && name !== "none" && !defined.has(name);
    if (word === "quorum") {
      need(name && !quorum && !isNew && rest.length === 0, "trust.form", `no quorum, or a second one: ${line}`);
      quorum = name;
      continue;
    }
    need(isNew, "trust.form", `no witness or group: ${line}`);
    if (word === "witness") {
      const key = rest.length < 3 ? await readVerifierKey(rest[0] ?? "", [4, 6]) : null;
      need(key && !keys.has(hex(key.key)), "trust.form", `no witness, or its key is there twice: ${line}`);
      keys.add(hex(key.key));
      defined.set(name, { key });
    } else defined.set(name, readGroup(word, rest, defined, used));
  }
  need(quorum, "trust.form", "the witnesses have no quorum");
  return { quorum, defined };
}

/** @param {string} word @param {string[]} rest @param {Witnesses} defined
 * @param {Set<string>} used  the members of groups so far, to which it adds */
function readGroup(word, [count, ...members], defined, used) {
  const free = members.every((member) => defined.has(member) && !used.has(member));
  for (const member of members) used.add(member);
  const written = /^[1-9]\d*$/.test(count) ? Number(count) : 0;
  const threshold = count === "all" ? members.length : count === "any" ? 1 : written;
  const fits = threshold >= 1 && threshold <= members.length && new Set(members).size === members.length;
  need(word === "group" && free && fits, "trust.form", `no witness, group or quorum: ${word} ${count} ${members[0]}`);
  return { threshold, members };
}

// First, whether the evidence agrees with itself

/** What the checks of one document find out, each for the later ones. */
class Facts {
  /** @param {any} evidence */
  constructor(evidence) {
    this.evidence = evidence;
    this.withheld = evidence.terms === "";
    /** @type {any} */ this.terms = null;
    /** @type {any} */ this.payload = null;
    /** @type {any} */ this.policy = null;
    this.head = /** @type {Checkpoint} */ ({});
    /** @type {any} */ this.request = null;
    /** @type {any} */ this.outcome = null;
    /** @type {Map<string, any>} */ this.keys = new Map(evidence.keys.map((/** @type {any} */ key) => [key.id, key]));
    /** @type {Map<string, Facts>} */ this.endorsements = new Map();
    /** @type {any[]} */ this.votes = [];
    /** @type {{approve: Set<string>, reject: Set<string>}} */ this.seats = { approve: new Set(), reject: new Set() };
    /** @type {bigint[]} */ this.heights = [];
  }

  /** The hashed addresses by person; none as long as the outcome's record has not been read.
   * @returns {Record<string, HashedAddress>} */
  get emails() {
    return this.outcome?.record.emails ?? {};
  }
}

/** @param {Facts} facts @param {Trail} trail */
async function checkConsistency(facts, trail) {
  const { evidence } = facts;
  const once = [facts];
  if (facts.withheld) trail.withhold();
  else {
    await trail.run("terms", once, checkTerms);
    await trail.run("payload", once, checkPayload);
    await trail.run("policy", once, checkPolicy);
  }
  await trail.run("checkpoint", once, () => (facts.head = readCheckpoint(unbase64url(evidence.checkpoint))));
  await trail.run("request", once, checkRequest);
  await trail.run("outcome", once, checkOutcome);
  await trail.run("order", once, () =>
    need(evidence.request.index < evidence.outcome.index, "log.order", "the request follows the outcome"));
  const [revocations, endorsements] = ["revoked", "endorsement"].map((part) =>
    evidence.keys.some((/** @type {any} */ key) => key[part]));
  if (!revocations) trail.skip("keys", /^revocation|revoked$/);
  if (!endorsements) trail.skip("keys", /endorsed$/);
  await trail.run("keys", evidence.keys, (key) => checkKey(facts, key));
  await trail.run("votes", evidence.votes, (vote, i) => checkVote(facts, vote, i));
  await trail.run("heads", once, checkHeads);
  await trail.run("seen", facts.votes, (vote) => checkSeen(facts, vote));
  await trail.run("times", facts.votes, (vote) => checkTimes(facts, vote));
  await trail.run("count", facts.votes, (vote, i) => checkCounted(facts, vote, i));
  await trail.run("decision", once, checkDecision);
  await trail.run("addresses", once, checkAddresses);
  await trail.run("anchor", evidence.anchor ? once : [], checkAnchor);
}

/** @param {Facts} facts */
async function checkTerms(facts) {
  const terms = unbase64url(facts.evidence.terms);
  facts.terms = readTerms(terms);
  need((await hash64(terms)) === facts.evidence.terms_hash, "terms.hash", "the terms have another hash");
}

/** @param {Facts} facts */
async function checkPayload(facts) {
  const payload = unbase64url(facts.evidence.payload);
  const { payload_hash: claimed } = facts.evidence;
  need((await hash64(payload)) === claimed, "payload.hash", "the payload has another hash");
  need(claimed === facts.terms.payload, "payload.hash", "the terms name another payload");
  const { value, canonical } = readPayload(payload);
  need(equal(canonical, payload), "payload.not_canonical", "the payload is not in canonical form");
  facts.payload = value;
}

/** @param {Facts} facts */
async function checkPolicy(facts) {
  const policy = unbase64url(facts.evidence.policy);
  facts.policy = readPolicy(policy);
  need((await hash64(policy)) === facts.terms.policy, "terms.hash", "the terms name another policy");
  need((await hashOfText(facts.evidence.note)) === facts.terms.note, "terms.hash", "the terms name another note");
}

/** An entry of the log: its leaf is in the checkpoint's tree and commits to a record of this type. `what` comes before
 * the checks' names. @param {Facts} facts @param {any} entry @param {string} type @param {string} what */
async function openEntry(facts, entry, type, what) {
  const bytes = unbase64url(entry.leaf);
  const leaf = readLeaf(bytes, `${what} leaf.form`);
  const hashed = await leafHash(bytes);
  const found = await inclusionRoot(hashed, entry.index, facts.head.size, entry.proof.map(unbase64url));
  need(found && equal(found.root, facts.head.root), `${what} log.inclusion`, "the leaf is not in the log");
  const row = `${what} leaf.record`;
  const record = unbase64url(entry.record);
  need((await hash64(unbase64url(entry.salt), record)) === leaf.record, row, "the leaf commits to another record");
  const opened = readCanonical(record, row, recordShape(type));
  need(leaf.event === type, row, `the leaf is of the type ${leaf.event}`);
  need(leaf.time === opened.time, row, "leaf and record differ in their time");
  const path = { leaf: toBase64url(hashed), index: entry.index, size: facts.head.size, root: toBase64url(found.root) };
  return { leaf, record: opened, path: { ...path, steps: found.steps } };
}

/** @param {Facts} facts */
async function checkRequest(facts) {
  const { evidence, terms } = facts;
  const row = "request leaf.record";
  facts.request = await openEntry(facts, evidence.request, "confirmation.requested", "request");
  const { leaf, record } = facts.request;
  need(record.terms === evidence.terms_hash, row, "it was requested on other terms");
  const minute = Math.ceil(seconds(record.deadline) / 60) * 60;
  need(seconds(leaf.deadline) === minute, row, "the leaf shows another deadline than the record");
  if (!terms) return;
  for (const key of ["organisation", "confirmation", "deadline"]) {
    need(record[key] === terms[key], row, `the request has another ${key} than the terms`);
  }
  need(record.time === terms.created_at, row, "the request has another time than the terms");
}

/** @param {Facts} facts */
async function checkOutcome(facts) {
  const { evidence, request } = facts;
  const row = "outcome leaf.record";
  facts.outcome = await openEntry(facts, evidence.outcome, `confirmation.${evidence.decision}`, "outcome");
  const { leaf, record } = facts.outcome;
  for (const key of ["confirmation", "terms", "organisation"]) {
    need(record[key] === request.record[key], row, `the outcome has another ${key} than the request`);
  }
  need(leaf.request === request.leaf.id, row, "the leaf names another request");
  need(record.votes.length === evidence.votes.length, row, "the outcome counted other votes");
  for (const [i, vote] of evidence.votes.entries()) {
    const counted = record.votes[i];
    const same = counted.context === vote.context && counted.credential === vote.credential;
    need(same && counted.assertion === (await hashOfAssertion(vote)), row, "the outcome counted another vote");
  }
}

/** @param {Facts} facts @param {any} key */
async function checkKey(facts, key) {
  const samePasskey = (/** @type {any} */ record) => record.person === key.person && record.credential === key.id;
  const { organisation } = facts.request.record;
  const row = "enrolment leaf.record";
  const { leaf, record } = await openEntry(facts, key.enrolled, "credential.enrolled", "enrolment");
  const same = record.public_key === key.public_key && record.backup_eligible === key.backup_eligible;
  need(samePasskey(record) && same, row, "another passkey was enrolled");
  need(record.organisation === organisation, row, "it was enrolled in another organisation");
  need(key.enrolled.index < facts.evidence.outcome.index, "log.order", "it was enrolled after the outcome");
  if (key.revoked) {
    const revocation = await openEntry(facts, key.revoked, "credential.revoked", "revocation");
    const ofThis = samePasskey(revocation.record) && revocation.record.enrolled === leaf.id;
    const same = ofThis && revocation.record.organisation === organisation;
    need(same, "revocation leaf.record", "another passkey was revoked");
    need(key.revoked.index > facts.evidence.outcome.index, "credential.revoked", "it was revoked before the outcome");
  }
  if (key.endorsement) facts.endorsements.set(key.id, await readEndorsement(facts, key));
}

const ENROLMENT = object({
  v: oneOf("cosignet/enrolment/v1"), person, credential: base64url(), ...PASSKEY, role: text(), email: text(),
});

/** @param {Facts} facts @param {any} key */
async function readEndorsement(facts, key) {
  const row = "credential.endorsed";
  const inner = new Facts(key.endorsement);
  need(!inner.withheld && inner.evidence.decision === "approved", row, "it is no approval, or withheld");
  try {
    await checkConsistency(inner, new Trail());
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal(row, `it fails ${error.check}: ${error.message}`);
  }
  const { terms, payload } = inner;
  need(terms.execution === "cosignet:enrolment", row, "it was not asked for by the service");
  const problem = ENROLMENT(payload);
  need(!problem, row, `its payload${problem}`);
  const same = payload.person === key.person && payload.credential === key.id && payload.public_key === key.public_key;
  need(same && payload.backup_eligible === key.backup_eligible, row, "it is of another passkey");
  need(terms.organisation === facts.request.record.organisation, row, "it is of another organisation");
  need(facts.withheld || terms.audience === facts.terms.audience, row, "it is of another deployment");
  need(inner.head.origin === facts.head.origin, row, "it is of another log");
  return inner;
}

/** @param {Facts} facts @param {any} vote @param {number} i */
async function checkVote(facts, vote, i) {
  const { evidence, terms, policy } = facts;
  const bytes = unbase64url(vote.context);
  const context = readContext(bytes);
  need(context.terms === evidence.terms_hash, "terms.hash", "the vote is on other terms");
  const key = facts.keys.get(vote.credential);
  const nonce = await nonceOf(bytes);
  const challenge = concat(nonce, unbase64url(evidence.payload_hash));
  const place = await checkAssertion(vote, key, context.approver, challenge);
  const holder = context.for || context.approver;
  if (!facts.withheld) {
    const here = equal(place.rpIdHash, await sha256(utf8(terms.audience)));
    need(here, "assertion.rp_id", "it was signed in another deployment than the terms name");
    const may = mayVote(policy, context.approver, holder);
    need(may, "policy.separation", `the policy does not let ${context.approver} vote for ${holder}`);
    const bound = !policy.device_bound_only || !key.backup_eligible;
    need(bound, "policy.device_bound", "the passkey can be synced");
    need((await hashOfText(vote.reason)) === context.reason, "context.nonce", "another reason was signed");
  }
  const [size, root] = context.head === "none" ? [null, ""] : context.head.split(" ");
  const head = size === null ? null : { size: Number(size), root: unbase64url(root) };
  const { counted_at } = facts.outcome.record.votes[i];
  facts.votes.push({ vote, context, key, nonce: hex(nonce), ...place, holder, head, counted_at });
}

/** @param {Facts} facts */
function checkHeads(facts) {
  need(facts.votes.every((vote) => vote.head), "log.consistency", "a vote names no head of the log");
  const named = [...new Set(facts.votes.map((vote) => vote.head.size))].sort((a, b) => a - b);
  const shown = facts.evidence.heads.map((/** @type {any} */ head) => head.size);
  need(named.join() === shown.join(), "log.consistency", "the heads are not those that the votes name");
}

/** @param {Facts} facts @param {any} vote */
async function checkSeen(facts, { head }) {
  const { heads, request, outcome } = facts.evidence;
  const { proof } = heads.find((/** @type {any} */ one) => one.size === head.size);
  const grown = await beginsWith(head, facts.head, proof.map(unbase64url));
  need(grown, "log.consistency", "the log does not begin with the head that the vote names");
  need(request.index < head.size && head.size <= outcome.index, "log.order", "the head is too old or too new");
}

/** @param {Facts} facts @param {any} vote */
function checkTimes({ request, outcome }, { context, counted_at }) {
  const [requested, issued, counted, decided, deadline] = [
    request.record.time, context.issued_at, counted_at, outcome.record.time, request.record.deadline].map(seconds);
  const inOrder = requested <= issued && issued <= counted && counted <= decided && decided < deadline;
  need(inOrder, "time.deadline", "the times of request, vote, outcome and deadline are not in order");
}

/** @param {Facts} facts @param {any} vote @param {number} i */
function checkCounted(facts, vote, i) {
  const { policy, seats } = facts;
  const { approver } = vote.context;
  if (!facts.withheld) {
    const open = decisionOf(policy, seats.approve, seats.reject) === "pending";
    need(open, "policy.quorum", "it follows the vote that decided");
    const opens = seconds(facts.terms.created_at) + policy.seats.get(vote.holder);
    need(seconds(vote.counted_at) >= opens, "open policy.separation", "the seat was not open yet");
  }
  const earlier = facts.votes.slice(0, i);
  need(earlier.every((other) => other.nonce !== vote.nonce), "context.nonce", "it is there twice");
  for (const other of earlier) {
    const people = [other.context.approver, other.holder];
    const apart = !people.includes(approver) && !people.includes(vote.holder);
    const keysApart = other.key.id !== vote.key.id && other.key.public_key !== vote.key.public_key;
    need(apart && keysApart, "apart policy.separation", "two votes share a person or a passkey");
  }
  facts.seats[/** @type {"approve"|"reject"} */ (vote.context.decision)].add(vote.holder);
}

/** @param {Facts} facts */
function checkDecision({ evidence, withheld, policy, votes, seats }) {
  const last = votes.at(-1)?.context.decision;
  const ofLast = last && (last === "approve" ? "approved" : "rejected");
  const decision = withheld ? ofLast : decisionOf(policy, seats.approve, seats.reject);
  need(decision === evidence.decision, "policy.quorum", `the votes make it ${decision ?? "pending"}`);
}

/** The people who signed `approve`. @param {any[]} votes @returns {string[]} */
const approversOf = (votes) =>
  votes.filter((vote) => vote.context.decision === "approve").map((vote) => vote.context.approver);

/** Withheld terms do not say whether the approval was to become public. @param {Facts} facts */
function checkAddresses({ evidence, withheld, terms, votes, emails }) {
  const row = "addresses leaf.record";
  const count = Object.keys(emails).length;
  const approved = evidence.decision === "approved";
  if (!count) {
    need(!approved || withheld || terms.reveal === "no", row, "it is to become public, and no address is hashed");
    return;
  }
  need(approved, row, "addresses are hashed although it was rejected");
  need(withheld || terms.reveal === "yes", row, "addresses are hashed although it is not to become public");
  const approvers = approversOf(votes); // nobody twice, as was checked before
  const same = count === approvers.length && approvers.every((approver) => approver in emails);
  need(same, row, "the hashed addresses are not those of exactly the people who approved");
}

// Anchors

const OTS_MAGIC = "\0OpenTimestamps\0\0Proof\0\xbf\x89\xe2\xe8\x84\xe8\x92\x94";
const OTS_START = Uint8Array.from(`${OTS_MAGIC}\x01\x08`, (character) => character.charCodeAt(0)); // version, SHA-256
const OTS_BITCOIN = "0588960d73d71901";

/** A detached OpenTimestamps proof. */
class Timestamp extends ByteReader {
  /** @type {{height: bigint, root: Bytes}[]} */
  blocks = [];

  number() {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const [byte] = this.take(1);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
      this.expect(shift < 63n, "the timestamp holds a number that is too long");
    }
  }

  /** @param {number} min @param {number} max */
  text(min, max) {
    const length = this.number();
    this.expect(length >= min && length <= max, "the timestamp holds a text that is empty or too long");
    return this.take(length);
  }

  /** @param {Bytes} digest */
  async read(digest) {
    this.expect(this.bytes.length <= 65536 && equal(this.take(OTS_START.length), OTS_START), "it is no timestamp");
    this.expect(equal(this.take(32), digest), "the timestamp is not that of this checkpoint");
    await this.branches(digest, 0);
    this.expect(this.atEnd(), "bytes follow the timestamp");
    return this.blocks;
  }

  /** All branches that go on from a message, but the last, are marked with 0xff. @param {Bytes} message
   * @param {number} operations @returns {Promise<void>} */
  async branches(message, operations) {
    this.expect(operations <= 256, "the timestamp has more than 256 operations after one another");
    for (let more = true; more; ) {
      let [tag] = this.take(1);
      more = tag === 0xff;
      if (more) [tag] = this.take(1);
      if (tag === 0) this.attestation(message);
      else await this.branches(await this.operation(tag, message), operations + 1);
    }
  }

  /** @param {number} tag @param {Bytes} message */
  async operation(tag, message) {
    if (tag === 0x08) return sha256(message);
    this.expect(tag === 0xf0 || tag === 0xf1, `the timestamp has the unknown operation ${tag}`);
    const more = this.text(1, 4096);
    this.expect(message.length + more.length <= 4096, "the timestamp has a message of more than 4,096 bytes");
    return tag === 0xf0 ? concat(message, more) : concat(more, message);
  }

  /** @param {Bytes} message */
  attestation(message) {
    const kind = hex(this.take(8));
    const content = new Timestamp(this.text(0, 8192), this.refusal.row, this.refusal.detail);
    if (kind !== OTS_BITCOIN) return;
    this.blocks.push({ height: content.number(), root: message });
    this.expect(content.atEnd(), "bytes follow the height of a block");
  }
}

/** @param {Facts} facts */
async function checkAnchor(facts) {
  const { anchor, checkpoint } = facts.evidence;
  const root = unbase64url(anchor.header).subarray(36, 68);
  const timestamp = new Timestamp(unbase64url(anchor.ots), "anchor.header", "the timestamp is cut short");
  const blocks = await timestamp.read(await sha256(unbase64url(checkpoint)));
  facts.heights = blocks.filter((block) => equal(block.root, root)).map((block) => block.height);
  need(facts.heights.length, "anchor.header", "the timestamp does not lead to this block");
}

// Then, whether the trust file vouches for it

/** @param {Facts} facts @param {any} trust @param {Trail} trail */
async function authenticate(facts, trust, trail) {
  const once = [facts];
  /** @type {{standings: string[], level: string, witnessed: boolean, before: any}} */
  const found = { standings: [], level: "included", witnessed: false, before: null };
  await trail.run("audience", once, () => checkAudience(facts, trust));
  const rpIdHash = await sha256(utf8(trust.rp_id));
  await trail.run("place", facts.votes, (vote) => checkPlace(vote, trust, rpIdHash));
  await trail.run("log", once, () => checkLog(facts, trust));
  if (!trust.witnesses.defined.size) trail.skip("witnesses", /^log/);
  if (trust.level === "included" || trust.witnesses.quorum === "none") trail.skip("witnesses", /quorum$/);
  await trail.run("witnesses", once, () => checkWitnesses(facts, trust, found));
  if (trust.level !== "anchored") trail.skip("block", /level$/);
  if (!facts.evidence.anchor) trail.skip("block", /header$/);
  await trail.run("block", once, () => checkBlock(facts, trust, found));
  await trail.run("vouched", facts.votes, async (vote) => {
    found.standings.push(await checkEnrolled(facts, vote.key, trust, rpIdHash));
  });
  if (facts.evidence.decision === "rejected") trail.skip("floor");
  else await trail.run("floor", once, () => checkFloor(facts, trust));
  return found;
}

/** @param {Facts} facts @param {any} trust */
function checkAudience({ request, terms, withheld }, trust) {
  const same = request.record.organisation === trust.organisation;
  need(same, "trust.audience", `it was decided in the organisation ${request.record.organisation}`);
  const here = withheld || terms.audience === trust.rp_id;
  need(here, "trust.audience", "it was decided in another deployment than the trusted one");
}

/** @param {any} vote @param {any} trust @param {Bytes} rpIdHash */
function checkPlace(vote, trust, rpIdHash) {
  need(trust.origins.includes(vote.origin), "assertion.origin", `it was signed on the page ${vote.origin}`);
  need(equal(vote.rpIdHash, rpIdHash), "assertion.rp_id", "it was signed for another deployment");
}

/** Of each key that signs at the checkpoint's size. @param {Checkpoint} head @param {any} trust */
async function logSignatures(head, trust) {
  const signing = trust.log.filter((/** @type {any} */ key) => key.from <= head.size && head.size <= key.until);
  const states = [];
  for (const key of signing) states.push(await signaturesOf(key, head));
  return { valid: states.every((one) => one.valid), all: states.length > 0 && states.every((one) => one.signed) };
}

/** @param {Facts} facts @param {any} trust */
async function checkLog({ head }, trust) {
  need(head.origin === trust.log[0].name, "origin trust.log", `the checkpoint is that of the log ${head.origin}`);
  const { valid, all } = await logSignatures(head, trust);
  need(valid, "log.signature", "a signature of the trusted log is forged");
  need(all, "trust.log", "not every key of the log has signed the checkpoint");
}

/** @param {Facts} facts @param {any} trust @param {any} found */
async function checkWitnesses({ head }, { witnesses: { defined, quorum }, level }, found) {
  /** When each witness, and enough of each group, had signed. @type {Map<string, bigint>} */
  const signed = new Map();
  for (const [name, line] of defined) {
    if ("key" in line) {
      const { valid, time } = await signaturesOf(line.key, head);
      need(valid, "log.signature", `the cosignature of ${name} is forged`);
      if (time !== null) signed.set(name, time);
    } else {
      const times = line.members.flatMap((/** @type {string} */ member) => signed.get(member) ?? []);
      times.sort((/** @type {bigint} */ a, /** @type {bigint} */ b) => (a < b ? -1 : 1));
      if (times.length >= line.threshold) signed.set(name, times[line.threshold - 1]);
    }
  }
  const time = signed.get(quorum);
  const enough = level === "included" || quorum === "none" || time !== undefined;
  need(enough, "witness.quorum", "too few witnesses have signed");
  if (time === undefined) return;
  found.witnessed = true;
  found.level = "witnessed";
  found.before = { by: "witnesses", seconds: time, time: timeText(time) };
}

/** @param {Facts} facts @param {any} trust @param {any} found */
async function checkBlock({ evidence, heights }, { blocks, level }, found) {
  const pinned = heights.filter((height) => Object.hasOwn(blocks, `${height}`));
  if (pinned.length) {
    const header = unbase64url(evidence.anchor.header);
    const shown = hex((await sha256(await sha256(header))).reverse());
    const same = pinned.every((height) => blocks[`${height}`] === shown);
    need(same, "anchor.header", `the header is not that of block ${pinned[0]}`);
    const time = bigEndian(header.slice(68, 72).reverse());
    found.level = "anchored";
    if (!found.before || time < found.before.seconds) {
      found.before = { by: "block", seconds: time, time: timeText(time), height: `${pinned[0]}` };
    }
  }
  need(level !== "anchored" || pinned.length, "trust.level", "it is not anchored in a block that is pinned");
}

/** Whose word it is that a passkey is its person's. @param {Facts} facts @param {any} key @param {any} trust
 * @param {Bytes} rpIdHash */
async function checkEnrolled(facts, key, trust, rpIdHash) {
  const row = "credential.enrolled";
  const pins = [trust.approvers.get(key.id), trust.roots.get(key.id)];
  need(pins.every((pin) => !pin || isPinned(pin, key)), row, `another passkey is pinned under ${key.id}`);
  if (pins[0]) return "pinned";
  if (pins[1]) return "root";
  if (await isEndorsed(facts.endorsements.get(key.id), trust, rpIdHash)) return "endorsed";
  need(trust.attested_keys, row, `nobody vouches for the passkey of ${key.person}`);
  return "operator";
}

/** @param {any} pin @param {any} key */
const isPinned = (pin, key) =>
  pin?.person === key.person && pin.public_key === key.public_key && pin.backup_eligible === key.backup_eligible;

/** @param {Facts|undefined} endorsement @param {any} trust @param {Bytes} rpIdHash @returns {Promise<boolean>} */
async function isEndorsed(endorsement, trust, rpIdHash) {
  if (!endorsement) return false;
  const isHere = (/** @type {any} */ vote) => trust.origins.includes(vote.origin) && equal(vote.rpIdHash, rpIdHash);
  if (!endorsement.votes.every(isHere)) return false;
  const { valid, all } = await logSignatures(endorsement.head, trust);
  if (!valid || !all) return false;
  for (const { key, context } of endorsement.votes) {
    if (context.decision !== "approve") continue;
    if (isPinned(trust.roots.get(key.id), key)) return true;
    const above = endorsement.endorsements.get(key.id);
    const mayEndorse = ["admin", "owner"].includes(above?.payload.role);
    if (mayEndorse && (await isEndorsed(above, trust, rpIdHash))) return true;
  }
  return false;
}

/** @param {Facts} facts @param {any} trust */
function checkFloor({ votes }, { floor }) {
  const counted = approversOf(votes).filter((one) => !floor.approvers.length || floor.approvers.includes(one)).length;
  need(counted >= floor.threshold, "policy.floor", `${counted} of those approved whom the floor counts`);
}

// Last, whether it can be used

/** @param {Facts} facts @param {Bytes|null} expected  canonical @param {Question} question @param {Trail} trail */
async function checkUse({ evidence, withheld, terms, emails }, expected, { now, email }, trail) {
  const payload = unbase64url(evidence.payload);
  await trail.run("expected", expected ? [expected] : [], (bytes) =>
    need(!withheld && equal(bytes, payload), "payload.expected", "it is not of the payload that is to be executed"));
  await trail.run("approved", expected ? [evidence.decision] : [], (decision) =>
    need(decision === "approved", "decision.approved", "it was rejected, so nothing may be executed"));
  const timely = now !== null && evidence.decision === "approved" && !withheld;
  await trail.run("validity", timely ? [now] : [], (clock) =>
    need(seconds(clock) < seconds(terms.valid_until), "time.validity", `it was valid until ${terms.valid_until}`));
  await trail.run("email", email === null ? [] : [email], async (address) => {
    const found = await isHashed(address, Object.values(emails));
    need(found, "email.expected", "none of the hashed addresses is that of the e-mail address that was asked about");
  });
}

// The checks, in their order. "shown" marks those that withheld evidence leaves out.

/** Each with its stage, its name after a word where the stage has two of one name, and what it says.
 * @type {[string, string, string, string?][]} */
const CHECKS = [
  ["evidence", "evidence.form", "The document is evidence, in its one spelling."],
  ["trust", "trust.form", "The trust file is one."],
  ["asked", "payload.…", "The payload that is to be executed keeps the rules for payloads."],
  ["asked", "encoding.instant", "The time that it is judged for is one."],
  ["terms", "terms.form", "The terms that the approvers agreed to are complete and well formed.", "shown"],
  ["terms", "terms.hash", "They are those whose hash the evidence names.", "shown"],
  ["payload", "payload.hash", "The payload is the one that the terms name.", "shown"],
  ["payload", "payload.…", "It can be read in one way only.", "shown"],
  ["policy", "policy.form", "The policy is one.", "shown"],
  ["policy", "policy.empty", "Somebody may approve from the start.", "shown"],
  ["policy", "policy.unreachable", "It can be satisfied.", "shown"],
  ["policy", "policy.delegates", "Its delegates stand in for people with a seat, and have none.", "shown"],
  ["policy", "terms.hash", "Policy and note are those that the terms name.", "shown"],
  ["checkpoint", "note.form", "The log's checkpoint is a signed note."],
  ["checkpoint", "checkpoint.form", "It names a log, a size and a root."],
  ["request", "request leaf.form", "The request's leaf is one."],
  ["request", "request log.inclusion", "It is in the log."],
  ["request", "request leaf.record", "It commits to this request, on these terms."],
  ["outcome", "outcome leaf.form", "The outcome's leaf is one."],
  ["outcome", "outcome log.inclusion", "It is in the log."],
  ["outcome", "outcome leaf.record", "It commits to this decision by exactly these votes."],
  ["order", "log.order", "The request is before the outcome in the log."],
  ["keys", "enrolment leaf.form", "The leaf of each passkey's enrolment is one."],
  ["keys", "enrolment log.inclusion", "It is in the log."],
  ["keys", "enrolment leaf.record", "It commits to this passkey, of this person, in this organisation."],
  ["keys", "log.order", "It is before the outcome."],
  ["keys", "revocation leaf.form", "Where a passkey was revoked, the leaf of that is one."],
  ["keys", "revocation log.inclusion", "It is in the log."],
  ["keys", "revocation leaf.record", "It commits to the revocation of this passkey."],
  ["keys", "credential.revoked", "It is after the outcome."],
  ["keys", "credential.endorsed", "Where an endorsement is given, it is one of this passkey, and itself true."],
  ["votes", "context.form", "What each approver signed is a vote."],
  ["votes", "terms.hash", "It is on these terms."],
  ["votes", "assertion.key", "It was made with a passkey of this approver."],
  ["votes", "assertion.user", "The authenticator knew its user by the approver's id."],
  ["votes", "assertion.form", "The browser's part of it is well formed."],
  ["votes", "assertion.type", "The browser was asked to sign."],
  ["votes", "assertion.challenge", "What was signed is this vote on this payload."],
  ["votes", "assertion.cross_origin", "It was not signed in a frame of another page."],
  ["votes", "assertion.origin", "The browser names the page."],
  ["votes", "authenticator assertion.form", "The authenticator's part of it is well formed."],
  ["votes", "assertion.up", "Somebody touched the authenticator."],
  ["votes", "assertion.uv", "The authenticator verified its user."],
  ["votes", "assertion.backup", "Whether the passkey can be synced is as it was registered."],
  ["votes", "usable assertion.key", "The public key is one that only its owner can sign for."],
  ["votes", "assertion.signature", "The signature verifies."],
  ["votes", "assertion.rp_id", "It was made for the deployment that the terms name.", "shown"],
  ["votes", "policy.separation", "The policy lets this person vote in this seat.", "shown"],
  ["votes", "policy.device_bound", "The passkey stays on its device, where the policy asks for that.", "shown"],
  ["votes", "context.nonce", "The reason is the one that was signed.", "shown"],
  ["heads", "log.consistency", "Every vote names a head of the log, and each is shown."],
  ["seen", "log.consistency", "The log begins with the head that each vote names."],
  ["seen", "log.order", "That head covers the request, and not yet the outcome."],
  ["times", "time.deadline", "Request, vote, count, outcome and deadline follow one another."],
  ["count", "policy.quorum", "No vote follows the one that decided.", "shown"],
  ["count", "open policy.separation", "Each seat was open when its vote was counted.", "shown"],
  ["count", "context.nonce", "No vote is there twice."],
  ["count", "apart policy.separation", "No two votes share a person or a passkey."],
  ["decision", "policy.quorum", "The votes make this decision; of withheld evidence, the last one is of it."],
  ["addresses", "addresses leaf.record", "Addresses are hashed of all who approved where all is public, else of none."],
  ["anchor", "anchor.header", "The timestamp leads from the checkpoint to this Bitcoin block."],
  ["audience", "trust.audience", "It was decided in the trusted organisation and deployment."],
  ["place", "assertion.origin", "Each vote was signed on a trusted page."],
  ["place", "assertion.rp_id", "It was signed for the trusted deployment."],
  ["log", "origin trust.log", "The checkpoint is that of the trusted log."],
  ["log", "log.signature", "No signature of the log on it is forged."],
  ["log", "trust.log", "Every key that signs for the log has signed it."],
  ["witnesses", "log.signature", "No signature of a trusted witness on it is forged."],
  ["witnesses", "witness.quorum", "Enough trusted witnesses have signed it."],
  ["block", "anchor.header", "The Bitcoin block is not another one than the trust file pins."],
  ["block", "trust.level", "It is anchored in a pinned block."],
  ["vouched", "credential.enrolled", "Each passkey is pinned or vouched for as the trust file asks."],
  ["floor", "policy.floor", "As many approved as the trust file asks for."],
  ["expected", "payload.expected", "It is of exactly the payload that is to be executed."],
  ["approved", "decision.approved", "It was approved."],
  ["validity", "time.validity", "It is still valid."],
  ["email", "email.expected", "The e-mail address that was asked about is one of those that are hashed."],
];

/** Stages that fail with another status than 1. */
const UNREADABLE = ["evidence", "trust", "asked"];
const UNAUTHENTIC = ["audience", "place", "log", "witnesses", "block", "vouched", "floor"];
/** What fails with 1 even there: something trusted contradicts the evidence. */
const CONTRADICTIONS = ["log.signature", "anchor.header"];

/** How far the checks came. */
class Trail {
  constructor() {
    const state = /** @type {Check["state"]} */ ("not reached");
    this.rows = CHECKS.map(([stage, row, says, shown]) => ({ stage, row, says, shown, state, check: nameOf(row) }));
    /** @type {{exit: 0|1|2|3, check: string|null, detail: string}} */
    this.result = { exit: 0, check: null, detail: "" };
  }

  withhold() {
    for (const row of this.rows) if (row.shown) row.state = "not checked";
  }

  /** @param {string} stage @param {RegExp} [rows] */
  skip(stage, rows = /^/) {
    for (const row of this.of(stage)) if (rows.test(row.row)) row.state = "not checked";
  }

  /** @param {string} stage */
  of(stage) {
    return this.rows.filter((row) => row.stage === stage && row.state !== "not checked");
  }

  /** Runs a stage's checks on each subject. Without one, there is nothing to check.
   * @template T @param {string} stage @param {T[]} subjects @param {(subject: T, i: number) => unknown} body */
  async run(stage, subjects, body) {
    for (const [i, subject] of subjects.entries()) {
      try {
        await body(subject, i);
      } catch (error) {
        if (error instanceof Refusal) this.fail(stage, error, i, subjects.length);
        throw error;
      }
    }
    for (const row of this.of(stage)) row.state = subjects.length ? "passed" : "not checked";
  }

  /** @param {string} stage @param {Refusal} refusal @param {number} i @param {number} count */
  fail(stage, refusal, i, count) {
    const rows = this.of(stage);
    const name = refusal.row.replace(/^payload\.(?!hash|expected).*/, "payload.…");
    const at = rows.findIndex(({ row }) => row === name);
    for (const row of rows.slice(0, at)) row.state = i === count - 1 ? "passed" : "not reached";
    Object.assign(rows[at], { state: "failed", check: refusal.check });
    const lacking = UNAUTHENTIC.includes(stage) && !CONTRADICTIONS.includes(refusal.check);
    const exit = UNREADABLE.includes(stage) ? 2 : lacking ? 3 : 1;
    const detail = count > 1 ? `${i + 1} of ${count}: ${refusal.message}` : refusal.message;
    this.result = { exit, check: refusal.check, detail };
  }
}

// The verdict

/**
 * Judges an evidence document, by a trust file if there is one. No input makes it throw.
 * @param {Uint8Array} evidence
 * @param {Uint8Array|null} trust
 * @param {Partial<Question>} [question]  what is about to be executed, in any spelling of JSON, the relying party's own
 *   clock, and a guess of an approver's e-mail address, which costs a key derivation for each hashed address
 * @returns {Promise<Verdict>}
 */
export async function judge(evidence, trust, { expectedPayload = null, now = null, email = null } = {}) {
  const trail = new Trail();
  /** @type {{facts: Facts|null, trust: any, found: any}} */
  const known = { facts: null, trust: null, found: null };
  try {
    const question = { expectedPayload, now, email };
    await examine(new Uint8Array(evidence), trust && new Uint8Array(trust), question, known, trail);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return verdict(known, trail, now);
}

/** @param {Bytes} evidence @param {Bytes|null} trust @param {Question} question
 * @param {{facts: Facts|null, trust: any, found: any}} known @param {Trail} trail */
async function examine(evidence, trust, question, known, trail) {
  const { expectedPayload, now } = question;
  await trail.run("evidence", [evidence], (bytes) => (known.facts = new Facts(readEvidence(bytes))));
  await trail.run("trust", trust ? [trust] : [], async (bytes) => (known.trust = await readTrust(bytes)));
  /** @type {Bytes|null} */
  let expected = null;
  if (expectedPayload === null) trail.skip("asked", /^payload/);
  if (now === null) trail.skip("asked", /instant$/);
  await trail.run("asked", [0], () => {
    if (expectedPayload !== null) expected = readPayload(new Uint8Array(expectedPayload)).canonical;
    need(now === null || instant(now) !== null, "encoding.instant", "the time is not like 2026-01-31T12:00:00Z");
  });
  const facts = /** @type {Facts} */ (known.facts);
  await checkConsistency(facts, trail);
  if (known.trust) known.found = await authenticate(facts, known.trust, trail);
  else for (const stage of UNAUTHENTIC) trail.skip(stage);
  await checkUse(facts, expected, question, trail);
  if (!known.trust) trail.result = { exit: 3, check: null, detail: "there is no trust file, so nobody vouches for it" };
}

/** @param {{facts: Facts|null, trust: any, found: any}} known @param {Trail} trail @param {string|null} now
 * @returns {Verdict} */
function verdict({ facts, trust, found }, trail, now) {
  const { result } = trail;
  const credible = result.exit === 0 || result.exit === 3 ? facts : null;
  const votes = credible?.votes ?? [];
  const authentic = result.exit === 0 ? facts : null;
  const unproven = credible ? ["any of it: nobody who is trusted vouches for all of it"] : [];
  const { by, time, height } = (credible && found?.before) ?? {};
  return {
    ...result,
    decision: credible?.evidence.decision ?? null,
    signers: votes.map((vote, i) => signer(vote, trust, found?.standings[i] ?? null)),
    level: (credible && found?.level) ?? null,
    after: votes.length ? { size: Math.min(...votes.map((vote) => vote.head.size)) } : null,
    before: by ? { by, time, ...(height && { height }) } : null,
    checks: trail.rows.map(({ check, state, says, stage }) => ({ check, state, says, stage })),
    ...(authentic ? lists(authentic, found, now) : { proven: [], attested: [], notProven: unproven, notChecked: [] }),
    path: facts?.outcome?.path ?? null,
    addresses: Object.keys(facts?.emails ?? {}).length,
    terms: credible?.terms ?? null,
    payload: credible?.payload ?? null,
  };
}

/** @param {any} vote @param {any} trust @param {string|null} standing @returns {Signer} */
function signer({ context, key, vote, head }, trust, standing) {
  const { approver, decision } = context;
  const name = trust && Object.hasOwn(trust.names, approver) ? trust.names[approver].name : null;
  const passkey = { credential: key.id, synced: key.backup_eligible, standing, after: head.size };
  return { person: approver, for: context.for, name, decision, reason: vote.reason, ...passkey };
}

/** @param {Facts} facts @param {any} found @param {string|null} now */
function lists({ withheld, policy, votes, emails }, { standings, witnessed }, now) {
  const covered = withheld ? "this hash of a payload and this hash of terms" :
    "exactly this payload, requester, action, note, policy, deadline and validity";
  const proven = [
    "who signed approve or reject, each after their authenticator verified them",
    `that each signature covers ${covered}`,
    ...(withheld ? [] : ["that the votes satisfy the policy"]),
    "that the votes are those of distinct people, with distinct passkeys",
    "that all of it is in the log",
  ];
  const attested = [
    "when it was decided, and so that it was before the deadline",
    ...(policy && votes.some((vote) => policy.seats.get(vote.holder) > 0) ? ["that a fallback seat was open"] : []),
    ...(withheld ? [] : ["who the requester is"]),
    "that no passkey had been revoked",
    ...(standings.includes("operator") ? ["whose a passkey is that nobody endorsed"] : []),
    ...(Object.keys(emails).length ? ["which e-mail address a person has"] : []),
  ];
  const notProven = [
    ...(witnessed ? [] : ["that everybody is shown the same log: not enough witnesses"]),
    "that no vote was left out (one that was shows in the log)",
    "what the approver's screen showed",
    "that a passkey lives in hardware",
  ];
  const hidden = withheld ? ["payload", "requester", "action", "note", "policy", "validity"] : [];
  const notChecked = now || withheld ? hidden : ["whether it is still valid"];
  return { proven, attested, notProven, notChecked };
}

// -------------------------------------------------------------------------------------------- The command line

const HELP = `usage: node cosignet-verify.mjs EVIDENCE... [--trust TRUST] [--payload FILE] [--now TIME|now]
                               [--email ADDRESS] [--json]

Checks Cosignet evidence.

  --trust TRUST    the trust file: whom you rely on. Without it, nothing is better than "consistent"
  --payload FILE   what is about to be executed, in any spelling of JSON; implies --now now
  --now TIME       the time to judge validity by, such as 2026-01-31T12:00:00Z, or now
  --email ADDRESS  a guess of an approver's e-mail address, to compare with the hashed ones of a public approval
  --json           one JSON object a document
  --batch          for tests: JSON lines from standard input, each with evidence and trust (in base64 or null),
                   payload, now and email (text or null), answered by a line each
  --help           this text

Exit status: 0 authentic, 1 false, 2 unreadable, 3 consistent and not authenticated. Of several documents, the worst:
1, then 2, then 3, then 0.
`;

// §1, texts that deceive. Format and unassigned characters are among these by their categories.
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Variation_Selector}\u034f\u115f\u1160\u17b4\u17b5\u2028\u2029\u2800\u3164\uffa0]/gu;
const SCRIPTS = ["Latin", "Cyrillic", "Greek", "Armenian", "Cherokee", "Coptic", "Lisu"];
const ALIKE = SCRIPTS.map((script) => new RegExp(`\\p{Script=${script}}`, "u"));
/** @param {string} character */
const escaped = (character) => `\\u{${Number(character.codePointAt(0)).toString(16)}}`;

/** Evidence is a stranger's: nothing in it reaches the terminal as a control sequence. @param {string} words */
export function shown(words) {
  const isMixed = (/** @type {string} */ word) => ALIKE.filter((script) => script.test(word)).length > 1;
  const apart = words.replace(/\p{L}+/gu, (word) => (isMixed(word) ? word.replace(/[^\0-\x7f]/gu, escaped) : word));
  return apart.replace(INVISIBLE, escaped);
}

const HEADLINES = ["AUTHENTIC", "FALSE", "UNREADABLE", "CONSISTENT, NOT AUTHENTICATED"];
/** @type {Record<string, string>} */
const STANDINGS = { root: "pinned as a root", operator: "by the operator's word", none: "vouched for by nobody" };

/** @param {Signer} signer */
function signerInWords({ person, name, for: holder, decision, reason, standing, synced }) {
  const who = `${person}${name ? ` (${name})` : ""}${holder ? ` for ${holder}` : ""}`;
  const passkey = `${synced ? "can be synced" : "on its device"}, ${STANDINGS[standing ?? "none"] ?? standing}`;
  return `${who}: ${decision}${reason && `, ${JSON.stringify(reason)}`} [passkey ${passkey}]`;
}

/** @param {string} file @param {Verdict} verdict */
function inWords(file, verdict) {
  const { exit, check, detail, decision, terms, payload, level, after, before } = verdict;
  const lines = [`${file}: ${HEADLINES[exit]}`];
  if (detail) lines.push(`  ${check ? `${check}: ` : ""}${detail}`);
  if (decision) lines.push(`  decision: ${decision}`, ...verdict.signers.map((one) => `  ${signerInWords(one)}`));
  for (const key of terms ? ["requester", "action", "valid_until"] : []) lines.push(`  ${key}: ${terms[key]}`);
  if (payload) lines.push(`  payload: ${canonicalise(payload)}`);
  if (level) lines.push(`  receipt: ${level}`);
  if (after) lines.push(`  signed after the log had ${after.size} leaves`);
  const block = before?.height ? ` ${before.height} of Bitcoin, whose time may be off by two hours` : "";
  if (before) lines.push(`  signed before ${before.time}, by ${before.by}${block}`);
  lines.push("  checks:", ...verdict.checks.map((one) => `    ${one.state.padEnd(11)}  ${one.check}: ${one.says}`));
  const { proven, attested, notProven, notChecked } = verdict;
  const lists = { proven, "attested by the operator": attested, "not proven": notProven, "not checked": notChecked };
  for (const [title, list] of Object.entries(lists)) {
    if (list.length) lines.push(`  ${title}:`, ...list.map((sentence) => `    ${sentence}`));
  }
  return `${lines.map(shown).join("\n")}\n`;
}

/** @param {string[]} words */
function readArguments(words) {
  /** @type {{files: string[], flags: Set<string>} & Record<"trust"|"payload"|"now"|"email", string|null>} */
  const asked = { files: [], flags: new Set(), trust: null, payload: null, now: null, email: null };
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (["--trust", "--payload", "--now", "--email"].includes(word)) {
      const option = /** @type {"trust"|"payload"|"now"|"email"} */ (word.slice(2));
      if (asked[option] !== null || i + 1 === words.length) throw new Error(`${word} needs one value`);
      asked[option] = words[++i];
    } else if (["--json", "--batch", "--help"].includes(word)) asked.flags.add(word);
    else if (word.startsWith("-")) throw new Error(`unknown option ${word}`);
    else asked.files.push(word);
  }
  if (!asked.files.length && !asked.flags.has("--help") && !asked.flags.has("--batch")) {
    throw new Error("no evidence is named");
  }
  const now = asked.now ?? (asked.payload === null ? null : "now");
  return { ...asked, now: now === "now" ? new Date().toISOString().replace(/\.\d+/, "") : now };
}

/** @param {any} input  standard input, by lines @param {(line: string) => void} answer */
async function batch(input, answer) {
  const bytes = (/** @type {string} */ base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  for await (const line of input) {
    const { evidence, trust, payload, now, email } = JSON.parse(line);
    const expectedPayload = payload === null ? null : utf8(payload);
    const trusted = trust === null ? null : bytes(trust);
    const { exit, check } = await judge(bytes(evidence), trusted, { expectedPayload, now, email });
    answer(JSON.stringify({ exit, check }));
  }
}

/** @param {any} process */
async function main(process) {
  const load = (/** @type {string} */ name) => import(name);
  const { readFile } = await load("node:fs/promises");
  process.removeAllListeners("warning"); // Node 20 calls Ed25519 experimental, on the same terminal as the verdict
  const asked = readArguments(process.argv.slice(2));
  if (asked.flags.has("--help")) return process.stdout.write(HELP);
  const answer = (/** @type {string} */ line) => process.stdout.write(`${line}\n`);
  if (asked.flags.has("--batch")) {
    return batch((await load("node:readline")).createInterface({ input: process.stdin }), answer);
  }
  const trust = asked.trust === null ? null : await readFile(asked.trust);
  const expectedPayload = asked.payload === null ? null : await readFile(asked.payload);
  /** @type {number[]} */
  const exits = [];
  for (const file of asked.files) {
    const evidence = await readFile(file).catch((/** @type {Error} */ error) => {
      process.stderr.write(`${shown(error.message)}\n`);
      return new Uint8Array(); // which is no evidence either
    });
    const verdict = await judge(evidence, trust, { expectedPayload, now: asked.now, email: asked.email });
    const inJson = asked.flags.has("--json");
    process.stdout.write(inJson ? `${JSON.stringify({ file, ...verdict })}\n` : inWords(file, verdict));
    exits.push(verdict.exit);
  }
  process.exitCode = [1, 2, 3, 0].find((exit) => exits.includes(exit));
}

const node = /** @type {any} */ (globalThis).process;
if (node?.versions?.node && node.argv?.[1]) {
  const { realpathSync } = await import(/** @type {any} */ ("node:fs"));
  const { pathToFileURL } = await import(/** @type {any} */ ("node:url"));
  if (import.meta.url === pathToFileURL(realpathSync(node.argv[1])).href) {
    await main(node).catch((error) => {
      node.stderr.write(`${shown(error.message)}\n`);
      node.exitCode = 2;
    });
  }
}
