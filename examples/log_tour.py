"""The public log in the demonstration: a receipt, a check of everything, and a monitor that sees a forked head."""

import asyncio
from datetime import timedelta
from pathlib import Path

from cosignet.client import CosignetClient
from cosignet.core.leaf import Leaf
from cosignet.core.log_keys import LogKey, SigningKey, open_checkpoint
from cosignet.core.log_proof import LogProof
from cosignet.core.tiles import WIDTH
from cosignet.log.fsck import check_log
from cosignet.log.ledger import Finding
from cosignet.log.monitor import Monitor
from cosignet.log.source import Source
from examples import forked_log
from examples.telling import say, tell
from stack import Stack


async def show_log(stack: Stack, confirmation: str, api_key: str) -> None:
    """Check the log from outside. Raises `RuntimeError` when anything is not as promised."""
    say("5. All of this is in a public log, which anybody can check without trusting us.")
    async with CosignetClient(stack.url, api_key) as agent:
        event = (await agent.get(confirmation)).outcome_event or ""
    await asyncio.to_thread(_tour, stack.data, f"{stack.url}/public/log", event)


def _tour(data: Path, url: str, event: str) -> None:
    source = Source(url)
    keys = source.keys()
    _show_receipt(source, keys, event, data / "receipt.tlog-proof")
    report = check_log(source, keys, lambda done, of: None)
    _require(not report.findings, f"the log is not what it says: {report.findings}")
    tell(f"cosignet fsck: {report.checkpoint.size} leaves and {report.requests} requests derived again, all agree.")
    _show_fork(url, keys, data)


def _show_receipt(source: Source, keys: list[LogKey], event: str, file: Path) -> None:
    raw = source.read(f"entries/{event}/proof")
    file.write_bytes(raw)
    proof = LogProof.parse(raw)
    head, _ = open_checkpoint(proof.checkpoint, keys)
    number, place = divmod(proof.index, WIDTH)
    leaf = source.entries(number, min(WIDTH, head.size - number * WIDTH))[place]
    proof.verify(leaf, head.origin, frozenset(keys))
    _require(Leaf.parse(leaf).id == event, "the receipt is of another event")
    tell(f"The receipt {file} proves: {Leaf.parse(leaf).event} is leaf {proof.index} of {head.size},")
    tell(f"under a head that {len(keys)} keys have signed (Ed25519, and ML-DSA-44 against quantum computers).")


def _show_fork(url: str, keys: list[LogKey], data: Path) -> None:
    state = data / "monitor.json"
    monitor = Monitor(Source(url), keys, state, silence=timedelta(minutes=5))
    _require(not monitor.look(), "the monitor found something in an honest log")
    tell("cosignet monitor: remembers this head, and finds nothing wrong.")
    stolen = [SigningKey.parse(line) for line in (data / "log.key").read_text().splitlines()]
    seen, _ = open_checkpoint(monitor.memory.note, keys)
    with forked_log.serving(url, forked_log.forge(seen, stolen)) as lie:
        findings = Monitor(Source(lie), keys, state, silence=timedelta(minutes=5)).look()
    _require([found.code for found in findings] == ["log.fork"], f"a forked head was not told: {findings}")
    tell("Now somebody has the log's keys, and shows another head of the same size, with valid signatures.")
    tell(f"cosignet monitor: {_first_line(findings[0])}; both signed heads are kept as proof.")


def _first_line(finding: Finding) -> str:
    return f"{finding.code}: {finding.detail.splitlines()[0]}"


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)
