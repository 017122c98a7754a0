"""`cosignet trust`: a first trust file, as a service would have it, with what to ask before relying on it."""

import argparse
import json
import os
import re
import sys
import urllib.request
from pathlib import Path
from typing import Any

from cosignet.core.deception import escape
from cosignet.core.encoding import b64u
from cosignet.core.trust import Approver, Trust
from cosignet.errors import Unavailable

KEY = "COSIGNET_API_KEY"
TIMEOUT = 30.0
MAX_ANSWER = 1024 * 1024

_SAFE = re.compile(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])[:/]")


def configure(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("url", help="the service, such as https://approve.example.com")
    parser.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fetch, explain and write. Raises `Unavailable("service.unreachable")`, `Malformed("trust.form")`."""
    trust = Trust.parse(_fetch(options.url.rstrip("/") + "/v1/trust"))
    for line in _explain(trust):
        print(escape(line), file=sys.stderr)
    text = json.dumps(json.loads(trust.to_bytes()), indent=2, ensure_ascii=False) + "\n"
    if options.out:
        options.out.write_text(text, "utf-8")
        print(f"Written to {options.out}.", file=sys.stderr)
    else:
        print(text, end="")
    return 0


def _fetch(url: str) -> bytes:
    key = os.environ.get(KEY)
    if not key:
        raise Unavailable("service.key", f"set {KEY} to an API key of the organisation")
    if not _SAFE.match(url):
        raise Unavailable("service.unreachable", f"{url} is no https address, and none of this machine")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - checked above
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT) as response:
            content: bytes = response.read(MAX_ANSWER)
    except OSError as error:
        raise Unavailable("service.unreachable", f"{url}: {error}") from error
    return content


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """An API key goes to the service that it is for, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _explain(trust: Trust) -> list[str]:
    """What the file says, and what only a human can find out."""
    count = trust.floor.threshold
    return [
        "Whoever writes a trust file decides whose approvals count. This one only repeats what the service says.",
        "Before you rely on it, read it, and change what you would not want:",
        "",
        f"  It trusts the organisation {trust.organisation}.",
        f"  Its people sign on {', '.join(sorted(trust.rp.origins))}.",
        f"  It asks for {count} approval{'s' if count > 1 else ''} by anybody of these (`floor`):",
        *(line for person in trust.approvers for line in _explain_person(person)),
        "  Ask each of them, face to face or over a channel you trust, whether these passkeys are all theirs.",
        f"  It trusts the log {trust.log.origin} with these keys. Compare them with what somebody else was given:",
        *(f"    {pinned.key.name}+{pinned.key.id.hex()}+…, {pinned.key.kind.name}" for pinned in trust.log.keys),
        "  It names no witnesses (`witnesses`, `level`): without them a log could show others something else.",
        "",
    ]


def _explain_person(person: Approver) -> list[str]:
    kinds = {True: "synced", False: "device-bound"}
    return [f"    {person.name}: " + ", ".join(f"{b64u(key.id)} ({kinds[key.backup_eligible]})" for key in person.keys)]
