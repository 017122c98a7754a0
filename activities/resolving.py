"""From what a request names (addresses, ids, a policy's name) to the people who can decide. docs/protocol.md §4."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from cosignet.core.policy import Policy
from cosignet.errors import Malformed
from cosignet.temporal.contract import Ask
from store.organisations import FloorRow, enrolled, find_person, get_floors, get_policy


async def resolve_policy(tx: AsyncConnection, organisation: str, ask: Ask) -> Policy:
    """The policy that will be signed: everybody enrolled, no floor undercut. Raises `Malformed("policy.…")`."""
    if bool(ask.approvers) == bool(ask.policy):
        raise Malformed("policy.choice", "name either approvers or a policy, not both and not neither")
    policy = await (_named(tx, organisation, ask) if ask.policy else _listed(tx, organisation, ask))
    _check_stages(policy, ask)
    await _require_enrolled(tx, policy)
    for floor in await get_floors(tx, organisation, ask.action):
        _check_floor(policy, floor)
    return policy


async def _listed(tx: AsyncConnection, organisation: str, ask: Ask) -> Policy:
    people = [await _find(tx, organisation, named) for named in ask.approvers]
    return Policy(approvers=tuple(people), threshold=ask.threshold or 1)


async def _find(tx: AsyncConnection, organisation: str, named: str) -> str:
    person = await find_person(tx, organisation, named)
    if person is None or person.revoked_at is not None:
        raise Malformed("policy.unknown_approver", f"nobody in this organisation is called {named!r}")
    return person.id


async def _named(tx: AsyncConnection, organisation: str, ask: Ask) -> Policy:
    document = await get_policy(tx, organisation, ask.policy)
    if document is None:
        raise Malformed("policy.unknown", f"this organisation has no policy {ask.policy!r}")
    policy = Policy.parse(document)
    if ask.threshold and ask.threshold < policy.threshold:
        raise Malformed("policy.loosened", f"the policy asks for {policy.threshold}; a request may only ask for more")
    return replace(policy, threshold=ask.threshold or policy.threshold)


def _check_stages(policy: Policy, ask: Ask) -> None:
    if any(stage.after >= ask.expires_in for stage in policy.fallback):
        raise Malformed("policy.unreachable", "a fallback stage would open only after the deadline")


async def _require_enrolled(tx: AsyncConnection, policy: Policy) -> None:
    # Delegates may enrol later; a seat holder without a passkey would make the threshold a fiction.
    missing = policy.seats - await enrolled(tx, policy.seats)
    if missing:
        raise Malformed("policy.unenrolled", f"{len(missing)} of the approvers have no passkey; invite them first")


def _check_floor(policy: Policy, floor: FloorRow) -> None:
    if policy.threshold < floor.threshold:
        raise Malformed("policy.floor", f"this organisation asks for at least {floor.threshold} approvals here")
    if floor.approvers and not policy.signers <= floor.approvers:
        raise Malformed("policy.floor", "this organisation lets only certain people approve this")
