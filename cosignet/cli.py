"""The command `cosignet`: what anybody can check from outside.

Exit status: 0 nothing is wrong, 1 something is, 2 it could not be found out; of `verify` also 3: the evidence agrees
with itself, and nothing that is trusted vouches for it.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cosignet import __version__, trust_command, verify_command
from cosignet.core.log_keys import Kind, LogKey
from cosignet.errors import CosignetError, VerificationFailed
from cosignet.log.fsck import check_log
from cosignet.log.ledger import Finding
from cosignet.log.monitor import Monitor
from cosignet.log.source import Source

FINE, WRONG, UNKNOWN = 0, 1, 2
_BAR = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except VerificationFailed as error:
        _say(f"FALSE  {error}")
        return WRONG
    except CosignetError as error:
        _say(f"Not found out: {error}")
        return UNKNOWN
    except KeyboardInterrupt:
        return UNKNOWN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cosignet", description="Check from outside what a Cosignet service does.")
    parser.add_argument("--version", action="version", version=f"cosignet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    what = "check evidence of approvals: exit 0 authentic, 1 false, 2 cannot be read, 3 consistent, not authenticated"
    verify_command.configure(commands.add_parser("verify", help=what, description=f"{what[0].upper()}{what[1:]}."))
    what = "write a first trust file, as a service would have it, to be read and changed by a human"
    trust_command.configure(commands.add_parser("trust", help=what, description=f"{what[0].upper()}{what[1:]}."))
    fsck = _command(commands, "fsck", "derive a whole log again from its entries, and compare", _fsck)
    fsck.add_argument("--mirror", type=Path, metavar="DIR", help="keep what was read, and go on from there")
    monitor = _command(commands, "monitor", "follow a log: forks, rollbacks, silence, unanswered requests", _monitor)
    monitor.add_argument(
        "--state",
        type=Path,
        default=Path("cosignet-monitor.json"),
        metavar="FILE",
        help="what is remembered between two looks (default: %(default)s)",
    )
    monitor.add_argument("--every", type=float, metavar="SECONDS", help="look again and again; without it, look once")
    monitor.add_argument(
        "--silence",
        type=float,
        default=300,
        metavar="SECONDS",
        help="how old the newest signature may be (default: %(default)s)",
    )
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    what: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.add_argument("url", help="where the log is, such as https://approve.example.com/public/log")
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="VKEY",
        help="a key of the log, got from elsewhere; every one named must have signed",
    )
    parser.set_defaults(run=run)
    return parser


def _fsck(options: argparse.Namespace) -> int:
    source = Source(options.url, options.mirror)
    report = check_log(source, _keys(source, options.key), _progress())
    for finding in report.findings:
        print(f"{finding.code}: {finding.detail}")
    head, count = report.checkpoint, len(report.findings)
    what = f"{head.size} leaves, {report.requests} requests, {report.tiles} tiles of {head.origin}"
    _say(f"{f'{count} findings in' if count else 'Everything agrees:'} {what}")
    return WRONG if count else FINE


def _monitor(options: argparse.Namespace) -> int:
    source = Source(options.url)
    keys = _keys(source, options.key)
    if all(key.kind == Kind.ED25519 for key in keys):
        _say("None of these keys says when it signed, so silence cannot be told. Name the log's ML-DSA-44 key as well.")
    monitor = Monitor(source, keys, options.state, silence=timedelta(seconds=options.silence))
    seen = {_look(monitor)}
    try:
        while options.every is not None:
            time.sleep(options.every)
            seen.add(_look(monitor))
    except KeyboardInterrupt:
        _say("No longer watching.")
    return WRONG if WRONG in seen else max(seen)


def _look(monitor: Monitor) -> int:
    try:
        found = monitor.look()
    except CosignetError as error:
        _report(Finding(error.code, error.detail))
        return UNKNOWN
    for finding in found:
        _report(finding)
    return WRONG if monitor.alarmed else FINE


def _report(finding: Finding) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    print(json.dumps({"time": now, "code": finding.code, "detail": finding.detail}), flush=True)


def _keys(source: Source, given: Sequence[str]) -> list[LogKey]:
    if given:
        return [LogKey.parse(text) for text in given]
    keys = source.keys()
    _say("The keys are those that the log itself names. Compare them with what you were given, and use --key:")
    for key in keys:
        _say(f"  {key.name}+{key.id.hex()}+…")
    return keys


def _progress() -> Callable[[int, int], None]:
    """A bar for a terminal; for a file a line at each tenth."""
    shown = -1

    def show(done: int, of: int) -> None:
        nonlocal shown
        if sys.stderr.isatty():
            filled = _BAR * done // of
            end = "\n" if done == of else ""
            bar = f"\r[{'#' * filled}{'.' * (_BAR - filled)}] {done} of {of} leaves"
            print(bar, end=end, file=sys.stderr, flush=True)
        elif (tenth := 10 * done // of) > shown:
            shown = tenth
            _say(f"{done} of {of} leaves")

    return show


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
