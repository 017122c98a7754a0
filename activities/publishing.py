"""The publisher: the one place that signs heads of the log, and refuses to where another tree was signed before.

Write down what will be signed, move the mark, then sign: a crash between two of these steps leaves a head that is
signed later as it was written down, and never another one of the same size.
"""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from activities.appending import append_waiting, require_founded
from activities.deployment import Deployment
from activities.key_file import KeyFile, new_keys
from activities.mark import MarkFile
from cosignet.core.checkpoint import Checkpoint
from cosignet.core.leaf import GENESIS, ROTATED, public_keys
from cosignet.core.log_keys import SigningKey
from cosignet.core.merkle import Range
from cosignet.core.note import Note
from cosignet.core.tiles import root_of, tiles_for
from cosignet.errors import Malformed, Unavailable
from store.events import INSTALLATION, add_events
from store.heads import active_keys, add_keys, glance, last_kept, newest_head, sign_head, write_head
from store.log import find_waiting, found_tree, get_tree, read_tiles, set_read_only
from store.rows import SignedHead, Tree

# How far the clock may go back before nothing is signed: signatures say a time, and it never runs backwards.
MAX_SETBACK = timedelta(minutes=1)


@dataclass(frozen=True)
class _Now:
    tree: Tree
    head: SignedHead | None
    kept: datetime | None
    keys: list[str]
    at: datetime


class Publisher:
    """Signs what the tree has become, and anew at least every `interval`, so that silence is noticed."""

    def __init__(self, deployment: Deployment, keys: KeyFile, mark: MarkFile, *, interval: timedelta) -> None:
        self._deployment = deployment
        self._database = deployment.database
        self._key_file = keys
        self._mark = mark
        self._interval = interval
        self._signed_at = -math.inf

    async def begin(self) -> None:
        """Found the log where there is none, with fresh keys; it stays under this origin for ever.

        Raises `Unavailable` with `log.key`, `log.mark`, or `log.lost` where a log was signed that is not there.
        """
        async with self._database.write() as tx:
            origin = self._deployment.log_origin
            if await get_tree(tx) is not None or not await found_tree(tx, origin):
                return
            if self._mark.read() is not None:
                raise Unavailable("log.lost", "a log was signed here, and this database has none: restore it")
            if not self._key_file.exists():
                self._key_file.write(new_keys(origin))
            public = [key.public for key in self._key_file.read()]
            at = await self._database.clock(tx)
            await add_keys(tx, [key.to_text() for key in public], at=at)
            shown = {"keys": public_keys(public)}
            genesis = {"origin": origin, "previous": "", **shown}
            # Two, since some formats of proofs have none for the only leaf of a tree.
            events = await add_events(tx, INSTALLATION, [(GENESIS, genesis), (ROTATED, shown)], at=at)
            # What has happened before waits until the log has begun with these.
            await append_waiting(tx, require_founded(await get_tree(tx)), await find_waiting(tx, events))

    async def step(self) -> None:
        """Append what waits, and sign when that or the time asks for it.

        Raises `Unavailable`: then nothing was signed that was not signed before. A fork makes the log read-only.
        """
        if self._signed_at == -math.inf:
            # Nothing is appended before the tree has been compared with the mark.
            await self._publish()
        async with self._database.read() as tx:
            seen = await glance(tx)
        if seen and seen.waits and not seen.read_only:
            await self._deployment.appender.append_to_log()
        elif seen and seen.size == seen.signed and not seen.read_only and not self._is_due():
            return
        await self._publish()

    def _is_due(self) -> bool:
        return time.monotonic() - self._signed_at >= self._interval.total_seconds()

    async def _publish(self) -> None:
        async with self._database.write() as tx:
            now = await self._look(tx)
            checkpoint = Checkpoint(now.tree.origin, *now.tree.head)
            why = await self._objection(tx, now)
            if why is None and not await write_head(tx, checkpoint):
                why = f"another root was signed for {now.tree.size} leaves"
            if why != (now.tree.read_only or None):
                await set_read_only(tx, why or "")
        if why is not None:
            raise Unavailable("log.read_only", why)
        keys = self._own(now.keys)
        self._mark.advance(checkpoint)
        at = max(now.at, now.head.signed_at) if now.head else now.at
        keep = now.kept is None or now.at - now.kept >= self._interval
        signatures = (key.sign(checkpoint, time=int(at.timestamp())) for key in keys)
        note = Note(checkpoint.to_text(), tuple(signatures))
        async with self._database.write() as tx:
            await sign_head(tx, checkpoint, note.to_bytes(), at=at, keep=keep)
        self._signed_at = time.monotonic()

    async def _look(self, tx: AsyncConnection) -> _Now:
        return _Now(
            tree=require_founded(await get_tree(tx)),
            head=await newest_head(tx),
            kept=await last_kept(tx),
            keys=await active_keys(tx),
            at=await self._database.clock(tx),
        )

    async def _objection(self, tx: AsyncConnection, now: _Now) -> str | None:
        """Why this tree must not be signed, `None` where it continues everything that was signed before."""
        mark = self._mark.read()
        if mark is None:
            return None if now.head is None else "the high-water mark is missing, and heads have been signed"
        if mark.origin != now.tree.origin:
            return f"the high-water mark is that of the log {mark.origin}"
        if now.head and now.head.size > mark.size:
            return f"a head of {now.head.size} leaves was signed, and the high-water mark says {mark.size}"
        if now.tree.size < mark.size:
            return f"{mark.size} leaves were signed, and this database has {now.tree.size}: it is an old one"
        if await _root_at(tx, mark.size) != mark.root:
            return f"the first {mark.size} leaves are not those that were signed"
        if now.head and now.at < now.head.signed_at - MAX_SETBACK:
            return f"the clock went back: the last head was signed at {now.head.signed_at:%Y-%m-%d %H:%M:%S} UTC"
        return None

    def _own(self, vkeys: list[str]) -> list[SigningKey]:
        """The private keys that sign now. Raises `Unavailable("log.key")` when one of them is not in the key file."""
        own = {key.public.to_text(): key for key in self._key_file.read()}
        if not set(vkeys) <= own.keys():
            raise Unavailable("log.key", "the log's key file does not hold the keys that this log is signed with")
        return [own[vkey] for vkey in vkeys]


async def _root_at(tx: AsyncConnection, size: int) -> bytes | None:
    try:
        return root_of(size, await read_tiles(tx, tiles_for([Range(0, size)])))
    except (KeyError, Malformed):
        return None
