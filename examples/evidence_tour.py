"""The part of the demonstration that checks evidence as a stranger would: by three verifiers that ask nobody."""

import asyncio
import json
import sys
from pathlib import Path

from cosignet.core.canonical import canonicalise, parse
from cosignet.core.encoding import b64u, from_b64u
from examples.telling import say, tell

VERIFIERS = Path(__file__).parents[1] / "verifiers"
COMMANDS = {
    "cosignet verify": [sys.executable, "-m", "cosignet.cli", "verify"],
    "verifiers/cosignet_verify.py": [sys.executable, "-I", str(VERIFIERS / "cosignet_verify.py")],
    "verifiers/cosignet-verify.mjs": ["node", str(VERIFIERS / "cosignet-verify.mjs")],
}


async def show_evidence(evidence: bytes, trust: Path, folder: Path) -> None:
    """Verify evidence three times, then a tampered copy, then under a stranger's trust. Raises when any differs."""
    genuine, tampered, stranger = (folder / f"{name}.json" for name in ("evidence", "tampered", "strangers-trust"))
    genuine.write_bytes(evidence)
    tampered.write_bytes(_with_another_amount(evidence))
    stranger.write_bytes(_of_somebody_else(trust))
    say("   The evidence of that approval, checked offline by three verifiers that were written apart from each other:")
    for name in COMMANDS:
        told = await _run(name, genuine, trust, expect=0)
        tell(f"{name}: exit 0, {json.loads(told)['decision']}")
    for kind, key in (("proven", "proven"), ("attested", "attested"), ("not proven", "not_proven")):
        for line in json.loads(await _run("cosignet verify", genuine, trust, expect=0))[key]:
            tell(f"  {kind}: {line}")
    for name in COMMANDS:
        failed = json.loads(await _run(name, tampered, trust, expect=1))["check"]
        tell(f"{name}, with another amount: exit 1, {failed}")
    for name in COMMANDS:
        missing = json.loads(await _run(name, genuine, stranger, expect=3))["check"]
        tell(f"{name}, under a stranger's trust file: exit 3, {missing}")


def _with_another_amount(evidence: bytes) -> bytes:
    document = parse(evidence)
    document["payload"] = b64u(from_b64u(document["payload"]).replace(b"250.00", b"950.00"))
    return canonicalise(document)


def _of_somebody_else(trust: Path) -> bytes:
    return canonicalise({**parse(trust.read_bytes()), "organisation": "somebody else's"})


async def _run(name: str, evidence: Path, trust: Path, *, expect: int) -> str:
    command = [*COMMANDS[name], str(evidence), "--trust", str(trust), "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    told, _ = await process.communicate()
    if process.returncode != expect:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}, not {expect}: {told.decode()}")
    return told.decode()
