"""One passkey assertion, checked. W3C WebAuthn Level 3 §7.2 and the rules of docs/protocol.md §3."""

from dataclasses import dataclass

from cosignet.core.authenticator_data import parse_authenticator_data
from cosignet.core.client_data import Place, RelyingParty, check_client_data
from cosignet.core.encoding import sha256
from cosignet.core.keys import parse_public_key
from cosignet.errors import Malformed, Refused

MAX_SIGNATURE = 256


@dataclass(frozen=True)
class Credential:
    """A passkey as registered: `public_key` is COSE verbatim, `backup_eligible` its BE flag at registration."""

    id: bytes
    person: str
    public_key: bytes
    backup_eligible: bool

    def shares_key_with(self, other: "Credential") -> bool:
        """True when both are one passkey, even if it was enrolled under two ids."""
        return self.id == other.id or self.public_key == other.public_key


@dataclass(frozen=True)
class Assertion:
    """What the browser returned from `navigator.credentials.get()`, verbatim."""

    credential_id: bytes
    authenticator_data: bytes
    client_data: bytes
    signature: bytes
    user_handle: bytes | None


@dataclass(frozen=True)
class VerifiedAssertion:
    """An assertion that passed every rule but one: whether `place` is the right one. And the authenticator's state."""

    credential: Credential
    sign_count: int
    backed_up: bool
    place: Place


def verify_assertion(
    assertion: Assertion, *, credential: Credential, challenge: bytes, rp: RelyingParty
) -> VerifiedAssertion:
    """Require that `credential` signed exactly `challenge`, its user verified, on a page of ours.

    Raises `Refused("assertion.…")` with the first rule that does not hold. Whether the credential is active,
    and whether the challenge is one that was issued and is unused, is for the caller.
    """
    proof = verify_signature(assertion, credential=credential, challenge=challenge)
    rp.require(proof.place)
    return proof


def verify_signature(assertion: Assertion, *, credential: Credential, challenge: bytes) -> VerifiedAssertion:
    """As `verify_assertion`, wherever it was signed: for readers of evidence, who are told the relying party later."""
    if assertion.credential_id != credential.id:
        raise Refused("assertion.key", "signed with another passkey than the one named")
    # The user handle of every passkey is the id of its person (docs/protocol.md §3).
    if assertion.user_handle is not None and assertion.user_handle != credential.person.encode("utf-8"):
        raise Refused("assertion.user", "the passkey says it belongs to another person")
    origin = check_client_data(assertion.client_data, kind="webauthn.get", challenge=challenge)
    data = parse_authenticator_data(assertion.authenticator_data)
    if data.credential is not None:
        raise Refused("assertion.form", "an assertion holds no new credential")
    data.require_user()
    if data.backup_eligible != credential.backup_eligible:
        raise Refused("assertion.backup", "backup eligibility differs from the registration")
    _check_signature(assertion, credential)
    return VerifiedAssertion(credential, data.sign_count, data.backed_up, Place(origin, data.rp_id_hash))


def _check_signature(assertion: Assertion, credential: Credential) -> None:
    try:
        key = parse_public_key(credential.public_key)
    except Malformed as error:
        raise Refused("assertion.key", error.detail) from error
    message = assertion.authenticator_data + sha256(assertion.client_data)
    if len(assertion.signature) > MAX_SIGNATURE or not key.verifies(assertion.signature, message):
        raise Refused("assertion.signature", "the signature is not this passkey's over this challenge")
