"""Evidence, checked on the agent's own worker with the agent's own trust: nothing the service says is taken for it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from temporalio import activity

from cosignet.core.encoding import b64u, instant
from cosignet.core.terms import Terms
from cosignet.core.trust import Trust
from cosignet.core.verdict import Verdict, verify
from cosignet.errors import CosignetError, VerificationFailed
from cosignet.temporal._errors import UNVERIFIED, failure_of

VERIFY_ACTIVITY = "cosignet.verify_evidence"


class Service(Protocol):
    """What the plugin needs of the approval service. `cosignet.client.CosignetClient` is the real one."""

    async def evidence(self, confirmation: str) -> bytes:
        """The evidence document of a decided confirmation."""

    async def consume(self, confirmation: str, payload_hash: str, consumer: str) -> object:
        """Use the approval up for `consumer`; raises `Conflict` when it cannot be."""


@dataclass(frozen=True)
class Approval:
    """A verified approval: who signed, what that proves, and until when (RFC 3339) it may be acted on."""

    confirmation: str
    payload_hash: str
    valid_until: str
    signers: list[str]
    proven: list[str]


@dataclass(frozen=True)
class EvidenceCheck:
    """Which evidence to check: `payload` is the canonical JSON text of what was asked about."""

    confirmation: str
    payload: str
    execution: str


class Verifier:
    """Fetches evidence from `service` and holds it against `trust`."""

    def __init__(self, service: Service, trust: Trust) -> None:
        self.service = service
        self._trust = trust

    async def verify(self, confirmation: str, payload: bytes, execution: str) -> tuple[Verdict, Terms]:
        """Require an approval of exactly this payload, for this execution, valid now; its verdict, and its terms.

        Raises `VerificationFailed(<named check>)`, and whatever `service` raises.
        """
        evidence = await self.service.evidence(confirmation)
        verdict = verify(evidence, self._trust, expected_payload=payload, now=datetime.now(UTC))
        terms = verdict.terms
        if terms is None or terms.confirmation != confirmation:
            raise VerificationFailed("guard.confirmation", "the evidence is that of another confirmation")
        if terms.execution != execution:
            raise VerificationFailed("guard.execution", "approved for another workflow, activity or namespace")
        return verdict, terms

    @activity.defn(name=VERIFY_ACTIVITY)
    async def verify_evidence(self, check: EvidenceCheck) -> Approval:
        """As `verify`, for a workflow: its history keeps the answer, so that stricter code never breaks a replay.

        Fails as `cosignet.unverified`, retryable only while the evidence cannot be had.
        """
        try:
            verdict, terms = await self.verify(check.confirmation, check.payload.encode(), check.execution)
        except CosignetError as error:
            raise failure_of(error, UNVERIFIED) from error
        return Approval(
            confirmation=check.confirmation,
            payload_hash=b64u(terms.payload),
            valid_until=instant(terms.valid_until),
            signers=[signer.name or signer.person for signer in verdict.signers if signer.decision == "approve"],
            proven=list(verdict.proven),
        )
