"""A new passkey, checked before it is enrolled. W3C WebAuthn Level 3 §7.1 and docs/protocol.md §3.

Attestation is not asked for and not relied on: a statement that arrives all the same is ignored here,
and every key counts as unattested.
"""

from dataclasses import dataclass

from cosignet.core.authenticator_data import AuthenticatorData, parse_authenticator_data
from cosignet.core.cbor import read_map
from cosignet.core.client_data import Place, RelyingParty, check_client_data
from cosignet.core.keys import parse_public_key
from cosignet.errors import Malformed, Refused

MAX_ATTESTATION_OBJECT = 32 * 1024


@dataclass(frozen=True)
class NewCredential:
    """A passkey fit to sign: `id` at most 1,023 bytes, `public_key` COSE verbatim, `aaguid` a hint only."""

    id: bytes
    public_key: bytes
    aaguid: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool


def verify_registration(
    *, credential_id: bytes, attestation_object: bytes, client_data: bytes, challenge: bytes, rp: RelyingParty
) -> NewCredential:
    """Require a user-verified creation of a usable key for this challenge on a page of ours.

    Raises `Refused("assertion.…")` or `Malformed("credential.key")`. Whether the id is new is for the caller.
    """
    origin = check_client_data(client_data, kind="webauthn.create", challenge=challenge)
    data = _authenticator_data(attestation_object)
    rp.require(Place(origin, data.rp_id_hash))
    data.require_user()
    new = data.credential
    if new is None or new.id != credential_id:
        raise Refused("assertion.form", "the new credential is missing, or has another id than the answer says")
    parse_public_key(new.public_key)
    return NewCredential(
        id=new.id,
        public_key=new.public_key,
        aaguid=new.aaguid,
        sign_count=data.sign_count,
        backup_eligible=data.backup_eligible,
        backed_up=data.backed_up,
    )


def _authenticator_data(attestation_object: bytes) -> AuthenticatorData:
    if len(attestation_object) > MAX_ATTESTATION_OBJECT:
        raise Refused("assertion.form", "the attestation object is too long")
    try:
        members, rest = read_map(attestation_object)
    except Malformed as error:
        raise Refused("assertion.form", f"attestation object: {error.detail}") from error
    kinds = {name: type(value) for name, value in members.items()}
    if rest or kinds != {"fmt": str, "attStmt": dict, "authData": bytes}:
        raise Refused("assertion.form", "the attestation object holds exactly fmt, attStmt and authData")
    return parse_authenticator_data(members["authData"])
