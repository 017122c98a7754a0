"""`cosignet verify`: evidence from a file, a folder or a service, judged and put into plain words."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cosignet.core.canonical import Payload
from cosignet.core.deception import escape
from cosignet.core.encoding import from_instant, instant
from cosignet.core.evidence import MAX_EVIDENCE
from cosignet.core.terms import Terms
from cosignet.core.trust import Trust
from cosignet.core.verdict import Verdict
from cosignet.errors import CosignetError, Malformed
from cosignet.judging import AUTHENTIC, CONSISTENT, FALSE, UNREADABLE, Judgement, judge
from cosignet.log.source import Source

# Of several, the worst counts.
_WORST_FIRST = (FALSE, UNREADABLE, CONSISTENT, AUTHENTIC)
_WORDS = {
    AUTHENTIC: "AUTHENTIC",
    FALSE: "FALSE",
    UNREADABLE: "CANNOT BE READ",
    CONSISTENT: "CONSISTENT, NOT AUTHENTICATED",
}
_CONFIRMATION = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class _Question:
    trust: Trust | None
    payload: bytes | None
    now: datetime | None
    email: str | None

    def answer(self, raw: bytes) -> Judgement:
        return judge(raw, self.trust, expected_payload=self.payload, now=self.now, email=self.email)


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "evidence", nargs="+", metavar="FILE", help="evidence, a folder of it, or with --log a confirmation's id"
    )
    parser.add_argument("--trust", type=Path, metavar="FILE", help="what you trust; without it, consistent at most")
    parser.add_argument("--payload", type=Path, metavar="FILE", help="what is about to be executed (implies --now now)")
    parser.add_argument("--now", metavar="TIME", help="whether it may be used then: now, or 2026-01-31T12:00:00Z")
    parser.add_argument("--email", metavar="ADDRESS", help="a guess of who approved, where their address is public")
    parser.add_argument("--log", metavar="URL", help="where to get what is public of a confirmation")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Judge everything, tell of each, and return the worst exit status. Raises `Unavailable`, `NotFound`."""
    try:
        question = _question(options)
    except CosignetError as error:
        print(f"{_WORDS[UNREADABLE]}  {error}", file=sys.stderr)
        return UNREADABLE
    seen = {AUTHENTIC}
    for name, judgement in _judgements(options, question):
        seen.add(judgement.exit)
        print(json.dumps({"evidence": name, **judgement.to_json()}) if options.json else _tell(name, judgement))
    return next(status for status in _WORST_FIRST if status in seen)


def _question(options: argparse.Namespace) -> _Question:
    payload = Payload.from_text(_read(options.payload)).canonical if options.payload else None
    at = options.now or ("now" if options.payload else None)
    now = datetime.now(UTC) if at == "now" else from_instant(at) if at else None
    return _Question(Trust.parse(_read(options.trust)) if options.trust else None, payload, now, options.email)


def _judgements(options: argparse.Namespace, question: _Question) -> Iterator[tuple[str, Judgement]]:
    for name, raw in _documents(options.evidence, options.log):
        if isinstance(raw, Malformed):
            yield name, Judgement(UNREADABLE, raw.code, raw.detail)
        else:
            yield name, question.answer(raw)


def _documents(names: list[str], log: str | None) -> Iterator[tuple[str, bytes | Malformed]]:
    for name in names:
        path = Path(name)
        if log and _CONFIRMATION.fullmatch(name):
            yield name, Source(log).read(f"entries/{name}/verification")
        else:
            for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
                yield str(file), _read_or_say(file)


def _read_or_say(path: Path) -> bytes | Malformed:
    try:
        return _read(path)
    except Malformed as error:
        return error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # A byte more than may be, so that what is too long is seen to be.
            return file.read(MAX_EVIDENCE + 1)
    except OSError as error:
        raise Malformed("evidence.form", f"{path}: {error.strerror}") from error


def _tell(name: str, judgement: Judgement) -> str:
    lines = [f"{_WORDS[judgement.exit]}  {name}"]
    if judgement.check:
        lines.append(f"  {judgement.check}: {judgement.detail}")
    elif judgement.detail:
        lines.append(f"  {judgement.detail}")
    if judgement.verdict:
        lines += _tell_verdict(judgement.verdict)
    # What agents wrote must not be able to steer the terminal of whoever looks at it.
    return "\n".join(escape(line) for line in lines)


def _tell_verdict(verdict: Verdict) -> Iterator[str]:
    yield f"  {verdict.decision.upper()}"
    if verdict.terms:
        yield from _tell_terms(verdict.terms)
        yield f"  payload     {json.dumps(verdict.payload, ensure_ascii=False)}"
    for signer in verdict.signers:
        reason = f", saying {json.dumps(signer.reason, ensure_ascii=False)}" if signer.reason else ""
        yield f"  {signer.decision:<11} {signer.name or signer.person}{reason}"
    yield f"  signed      after the log had {verdict.after.size} leaves{_before(verdict)}"
    lists = {
        "Proven": verdict.proven,
        "Taken from the operator": verdict.attested,
        "Not proven": verdict.not_proven,
        "Not checked": verdict.not_checked,
    }
    for title, sentences in lists.items():
        if sentences:
            yield f"  {title}:"
            yield from (f"    - {sentence}" for sentence in sentences)


def _tell_terms(terms: Terms) -> Iterator[str]:
    yield f"  action      {json.dumps(terms.action, ensure_ascii=False)}"
    yield f"  asked by    {json.dumps(terms.requester, ensure_ascii=False)}"
    yield f"  asked at    {instant(terms.created_at)}, to be decided before {instant(terms.deadline)}"
    yield f"  valid until {instant(terms.valid_until)}"
    if terms.execution:
        yield f"  only for    {json.dumps(terms.execution, ensure_ascii=False)}"


def _before(verdict: Verdict) -> str:
    return f", and before {instant(verdict.before)}" if verdict.before else ""
