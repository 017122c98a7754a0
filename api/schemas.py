"""The JSON that goes in and out, as docs and checks. Texts are bounded, times RFC 3339, bytes base64url."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from activities.closing import MAX_CONSUMER
from activities.opening import EXPIRES_IN, MAX_EXTERNAL_ID, VALID_FOR
from api.polling import MAX_WAIT
from cosignet.core.decision import Status
from cosignet.core.encoding import from_b64u, from_instant
from cosignet.core.policy import MAX_PEOPLE
from cosignet.core.terms import MAX_ACTION, MAX_NAME, MAX_NOTE, MAX_REASON, DecisionWord

MAX_CURSOR = 200
MAX_PAGE = 100


def _without_nul(text: str) -> str:
    # PostgreSQL has no text with this character in it, so it can name nothing.
    if "\x00" in text:
        raise ValueError("the character NUL has no place here")
    return text


def _bytes(value: object) -> bytes:
    return from_b64u(_text(value))


def _hash(value: object) -> bytes:
    return from_b64u(_text(value), size=32)


def _moment(value: object) -> datetime:
    return from_instant(_text(value))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("expected text")
    return value


_MOMENT = {"type": "string", "format": "date-time", "examples": ["2026-01-31T12:00:00Z"]}

Text = Annotated[str, AfterValidator(_without_nul)]
B64u = Annotated[bytes, BeforeValidator(_bytes), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]*$"})]
Hash = Annotated[bytes, BeforeValidator(_hash), WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"})]
MomentIn = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema(_MOMENT)]
MomentOut = Annotated[str, WithJsonSchema(_MOMENT)]


class Body(BaseModel):
    """A body of ours: exactly these fields, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ConfirmationRequest(Body):
    """A request for approval of one exact action. Put references into the payload, not secrets."""

    action: str = Field(min_length=1, max_length=MAX_ACTION, description="What people will read: a label.")
    payload: Annotated[Any, WithJsonSchema({"type": "object"})] = Field(
        description="What will be executed, exactly; at most 64 KiB, depth 32, numbers within ±(2^53−1)."
    )
    approvers: list[Annotated[Text, Field(max_length=320)]] = Field(
        [], max_length=MAX_PEOPLE, description="E-mail addresses or person ids; or name a policy."
    )
    policy: Text = Field("", max_length=200, description="The name of one of the organisation's policies.")
    threshold: int | None = Field(
        None, ge=1, le=MAX_PEOPLE, description="How many must approve: 1, or as the policy says; more, never less."
    )
    note: str = Field("", max_length=MAX_NOTE, description="Anything else that approvers should read.")
    expires_in: int = Field(900, ge=EXPIRES_IN[0], le=EXPIRES_IN[1], description="Seconds until the deadline.")
    valid_for: int = Field(
        3600, ge=VALID_FOR[0], le=VALID_FOR[1], description="Seconds after the deadline that an approval is good for."
    )
    execution: str = Field("", max_length=MAX_NAME, description="Where alone the action may run, if anywhere.")
    external_id: Text = Field("", max_length=MAX_EXTERNAL_ID, description="The caller's own name for it.")
    claim: str = Field("", max_length=MAX_NAME, description="What the caller says of itself, shown as a claim.")
    public_reveal: bool = Field(
        False,
        description="Make an approval public, for ever; approvers are told, and their verified address is hashed.",
    )


class Consumption(Body):
    """Who is about to execute what."""

    payload_hash: Hash = Field(description="SHA-256 of the canonical payload that is about to be executed.")
    consumer: Text = Field(min_length=1, max_length=MAX_CONSUMER, description="Who executes it; may ask again.")


class CeremonyRequest(Body):
    """What the approver touched."""

    decision: DecisionWord
    reason: str = Field("", max_length=MAX_REASON)


class Reading(BaseModel):
    """How to read one confirmation."""

    model_config = ConfigDict(extra="forbid")

    wait: int = Field(0, ge=0, le=MAX_WAIT, description="Seconds to wait for it to end.")


class Listing(BaseModel):
    """Which confirmations to list: created at `since` or later, before `until`."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = None
    external_id: Annotated[Text | None, Field(max_length=MAX_EXTERNAL_ID)] = None
    since: MomentIn | None = None
    until: MomentIn | None = None
    cursor: Annotated[str | None, Field(max_length=MAX_CURSOR, description="`next_cursor` of the page before.")] = None
    limit: int = Field(50, ge=1, le=MAX_PAGE)


class VoteJson(BaseModel):
    """One counted vote."""

    approver: str
    decision: DecisionWord
    reason: str
    at: MomentOut


class ConfirmationFacts(BaseModel):
    """Where a confirmation stands. Only the evidence proves an approval."""

    id: str
    status: Status
    usable: bool = Field(description="Approved, not consumed, nothing revoked, and before `valid_until`.")
    action: str
    note: str
    payload: dict[str, Any]
    payload_hash: str
    terms_hash: str
    requester: str
    claim: str
    execution: str
    public_reveal: bool = Field(description="Whether an approval becomes public, for ever.")
    external_id: str
    url: str
    created_at: MomentOut
    deadline: MomentOut
    valid_until: MomentOut
    decided_at: MomentOut | None
    request_event: str = Field(description="The request's event in the public log.")
    outcome_event: str | None = Field(description="The outcome's event in the public log.")
    outcome_leaf: int | None = Field(description="The index of the outcome's leaf.")
    votes: list[VoteJson]
    warnings: list[str] = Field(description="Where text could be taken for another text.")


class ConfirmationJson(ConfirmationFacts):
    """A confirmation as its owner sees it."""

    consumed_at: MomentOut | None
    consumer: str | None


class Page(BaseModel):
    """Some confirmations, newest first."""

    confirmations: list[ConfirmationJson]
    next_cursor: str | None


class PersonJson(BaseModel):
    """Somebody whom the policy names."""

    id: str
    name: str
    email: str


class ApprovalJson(ConfirmationFacts):
    """A confirmation as one approver sees it, with the exact bytes that a signature would cover."""

    terms: str = Field(description="Canonical bytes.")
    payload_bytes: str = Field(description="Canonical bytes.")
    policy: str = Field(description="Canonical bytes.")
    people: list[PersonJson] = Field(description="Everybody the policy names.")
    you: PersonJson
    your_vote: VoteJson | None
    may_vote: bool
    why_not: str | None = Field(description="The code of the rule that stands in the way.")


class VoteAnswerJson(BaseModel):
    """The vote is counted; `status` is the confirmation's now."""

    status: Status
    accepted: Literal[True]


class LinkJson(BaseModel):
    """A personal link's token, as if it had been sent: it shows one confirmation to one person, and decides nothing."""

    token: str


class Health(BaseModel):
    """The answer of the probes."""

    status: Literal["ok"]


class Problem(BaseModel):
    """RFC 9457. `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
