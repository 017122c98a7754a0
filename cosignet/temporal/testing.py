"""Approvals for an agent author's own tests: no service and no person, and everything in between is the real thing.

    approvals = FakeApprovals(lambda asked: reject("wrong IBAN"))
    async with (
        approvals.worker(env.client),
        Worker(env.client, task_queue="payments", workflows=[...], activities=[...], plugins=[approvals.plugin]),
    ):
        ...

A fake `cosignet.Approval` asks a function of the test to decide, and signs its answer with a passkey in software. The
plugin checks that evidence with the real verifier and consumes the approval like any other. Nobody else believes it:
the passkey is thrown away with the test, and its relying party `testing.invalid` is one that no browser signs for and
no trust file may name. `Replayer(plugins=[FakeApprovals().plugin])` replays histories.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from cosignet.core.addresses import SALT_BYTES, HashedAddress
from cosignet.core.canonical import Payload
from cosignet.core.client_data import RelyingParty
from cosignet.core.encoding import b64u, instant, sha256
from cosignet.core.evidence import DecisionStatus, VoteEvidence
from cosignet.core.policy import Policy
from cosignet.core.terms import Context, Terms, challenge_of, hash_text, nonce_of
from cosignet.core.trust import Approver, Floor, Trust
from cosignet.errors import Conflict, NotFound
from cosignet.temporal._plugin import TESTING_RP_ID, CosignetPlugin
from cosignet.temporal.contract import APPROVAL_WORKFLOW, TASK_QUEUE, ApprovalInput, Ask, Outcome, OutcomeVote
from cosignet.testing import Ceremony, SoftwareLog, SoftwarePasskey

ORIGIN = f"https://{TESTING_RP_ID}"
PERSON = "tester"
EMAIL = f"{PERSON}@{TESTING_RP_ID}"
_DECIDE = "cosignet.testing.decide"


@dataclass(frozen=True)
class Answer:
    """What the test decides: `approve`, `reject` with a reason, `expire` now, or `ignore` until the deadline."""

    decision: Literal["approve", "reject", "expire", "ignore"]
    reason: str = ""


APPROVE = Answer("approve")
EXPIRE = Answer("expire")
IGNORE = Answer("ignore")


def reject(reason: str = "") -> Answer:
    """The answer no, with the reason that the approver signs."""
    return Answer("reject", reason)


class FakeApprover:
    """Signs evidence, one vote of one person, with a passkey and a log that live as long as this object."""

    def __init__(
        self, passkey: SoftwarePasskey, organisation: str = "testing", *, log: SoftwareLog | None = None
    ) -> None:
        self.passkey = passkey
        self.organisation = organisation
        self.log = log or SoftwareLog(f"{TESTING_RP_ID}/public/log", organisation)
        self._enrolled = self.log.enrol(passkey.credential, _now())

    @property
    def trust(self) -> Trust:
        """What believes this passkey in this log, and nothing else."""
        person = Approver(PERSON, "a test, not a person", (self.passkey.credential,))
        rp = RelyingParty(TESTING_RP_ID, frozenset({ORIGIN}))
        return Trust(self.organisation, rp, self.log.pinned, (person,), Floor(1, frozenset()))

    def terms(self, confirmation: str, ask: Ask) -> Terms:
        """The terms of a request made now."""
        now = _now()
        deadline = now + timedelta(seconds=ask.expires_in)
        return Terms(
            confirmation=confirmation,
            audience=TESTING_RP_ID,
            organisation=self.organisation,
            requester="a workflow under test",
            action=ask.action,
            note=hash_text(ask.note),
            payload=Payload.from_text(ask.payload.encode()).hash,
            policy=Policy((PERSON,)).hash,
            created_at=now,
            deadline=deadline,
            valid_until=deadline + timedelta(seconds=ask.valid_for),
            reveal="yes" if ask.public_reveal else "no",
            execution=ask.execution,
        )

    def evidence(self, terms: Terms, ask: Ask, answer: Answer) -> bytes:
        """The document that proves `answer`, which approves or rejects, on these terms."""
        request = self.log.request(terms)
        head = self.log.head
        context = Context(
            terms=sha256(terms.to_bytes()),
            approver=PERSON,
            stands_in_for="",
            decision="approve" if answer.decision == "approve" else "reject",
            reason=hash_text(answer.reason),
            issued_at=terms.created_at,
            head=head,
            random=secrets.token_bytes(32),
        ).to_bytes()
        challenge = challenge_of(nonce_of(context), terms.payload)
        assertion = self.passkey.sign(challenge, Ceremony(TESTING_RP_ID, ORIGIN))
        decision: DecisionStatus = "approved" if answer.decision == "approve" else "rejected"
        vote = VoteEvidence(context, answer.reason, assertion)
        public = ask.public_reveal and decision == "approved"
        addresses = {PERSON: HashedAddress.of(EMAIL, secrets.token_bytes(SALT_BYTES))} if public else {}
        outcome = self.log.decide(decision, request, terms, [(vote, terms.created_at)], terms.created_at, addresses)
        return self.log.evidence(
            decision,
            terms,
            [vote],
            {self._enrolled: self.passkey.credential},
            [head.size],
            request=request,
            outcome=outcome,
            payload=Payload.from_text(ask.payload.encode()).canonical,
            policy=Policy((PERSON,)).to_bytes(),
            note=ask.note,
        ).to_bytes()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _approve(ask: Ask) -> Answer:
    return APPROVE


@dataclass
class _Decided:
    evidence: bytes
    approved_hash: str
    consumer: str = ""


class FakeApprovals:
    """Decides by `decide`, called once for each request; approves everything when it is not given.

    Whoever was asked, one and the same test person votes. `asked` lists what was asked, in order.
    """

    def __init__(self, decide: Callable[[Ask], Answer] = _approve) -> None:
        self._decide = decide
        self._approver = FakeApprover(SoftwarePasskey(PERSON))
        self._decided: dict[str, _Decided] = {}
        self.asked: list[Ask] = []
        self.plugin = CosignetPlugin(trust=self._approver.trust, service=self)

    def worker(self, client: Client, *, task_queue: str = TASK_QUEUE) -> Worker:
        """The worker that answers in place of the service. Raises `ValueError` unless Temporal runs on this machine.

        On a shared server it would take other people's requests away from those who can approve them.
        """
        host = client.service_client.config.target_host.rsplit(":", 1)[0]
        if host not in ("localhost", "127.0.0.1", "[::1]"):
            raise ValueError(f"fake approvals run against a Temporal server on this machine, not {host}")
        return Worker(
            client,
            task_queue=task_queue,
            workflows=[FakeApproval],
            activities=[self._answer],
            workflow_runner=UnsandboxedWorkflowRunner(),
        )

    async def evidence(self, confirmation: str) -> bytes:
        """The evidence signed for a confirmation. Raises `NotFound`."""
        return self._find(confirmation).evidence

    async def consume(self, confirmation: str, payload_hash: str, consumer: str) -> None:
        """Once, by one consumer and for the approved payload. Raises `NotFound`, or `Conflict` as the service does."""
        decided = self._find(confirmation)
        if decided.approved_hash != payload_hash:
            raise Conflict("payload.mismatch", "approved for another payload")
        decided.consumer = decided.consumer or consumer
        if decided.consumer != consumer:
            raise Conflict("confirmation.consumed", "this approval has been used by another consumer")

    def _find(self, confirmation: str) -> _Decided:
        if confirmation not in self._decided:
            raise NotFound("confirmation.unknown", "nothing was decided under this id")
        return self._decided[confirmation]

    @activity.defn(name=_DECIDE)
    async def _answer(self, confirmation: str, ask: Ask) -> Outcome:
        self.asked.append(ask)
        answer = self._decide(ask)
        terms = self._approver.terms(confirmation, ask)
        voted = answer.decision in ("approve", "reject")
        if voted:
            approved_hash = b64u(terms.payload) if answer.decision == "approve" else ""
            self._decided[confirmation] = _Decided(self._approver.evidence(terms, ask, answer), approved_hash)
        return Outcome(
            confirmation=confirmation,
            status=_STATUS[answer.decision],
            payload_hash=b64u(terms.payload),
            terms_hash=b64u(sha256(terms.to_bytes())),
            decided_at=instant(terms.created_at),
            valid_until=instant(terms.valid_until),
            event=secrets.token_hex(16),
            votes=[OutcomeVote(PERSON, answer.decision, answer.reason)] if voted else [],
        )


_STATUS = {"approve": "approved", "reject": "rejected", "expire": "expired", "ignore": "pending"}


@workflow.defn(name=APPROVAL_WORKFLOW)
class FakeApproval:
    """The service's workflow as its callers know it."""

    @workflow.run
    async def run(self, approval: ApprovalInput) -> Outcome:
        """Ask the test once, and wait out the deadline when it ignores the request."""
        if approval.ask is None:
            raise ApplicationError("a request without its content", type="ask.missing", non_retryable=True)
        deciding: workflow.ActivityHandle[Outcome] = workflow.start_activity(
            _DECIDE,
            args=[approval.confirmation, approval.ask],
            result_type=Outcome,
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
        try:
            if (await asyncio.shield(deciding)).status == "pending":
                await workflow.sleep(approval.ask.expires_in)
        except asyncio.CancelledError:
            return _unless_decided(await deciding, "cancelled")
        return _unless_decided(await deciding, "expired")


def _unless_decided(outcome: Outcome, status: str) -> Outcome:
    return replace(outcome, status=status) if outcome.status == "pending" else outcome
