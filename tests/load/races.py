"""One confirmation that several want to end at the same moment, each in their own way, and what they were told."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import permutations

from temporalio.service import RPCError

from activities.closing import close_confirmation, consume_confirmation, read_standing
from activities.voting import record_vote
from cosignet.core.encoding import sha256
from cosignet.core.policy import Policy
from cosignet.errors import Conflict, Unavailable
from cosignet.temporal.contract import Outcome
from store.events import list_events
from store.organisations import set_policy
from tests.workflow.service import Service

AT_ONCE = 20
# How many seconds after each other the contestants set off: whoever takes longest has to win sometimes.
STAGGERS = (0, 0.03, 0.3, 1)
ENDINGS = ("approved", "rejected", "expired", "cancelled")
LATE = "decision.final"
POLICY = "any of them, and any of them may veto"
PATIENCE = 100


@dataclass
class Race:
    """What became of one confirmation: the workflow's result, and the ending that each contestant was told."""

    confirmation: str
    outcome: Outcome
    told: list[str]
    consumed: int
    late: str


@dataclass
class Races:
    """Anna approves, Ben rejects, the deadline comes, an operator cancels; Cem, and two consumers, come after that."""

    service: Service
    finished: list[Race] = field(default_factory=list)

    async def prepare(self) -> None:
        """One approval decides, and so does one rejection."""
        acme = self.service.acme
        policy = Policy(approvers=tuple(person.id for person in acme.people.values()), threshold=1, veto=True)
        async with acme.database.write() as tx:
            at = await acme.database.clock(tx)
            await set_policy(tx, acme.organisation.id, POLICY, policy.to_bytes(), at=at)

    async def run(self, number: int) -> None:
        """One race; its number chooses the order."""
        acme = self.service.acme
        confirmation, handle = await self.service.start(approvers=[], policy=POLICY)
        await self.service.inbox.told("anna@example.com")
        approval = await acme.sign(confirmation, "anna")
        rejection = await acme.sign(confirmation, "ben", "reject")
        _, late = await acme.sign(confirmation, "cem")
        contestants = [
            lambda: self._vote(confirmation, *approval),
            lambda: self._vote(confirmation, *rejection),
            lambda: self._expire(confirmation),
            lambda: self._cancel(handle),
        ]
        told = await race(contestants, number)
        outcome = await asyncio.wait_for(handle.result(), PATIENCE)
        refused = await record_vote(acme.deployment, confirmation, late)
        consumed = await asyncio.gather(*(self._consume(confirmation) for _ in range(2)))
        self.finished.append(Race(confirmation, outcome, [*filter(None, told)], sum(consumed), refused.answer.code))

    async def disagreements(self) -> list[tuple[Race, str]]:
        """Races of which row, event, workflow, the answers given and the uses made do not tell the same story."""
        service = self.service
        async with service.acme.database.read() as tx:
            events = [e for e in await list_events(tx, service.acme.organisation.id) if e.confirmation_id]
        by_confirmation = {race.confirmation: [] for race in self.finished}
        for event in events:
            by_confirmation[event.confirmation_id].append(event)
        found = []
        for race in self.finished:
            standing = await read_standing(service.acme.deployment, race.confirmation)
            endings = [e for e in by_confirmation[race.confirmation] if e.type.split(".")[1] in ENDINGS]
            status = standing.row.status
            agree = (
                [event.type for event in endings] == [f"confirmation.{status}"]
                and [event.id for event in endings] == [standing.row.outcome_event] == [race.outcome.event]
                and {race.outcome.status, *race.told} == {status}
                and len(standing.votes) == len(race.outcome.votes) == (status in ("approved", "rejected"))
                and race.consumed == (status == "approved")
                and race.late == LATE
            )
            if not agree:
                found.append((race, status))
        return found

    @property
    def endings(self) -> Counter[str]:
        """How many ended how."""
        return Counter(race.outcome.status for race in self.finished)

    async def _vote(self, confirmation: str, nonce: str, vote) -> str | None:
        try:
            answer = await self.service.vote(confirmation, nonce, vote)
        except Unavailable:
            # The workflow had ended: nobody was told anything of this vote.
            return None
        return answer.status if answer.accepted else None

    async def _expire(self, confirmation: str) -> str:
        """What the workflow does at the deadline."""
        outcome = await close_confirmation(self.service.acme.deployment, confirmation, "expired")
        await self.service.workflows.sync(confirmation)
        return outcome.status

    async def _cancel(self, handle) -> None:
        # It may have ended already.
        with suppress(RPCError):
            await handle.cancel()

    async def _consume(self, confirmation: str) -> bool:
        deployment, consumer = self.service.acme.deployment, secrets.token_hex(4)
        payload = (await read_standing(deployment, confirmation)).row.payload
        try:
            await consume_confirmation(deployment, confirmation, sha256(payload), consumer)
        except Conflict:
            return False
        return True


async def race(contestants: list[Callable[[], Awaitable]], number: int) -> list:
    """Let them set off one after the other, in one of all orders and at one of the distances, by the race's number."""
    turn, distance = divmod(number, len(STAGGERS))
    orders = list(permutations(contestants))

    async def set_off(place: int, contestant: Callable[[], Awaitable]):
        await asyncio.sleep(place * STAGGERS[distance])
        return await contestant()

    return await asyncio.gather(*(set_off(*entry) for entry in enumerate(orders[turn % len(orders)])))


async def run_all(run: Callable[[int], Awaitable[None]], total: int, soak) -> None:
    """All races, some at a time."""
    numbers, done = iter(range(total)), Counter()

    async def work():
        for number in numbers:
            await run(number)
            done["races"] += 1
            soak.progress(done["races"], total)

    async with asyncio.TaskGroup() as runners:
        for _ in range(AT_ONCE):
            runners.create_task(work())
