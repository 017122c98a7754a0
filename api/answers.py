"""What browsers answer when they are asked for a passkey: the JSON of W3C WebAuthn Level 3 §5.1, read strictly.

What `credential.toJSON()` gives is accepted as it is; members that decide nothing here are ignored.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from activities.enrolment import Registration
from api.schemas import B64u, Body, Hash
from cosignet.core.assertion import Assertion
from cosignet.errors import Malformed

# AuthenticatorTransport, and the name that older browsers give to `hybrid`.
TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "hybrid", "cable", "internal"})


def _known(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [item for item in value if isinstance(item, str) and item in TRANSPORTS]


class _FromBrowser(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class AssertionResponse(_FromBrowser):
    """AuthenticatorAssertionResponseJSON."""

    clientDataJSON: B64u
    authenticatorData: B64u
    signature: B64u
    userHandle: B64u | None = None


class AttestationResponse(_FromBrowser):
    """AuthenticatorAttestationResponseJSON. Transports that this service does not know are dropped."""

    clientDataJSON: B64u
    attestationObject: B64u
    transports: Annotated[list[str], BeforeValidator(_known)] = []


class _Credential(_FromBrowser):
    id: B64u
    rawId: B64u
    type: Literal["public-key"]

    def require_id(self) -> bytes:
        """The credential's id, which the answer names twice. Raises `Malformed("request.credential")`."""
        if self.id != self.rawId:
            raise Malformed("request.credential", "id and rawId differ")
        return self.rawId


class AuthenticationResponseJson(_Credential):
    """What `navigator.credentials.get()` gave."""

    response: AssertionResponse

    def assertion(self) -> Assertion:
        """Its parts, verbatim."""
        return Assertion(
            credential_id=self.require_id(),
            authenticator_data=self.response.authenticatorData,
            client_data=self.response.clientDataJSON,
            signature=self.response.signature,
            user_handle=self.response.userHandle or None,
        )


class RegistrationResponseJson(_Credential):
    """What `navigator.credentials.create()` gave."""

    response: AttestationResponse

    def registration(self) -> Registration:
        """Its parts, verbatim."""
        return Registration(
            credential_id=self.require_id(),
            attestation_object=self.response.attestationObject,
            client_data=self.response.clientDataJSON,
            transports=tuple(self.response.transports),
        )


class VoteRequest(Body):
    """A signed context, by its nonce."""

    nonce: Hash
    credential: AuthenticationResponseJson


class RegistrationRequest(Body):
    """A new passkey."""

    credential: RegistrationResponseJson


class SignInRequest(Body):
    """A signed sign-in challenge."""

    credential: AuthenticationResponseJson
