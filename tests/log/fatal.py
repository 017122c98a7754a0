"""A process that records, appends and signs, and is killed at a point of its work that its parent has chosen."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from activities import appending, publishing
from activities.appending import Appender
from activities.mark import MarkFile
from cosignet.core.log_keys import SigningKey
from cosignet.errors import Unavailable
from store.database import Database
from store.events import new_event_id
from store.heads import newest_head
from store.log_schema import outbox
from tests.log.leaves import leaf_of
from tests.publishing import publisher_of

# Functions that are replaced by ones that die before or after the original; commits are counted apart.
STEPS: dict[str, tuple[Any, str]] = {
    "reading what waits": (appending, "list_waiting"),
    "growing the tree": (appending, "move_leaves"),
    "writing the head down": (publishing, "write_head"),
    "moving the mark": (MarkFile, "advance"),
    "signing": (SigningKey, "sign"),
    "keeping the signature": (publishing, "sign_head"),
}
POINTS = [f"{when} {step}" for step in (*STEPS, "a commit") for when in ("before", "after")]


def work(url: str, folder: Path, point: str, passes: int, told: Connection) -> None:
    """Work until `point` has been reached `passes` times; tell what was appended and signed."""
    _arm(point, passes)
    asyncio.run(_work(url, folder, told))


def append(url: str, rounds: int, told: Connection) -> None:
    """Record and append, so many times, beside others that do the same; tell what was appended."""
    asyncio.run(_append(url, rounds, told))


async def _append(url: str, rounds: int, told: Connection) -> None:
    database = Database(url)
    appender = Appender(database)
    for _ in range(rounds):
        events = await _record(database)
        await appender.append_to_log()
        told.send(events)
    await database.close()


async def _record(database: Database) -> list[str]:
    events = [new_event_id() for _ in range(3)]
    rows = [{"event_id": event, "leaf": leaf_of(event)} for event in events]
    async with database.write() as tx:
        await tx.execute(insert(outbox), rows)
    return events


async def _work(url: str, folder: Path, told: Connection) -> None:
    database = Database(url)
    publisher, appender = publisher_of(database, folder, interval=0), Appender(database)
    while True:
        events = await _record(database)
        await appender.append_to_log()
        told.send(("appended", events))
        try:
            await publisher.step()
        except Unavailable as error:
            told.send(("refused", str(error)))
            return
        async with database.read() as tx:
            head = await newest_head(tx)
        told.send(("signed", head.note if head else b""))


def _arm(point: str, passes: int) -> None:
    when, _, step = point.partition(" ")
    left = passes

    def reached(now: str) -> None:
        nonlocal left
        if now == when:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    if step == "a commit":
        _arm_commits(reached)
        return
    owner, name = STEPS[step]
    setattr(owner, name, _watched(getattr(owner, name), reached))


def _watched(function: Callable[..., Any], reached: Callable[[str], None]) -> Callable[..., Any]:
    async def awaited(*arguments: Any, **named: Any) -> Any:
        reached("before")
        answer = await function(*arguments, **named)
        reached("after")
        return answer

    def called(*arguments: Any, **named: Any) -> Any:
        reached("before")
        answer = function(*arguments, **named)
        reached("after")
        return answer

    return awaited if asyncio.iscoroutinefunction(function) else called


def _arm_commits(reached: Callable[[str], None]) -> None:
    write = Database.write

    @asynccontextmanager
    async def watched(self: Database) -> Any:
        async with write(self) as tx:
            yield tx
            reached("before")
        reached("after")

    Database.write = watched  # type: ignore[method-assign]
