"""Rows as the JSON that callers read."""

from typing import Any

from activities.closing import Standing
from activities.deployment import Deployment
from activities.opening import warnings_of
from activities.viewing import View
from api.schemas import ApprovalJson, ConfirmationJson, PersonJson, VoteJson
from cosignet.core.canonical import parse
from cosignet.core.encoding import b64u, instant, sha256
from cosignet.core.terms import Terms
from store.rows import Person, VoteRow


def confirmation_json(deployment: Deployment, standing: Standing) -> ConfirmationJson:
    """A confirmation as its owner sees it."""
    row = standing.row
    return ConfirmationJson(
        **_facts(deployment, standing),
        consumed_at=instant(row.consumed_at) if row.consumed_at else None,
        consumer=row.consumer,
    )


def approval_json(deployment: Deployment, view: View, viewer: Person) -> ApprovalJson:
    """A confirmation as one approver sees it."""
    row = view.standing.row
    return ApprovalJson(
        **_facts(deployment, view.standing),
        terms=b64u(row.terms),
        payload_bytes=b64u(row.payload),
        policy=b64u(row.policy),
        people=[_person(person) for person in view.people],
        you=_person(viewer),
        your_vote=_vote(view.vote) if view.vote else None,
        may_vote=view.obstacle is None,
        why_not=view.obstacle.code if view.obstacle else None,
    )


def _facts(deployment: Deployment, standing: Standing) -> dict[str, Any]:
    row = standing.row
    terms, payload = Terms.parse(row.terms), parse(row.payload)
    return {
        "id": row.id,
        "status": row.announced,
        "usable": standing.usable,
        "action": terms.action,
        "note": row.note,
        "payload": payload,
        "payload_hash": b64u(sha256(row.payload)),
        "terms_hash": b64u(row.terms_hash),
        "requester": terms.requester,
        "claim": row.claim,
        "execution": terms.execution,
        "public_reveal": terms.reveal == "yes",
        "external_id": row.external_id,
        "url": deployment.approve_url(row.id),
        "created_at": instant(row.created_at),
        "deadline": instant(row.deadline),
        "valid_until": instant(row.valid_until),
        "decided_at": instant(row.decided_at) if row.announced.final and row.decided_at else None,
        "request_event": row.request_event,
        "outcome_event": row.outcome_event if row.announced.final else None,
        "outcome_leaf": row.outcome_leaf,
        "votes": [_vote(vote) for vote in standing.votes],
        "warnings": warnings_of(row, payload),
    }


def _vote(vote: VoteRow) -> VoteJson:
    return VoteJson(approver=vote.person_id, decision=vote.decision, reason=vote.reason, at=instant(vote.counted_at))


def _person(person: Person) -> PersonJson:
    return PersonJson(id=person.id, name=person.name, email=person.email)
