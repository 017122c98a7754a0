"""How long each offline verifier takes for one document, from its start to its end, as a script or a person runs it."""

import subprocess
import sys
import time
from pathlib import Path

from bench.figures import Section, latencies
from bench.scale import Scale

ROOT = Path(__file__).parents[1]
COLUMNS = ["command", "without ML-DSA p50 / p95 / p99 ms", "with ML-DSA p50 / p95 / p99 ms"]
COMMANDS = {
    "cosignet verify": [sys.executable, "-m", "cosignet.cli", "verify"],
    "verifiers/cosignet_verify.py": [sys.executable, "-I", "verifiers/cosignet_verify.py"],
    "verifiers/cosignet-verify.mjs": ["node", "verifiers/cosignet-verify.mjs"],
}
BUNDLES = ("approved_two_of_three", "log_ml_dsa")


def measure(scale: Scale) -> Section:
    """The commands in turns, so that a busy moment is everybody's."""
    section = Section("Start-up of each verifier", COLUMNS)
    rounds = scale.amount(quick=2, full=40)
    times: dict[tuple[str, str], list[float]] = {(name, bundle): [] for name in COMMANDS for bundle in BUNDLES}
    for turn in range(rounds):
        scale.progress("start-up", turn + 1, rounds)
        for (name, bundle), taken in times.items():
            taken.append(_seconds(COMMANDS[name], bundle))
    for name in COMMANDS:
        section.rows.append([name, *(latencies(times[name, bundle]) for bundle in BUNDLES)])
        section.raw[name] = {f"{bundle}_seconds": times[name, bundle] for bundle in BUNDLES}
    return section


def _seconds(command: list[str], bundle: str) -> float:
    folder = ROOT / "tests" / "vectors" / "evidence" / bundle
    before = time.perf_counter()
    arguments = [*command, str(folder / "evidence.json"), "--trust", str(folder / "trust.json")]
    subprocess.run(arguments, cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    return time.perf_counter() - before
