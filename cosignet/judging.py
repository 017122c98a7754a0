"""One document of evidence, judged: what `cosignet verify` says of it, and with which exit status."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cosignet.core.encoding import instant
from cosignet.core.trust import Trust
from cosignet.core.verdict import Verdict, require_consistent, verify
from cosignet.errors import NotAuthenticated, VerificationFailed

AUTHENTIC, FALSE, UNREADABLE, CONSISTENT = 0, 1, 2, 3
NO_TRUST = "no trust file was given, so nothing says whose signatures these are"


@dataclass(frozen=True)
class Judgement:
    """An exit status, the check that failed with its reason, and the verdict where there is one.

    0 authentic, 1 false, 2 it cannot be read, 3 it agrees with itself and nothing that is trusted vouches for it.
    """

    exit: int
    check: str | None = None
    detail: str = ""
    verdict: Verdict | None = None

    def to_json(self) -> dict[str, Any]:
        """As `cosignet verify --json` prints it."""
        said = {"exit": self.exit, "check": self.check, "detail": self.detail}
        return {**said, **(_to_json(self.verdict) if self.verdict else {})}


def judge(
    raw: bytes,
    trust: Trust | None,
    *,
    expected_payload: bytes | None,
    now: datetime | None,
    email: str | None = None,
) -> Judgement:
    """Verify evidence; parameters as of `cosignet.core.verdict.verify`. Without trust it is consistent at most."""
    try:
        if trust is None:
            require_consistent(raw, expected_payload=expected_payload, now=now, email=email)
            return Judgement(CONSISTENT, detail=NO_TRUST)
        verdict = verify(raw, trust, expected_payload=expected_payload, now=now, email=email)
        return Judgement(AUTHENTIC, verdict=verdict)
    except NotAuthenticated as error:
        return Judgement(CONSISTENT, error.code, error.detail)
    except VerificationFailed as error:
        return Judgement(UNREADABLE if error.code == "evidence.form" else FALSE, error.code, error.detail)


def _to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "decision": verdict.decision,
        "confirmation": verdict.terms.confirmation if verdict.terms else None,
        "action": verdict.terms.action if verdict.terms else None,
        "payload": verdict.payload,
        "signers": [vars(signer) for signer in verdict.signers],
        "level": verdict.level.value,
        "after": verdict.after.to_text(),
        "before": instant(verdict.before) if verdict.before else None,
        "proven": list(verdict.proven),
        "attested": list(verdict.attested),
        "not_proven": list(verdict.not_proven),
        "not_checked": list(verdict.not_checked),
    }
