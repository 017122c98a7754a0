"""What crosses Temporal between an agent's workflow and the approval service: names, and flat data.

Bytes travel as base64url text and a payload as JSON text, so that any data converter carries them unchanged.
"""

import json
from dataclasses import dataclass, field

APPROVAL_WORKFLOW = "cosignet.Approval"
TASK_QUEUE = "cosignet"
LOG_TASK_QUEUE = "cosignet-log"

VOTE_UPDATE = "vote"
REFRESH_KEYS_UPDATE = "refresh_keys"
APPROVAL_SIGNAL = "approval"
SYNC_SIGNAL = "sync"

# Bytes of JSON.
MAX_SUMMARY = 300

# Codes of refusals after which the same vote is worth sending again.
NOT_READY = "vote.not_ready"
UNPINNED = "credential.unpinned"


@dataclass(frozen=True)
class Ask:
    """A request for approval of one exact action.

    `payload` is the JSON text of what will be executed. `approvers` are e-mail addresses or person ids; or `policy`
    names one of the organisation's, and `threshold` may only tighten it (0: as the policy says, else 1).
    `expires_in` (30 to 2,592,000) and `valid_for` are seconds. `execution` is empty or names where alone the action
    may run. `claim` is what the caller says of itself: shown as a claim, never as the requester. `public_reveal`
    makes an approval public, for ever: everybody who knows its id may read action, payload, note and reasons.
    """

    action: str
    payload: str
    approvers: list[str] = field(default_factory=list)
    policy: str = ""
    threshold: int = 0
    note: str = ""
    expires_in: int = 900
    valid_for: int = 3600
    execution: str = ""
    external_id: str = ""
    claim: str = ""
    public_reveal: bool = False


@dataclass(frozen=True)
class ApprovalInput:
    """Input of `cosignet.Approval`: the confirmation's id, and the ask unless the service has recorded it already."""

    confirmation: str
    ask: Ask | None = None


@dataclass(frozen=True)
class VoteInput:
    """One signed vote: the context's canonical bytes and the assertion's parts, each in base64url."""

    context: str
    credential: str
    authenticator_data: str
    client_data: str
    signature: str
    user_handle: str = ""


@dataclass(frozen=True)
class VoteAnswer:
    """What became of a vote. `code` and `detail` say why when it was not `accepted`; `status` is the confirmation's."""

    accepted: bool
    status: str
    code: str = ""
    detail: str = ""


@dataclass(frozen=True)
class OutcomeVote:
    """One counted vote: person id, `approve` or `reject`, and the reason they signed."""

    approver: str
    decision: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """How a confirmation ended. Only `status == "approved"` is an approval, and only evidence proves it.

    Hashes are base64url, times RFC 3339; `event` is the id of the outcome's event, `leaf_index` its place in the log.
    """

    confirmation: str
    status: str
    payload_hash: str
    terms_hash: str
    decided_at: str
    valid_until: str
    event: str
    votes: list[OutcomeVote] = field(default_factory=list)
    leaf_index: int | None = None


def summary_of(action: str) -> str:
    """The action as Temporal's UI shows it, cut to what a server takes: it refuses a start with more than 400 bytes."""
    text = action
    while len(json.dumps(text)) > MAX_SUMMARY:
        text = text[:-1]
    return text
