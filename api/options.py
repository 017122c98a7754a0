"""What browsers are asked about passkeys: the options of W3C WebAuthn Level 3 §5.1, as JSON."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field

from activities.ceremonies import Ceremony
from activities.enrolment import Enrolled, Enrolment
from api.schemas import MomentOut, PersonJson
from cosignet.core.encoding import b64u, instant
from cosignet.core.keys import EDDSA, ES256
from store.rows import CredentialRow, Person, Role

# Milliseconds: as long as a ceremony lives at most.
TIMEOUT = 300_000

Hint = Literal["client-device", "hybrid", "security-key"]

_HINTS: dict[str, Hint] = {
    "internal": "client-device",
    "hybrid": "hybrid",
    "cable": "hybrid",
    "usb": "security-key",
    "nfc": "security-key",
    "ble": "security-key",
    "smart-card": "security-key",
}


class Descriptor(BaseModel):
    """PublicKeyCredentialDescriptorJSON."""

    type: Literal["public-key"] = "public-key"
    id: str
    transports: list[str]


class RequestOptions(BaseModel):
    """PublicKeyCredentialRequestOptionsJSON."""

    challenge: str
    timeout: int = TIMEOUT
    rpId: str
    allowCredentials: list[Descriptor]
    userVerification: Literal["required"] = "required"
    hints: list[Hint]


class CeremonyJson(BaseModel):
    """What is to be signed: check it against what was shown, then call `navigator.credentials.get()`."""

    context: str = Field(description="Canonical bytes, to which the nonce commits.")
    nonce: str
    options: RequestOptions
    expires_at: MomentOut


class SignInOptions(BaseModel):
    """For `navigator.credentials.get()`, which offers every passkey that it has for this installation."""

    options: RequestOptions


class RelyingPartyJson(BaseModel):
    """PublicKeyCredentialRpEntity."""

    id: str
    name: str


class UserJson(BaseModel):
    """PublicKeyCredentialUserEntityJSON."""

    id: str
    name: str
    displayName: str


class Parameter(BaseModel):
    """PublicKeyCredentialParameters."""

    type: Literal["public-key"] = "public-key"
    alg: int


class Selection(BaseModel):
    """AuthenticatorSelectionCriteria."""

    residentKey: Literal["required"] = "required"
    requireResidentKey: Literal[True] = True
    userVerification: Literal["required"] = "required"


class CreationOptions(BaseModel):
    """PublicKeyCredentialCreationOptionsJSON."""

    rp: RelyingPartyJson
    user: UserJson
    challenge: str
    pubKeyCredParams: list[Parameter]
    timeout: int = TIMEOUT
    excludeCredentials: list[Descriptor]
    authenticatorSelection: Selection = Selection()
    attestation: Literal["none"] = "none"


class InviteeJson(PersonJson):
    """Who was invited, and as what."""

    role: Role


class OrganisationJson(BaseModel):
    """Who invites."""

    id: str
    name: str


class RegistrationOptions(BaseModel):
    """For `navigator.credentials.create()`, and for the page around it."""

    person: InviteeJson
    organisation: OrganisationJson
    options: CreationOptions


class EnrolledCredential(BaseModel):
    """A passkey: may it be `synced` to other devices. No key counts as attested."""

    id: str
    synced: bool
    attested: Literal[False] = False


class Registered(BaseModel):
    """Who has enrolled what."""

    person: InviteeJson
    credential: EnrolledCredential


def ceremony_json(ceremony: Ceremony, rp_id: str) -> CeremonyJson:
    """An issued ceremony as the page takes it."""
    transports = (transport for row in ceremony.credentials for transport in row.transports.split())
    options = RequestOptions(
        challenge=b64u(ceremony.challenge),
        rpId=rp_id,
        allowCredentials=_descriptors(ceremony.credentials),
        hints=list(dict.fromkeys(_HINTS[transport] for transport in transports if transport in _HINTS)),
    )
    return CeremonyJson(
        context=b64u(ceremony.context),
        nonce=b64u(ceremony.nonce),
        options=options,
        expires_at=instant(ceremony.expires_at),
    )


def sign_in_json(challenge: bytes, rp_id: str) -> SignInOptions:
    """A sign-in challenge as the page takes it. It names no passkey: who is asked is not known, nor who may be."""
    options = RequestOptions(challenge=b64u(challenge), rpId=rp_id, allowCredentials=[], hints=[])
    return SignInOptions(options=options)


def registration_json(enrolment: Enrolment, rp_id: str) -> RegistrationOptions:
    """An enrolment as the page takes it: a discoverable passkey whose user handle is the person's id."""
    person, organisation = enrolment.person, enrolment.organisation
    options = CreationOptions(
        rp=RelyingPartyJson(id=rp_id, name="Cosignet"),
        user=UserJson(id=b64u(person.id.encode()), name=person.email, displayName=person.name),
        challenge=b64u(enrolment.challenge),
        pubKeyCredParams=[Parameter(alg=ES256), Parameter(alg=EDDSA)],
        excludeCredentials=_descriptors(enrolment.known),
    )
    return RegistrationOptions(
        person=_invitee(person),
        organisation=OrganisationJson(id=organisation.id, name=organisation.name),
        options=options,
    )


def registered_json(enrolled: Enrolled) -> Registered:
    """What a person has enrolled."""
    credential = EnrolledCredential(id=b64u(enrolled.credential.id), synced=enrolled.credential.backup_eligible)
    return Registered(person=_invitee(enrolled.person), credential=credential)


def _invitee(person: Person) -> InviteeJson:
    return InviteeJson(id=person.id, name=person.name, email=person.email, role=person.role)


def _descriptors(credentials: Iterable[CredentialRow]) -> list[Descriptor]:
    return [Descriptor(id=b64u(row.id), transports=row.transports.split()) for row in credentials]
