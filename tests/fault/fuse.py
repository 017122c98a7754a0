"""A fuse inside a real process: lit for one point of its work, it kills the process there, and others with it."""

import contextlib
import json
import os
import signal
from pathlib import Path

SETTING = "COSIGNET_TEST_FUSE"

STEPS = ("open", "read_voters", "notify", "record_vote", "close", "read_outcome", "sweep")
# What agents and approvers post, and how many transactions it commits in the process of the API.
POSTS = {"confirmations": 3, "ceremonies": 1, "votes": 0, "cancel": 1, "consume": 1}

WORKER_POINTS = [f"{when} cosignet.{step}" for step in STEPS for when in ("before", "after")]
API_POINTS = [
    f"{when} {name}"
    for name, commits in POSTS.items()
    for when in (
        "before",
        *(f"{moment} commit {n + 1} of" for n in range(commits) for moment in ("before", "after")),
        "before the answer to",
    )
]


def light(fuse: Path, point: str, *others: int) -> None:
    """Whoever reaches `point` first kills these processes and then itself."""
    partial = fuse.with_suffix(".partial")
    partial.write_text(json.dumps({"point": point, "others": others}))
    partial.replace(fuse)


def reached(point: str) -> None:
    """Called by the processes at each point: go on, unless the fuse was lit for this one."""
    fuse = Path(os.environ[SETTING])
    try:
        lit = json.loads(fuse.read_text())
        if lit["point"] != point:
            return
        fuse.unlink()
    except FileNotFoundError:
        return
    for process in (*lit["others"], os.getpid()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
