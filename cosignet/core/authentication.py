"""Whether what a relying party trusts vouches for evidence that agrees with itself. docs/protocol.md §7."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from cosignet.core.assertion import Credential
from cosignet.core.consistency import Consistent
from cosignet.core.decision import Vote
from cosignet.core.log_keys import LogKey, signers_of
from cosignet.core.ots import block_hash, time_in
from cosignet.core.trust import Level, PinnedLog, Trust
from cosignet.core.witnesses import NONE
from cosignet.errors import CosignetError, NotAuthenticated, VerificationFailed

# Pinned by the trust file as an approver's or a root's, or endorsed by a root's, or the operator's word alone.
KeyState = Literal["pinned", "root", "endorsed", "attested"]
ENDORSERS = ("admin", "owner")
# A cosignature's time has 64 bits, the calendar has not.
_LAST_SECOND = 253_402_300_799


@dataclass(frozen=True)
class Receipt:
    """What the log's head is vouched for by: how far it has come, and since when, by the word of whom, it exists.

    `witnessed` is whether enough witnesses have signed it. A block alone says nothing of other heads.
    """

    level: Level
    witnessed: bool
    existed: tuple[tuple[datetime, str], ...]

    @property
    def before(self) -> datetime | None:
        """The earliest time by which somebody other than the operator had seen the head."""
        return min((time for time, _ in self.existed), default=None)


@dataclass(frozen=True)
class Authentic:
    """Evidence that the trust file vouches for: what is known of each vote's passkey, and the receipt of the log."""

    found: Consistent
    states: tuple[KeyState, ...]
    receipt: Receipt


def authenticate(found: Consistent, trust: Trust) -> Authentic:
    """Hold evidence against a trust file.

    Raises `NotAuthenticated` where nothing trusted vouches for it, and `VerificationFailed` where something that is
    trusted contradicts it.
    """
    _require_organisation(found, trust)
    _require_places(found, trust)
    receipt = _require_log(found, trust.log)
    states = tuple(_state(found, vote, trust) for vote in found.votes)
    _require_floor(found, trust)
    return Authentic(found, states, receipt)


def _require_organisation(found: Consistent, trust: Trust) -> None:
    audience = found.content.terms.audience if found.content else trust.rp.id
    if (found.record.organisation, audience) != (trust.organisation, trust.rp.id):
        raise NotAuthenticated("trust.audience", "decided in another organisation or deployment than the trusted one")


def _require_places(found: Consistent, trust: Trust) -> None:
    for vote in found.votes:
        try:
            trust.rp.require(vote.proof.place)
        except CosignetError as error:
            raise NotAuthenticated(error.code, error.detail) from error


def _require_log(found: Consistent, log: PinnedLog) -> Receipt:
    _require_signed(found, log)
    witnesses = log.witnesses
    seen = signers_of(found.note, witnesses.witnesses.values())
    if log.level is not Level.INCLUDED and not witnesses.satisfied_by(seen):
        raise NotAuthenticated("witness.quorum", "too few of the trusted witnesses have signed the log's head")
    witnessed = witnesses.quorum != NONE and witnesses.satisfied_by(seen)
    existed = [_witnessed_at(seen, log)] if witnessed else []
    anchored = _anchored_at(found, log)
    if log.level is Level.ANCHORED and anchored is None:
        raise NotAuthenticated("trust.level", "no block of the trust file's vouches for the age of the log's head")
    level = Level.INCLUDED
    if witnessed:
        level = Level.WITNESSED
    if anchored:
        existed.append(anchored)
        level = Level.ANCHORED
    return Receipt(level, witnessed, tuple(existed))


def _require_signed(found: Consistent, log: PinnedLog) -> None:
    if found.head.origin != log.origin:
        raise NotAuthenticated("trust.log", "recorded in another log than the trusted one")
    needed = {pinned.key for pinned in log.keys if pinned.signs(found.head.size)}
    signed = signers_of(found.note, needed)
    if not needed or needed - set(signed):
        raise NotAuthenticated("trust.log", "not every key that the trust file names has signed the log's head")


def _witnessed_at(seen: dict[LogKey, int], log: PinnedLog) -> tuple[datetime, str]:
    """When enough witnesses had seen it."""
    times = sorted(set(seen.values()))
    enough = next(t for t in times if log.witnesses.satisfied_by([key for key, at in seen.items() if at <= t]))
    return datetime.fromtimestamp(min(enough, _LAST_SECOND), UTC), "its witnesses"


def _anchored_at(found: Consistent, log: PinnedLog) -> tuple[datetime, str] | None:
    anchor, pinned = found.evidence.anchor, [height for height in found.anchored if str(height) in log.blocks]
    if anchor is None or not pinned:
        return None
    if any(block_hash(anchor.header) != log.blocks[str(height)] for height in pinned):
        raise VerificationFailed("anchor.header", "a block that is pinned is another one")
    return time_in(anchor.header), f"Bitcoin block {pinned[0]}"


def _state(found: Consistent, vote: Vote, trust: Trust) -> KeyState:
    key = found.keys[vote.proof.credential.id]
    if _is_pinned(trust.find_key(key.credential.id), key.credential):
        return "pinned"
    if _is_pinned(trust.find_root(key.credential.id), key.credential):
        return "root"
    if trust.roots and key.endorsement and _endorses(key.endorsement, trust):
        return "endorsed"
    if trust.attested_keys:
        return "attested"
    raise NotAuthenticated(
        "credential.enrolled", "signed with a passkey that nobody vouches for whom the trust file names"
    )


def _is_pinned(pinned: Credential | None, shown: Credential) -> bool:
    if pinned is not None and pinned != shown:
        raise NotAuthenticated("credential.enrolled", "the trust file pins another passkey under this id")
    return pinned is not None


def _endorses(found: Consistent, trust: Trust) -> bool:
    """Whether a root, or somebody whose own endorsement goes back to one, approved this."""
    try:
        _require_places(found, trust)
        _require_signed(found, trust.log)
    except VerificationFailed:
        return False
    approving = [found.keys[vote.proof.credential.id] for vote in found.votes if vote.context.decision == "approve"]
    return any(
        trust.find_root(key.credential.id) == key.credential
        or (key.role in ENDORSERS and key.endorsement is not None and _endorses(key.endorsement, trust))
        for key in approving
    )


def _require_floor(found: Consistent, trust: Trust) -> None:
    approving = {vote.context.approver for vote in found.votes if vote.context.decision == "approve"}
    counted = approving & (trust.floor.approvers or approving)
    if found.evidence.decision == "approved" and len(counted) < trust.floor.threshold:
        raise NotAuthenticated("policy.floor", f"{len(counted)} approvals that the trust file counts")
