"""Telling approvers that somebody waits for them: what is said, to whom, and the interface of the channels.

A message carries a personal, view-only link. Its token is made here, inside the activity, and kept as a
hash: it never enters a Temporal history or a log line.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from activities.deployment import Deployment
from cosignet.core.deception import escape
from cosignet.core.encoding import instant, sha256
from cosignet.core.policy import Policy
from cosignet.core.terms import Terms
from store.confirmations import get_confirmation
from store.organisations import get_people
from store.rows import Confirmation, Person
from store.votes import create_link

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """One message to one person; `key` is the same for every attempt to send it, so that channels can drop doubles."""

    key: str
    to: str
    subject: str
    text: str
    link: str


class Notifier(Protocol):
    """A channel: e-mail, chat, or a folder on this machine."""

    async def send(self, message: Message) -> None:
        """Deliver, at least once. Raises `Unavailable` when it may work later."""


class OutboxNotifier:
    """Without a mail service: one JSON file for each message in a folder, and a line in the log that says so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: Message) -> None:
        """Write `<folder>/<hash of the message's key>.json`, readable by the service's user alone."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{sha256(message.key.encode()).hex()[:32]}.json"
        partial = path.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(vars(message), indent=2, ensure_ascii=False))
        partial.replace(path)
        logger.info("A message for an approver lies in %s", path)


async def notify_stage(deployment: Deployment, notifier: Notifier, confirmation: str, stage: int) -> int:
    """Send everybody who may vote from this stage on their link; 0 when the confirmation is no longer pending."""
    async with deployment.database.write() as tx:
        row = await get_confirmation(tx, confirmation)
        if row is None or row.status != "pending":
            return 0
        people = await get_people(tx, _recipients(Policy.parse(row.policy), stage))
        at = await deployment.database.clock(tx)
        active = [person for person in people if person.revoked_at is None]
        tokens = [await create_link(tx, row.id, person.id, delivered=True, at=at) for person in active]
    for person, token in zip(active, tokens, strict=True):
        await notifier.send(_compose(deployment, row, person, stage, token))
    return len(active)


def _recipients(policy: Policy, stage: int) -> frozenset[str]:
    named = policy.approvers if stage == 0 else policy.fallback[stage - 1].approvers
    seats = policy.seats.intersection(named)
    stand_ins = {person for seat in seats for person in policy.delegates.get(seat, ())}
    return seats.union(stand_ins).difference(policy.exclude)


def _compose(deployment: Deployment, row: Confirmation, person: Person, stage: int, token: str) -> Message:
    terms = Terms.parse(row.terms)
    action = escape(terms.action).replace("\n", " ")
    return Message(
        key=f"{row.id}/{person.id}/{stage}",
        to=person.email,
        subject=f"Approval needed: {action}",
        text=(
            f"{escape(terms.requester)} asks for your approval and says: {action}\n\n"
            f"Open your personal link to see exactly what will happen, until {instant(row.deadline)}. "
            "The link only shows it; your passkey decides. Do not forward it."
        ),
        link=f"{deployment.approve_url(row.id)}#{token}",
    )
