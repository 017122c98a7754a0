"""A log that lies as it is told to: its files in memory, signed with its own keys, served over real HTTP."""

import secrets
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from cosignet.core.checkpoint import Checkpoint
from cosignet.core.leaf import Leaf, public_keys
from cosignet.core.log_keys import Kind, SigningKey
from cosignet.core.merkle import leaf_hash
from cosignet.core.note import Note
from cosignet.core.tiles import HASH_BYTES, WIDTH, Address, edge_of, grow, pack_entries, root_of
from tests.loopback import Answer, loopback

ORIGIN = "log.example.com/public/log"
LONG_AGO = "2026-01-31T12:00:00Z"
FAR_AWAY = "2126-01-31T12:00:00Z"


class PaperLog:
    """`files` is what is served; `publish` writes it anew from `leaves`, and signs."""

    def __init__(self) -> None:
        kinds = (Kind.ED25519, Kind.ML_DSA_44)
        self.keys = [SigningKey(ORIGIN, kind, secrets.token_bytes(32)) for kind in kinds]
        self.public = [key.public for key in self.keys]
        self.leaves: list[bytes] = []
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.url = ""
        self.add("log.genesis", origin=ORIGIN, keys=public_keys(self.public), previous="")

    def add(self, event: str, **public: str) -> str:
        """Append a leaf; its event's id."""
        event_id = str(uuid.uuid4())
        leaf = Leaf(event, event_id, datetime.now(UTC), secrets.token_bytes(32), public)
        self.leaves.append(leaf.to_bytes())
        return event_id

    def request(self, *following: str, deadline: str = FAR_AWAY) -> str:
        """A request, and what follows it; the request's id."""
        request = self.add("confirmation.requested", deadline=deadline)
        for what in following:
            self.add(f"confirmation.{what}", request=request)
        return request

    def fill(self, size: int) -> None:
        """Append until there are so many leaves."""
        while len(self.leaves) < size:
            self.add("admin.changed")

    def publish(self, *, signed_at: float | None = None) -> Checkpoint:
        """Serve what the leaves are now."""
        size = len(self.leaves)
        tiles = grow(0, [leaf_hash(leaf) for leaf in self.leaves], {})
        self.files = {
            Address(tile.level, tile.number, len(hashes) // HASH_BYTES).path: hashes for tile, hashes in tiles.items()
        }
        for start in range(0, size, WIDTH):
            entries = self.leaves[start : start + WIDTH]
            self.files[Address(None, start // WIDTH, len(entries)).path] = pack_entries(entries)
        checkpoint = Checkpoint(ORIGIN, size, root_of(size, {tile: tiles[tile] for tile in edge_of(size)}))
        self.sign(checkpoint, signed_at=signed_at)
        self.files["key"] = "".join(f"{key.to_text()}\n" for key in self.public).encode()
        return checkpoint

    def sign(
        self, checkpoint: Checkpoint, *, signed_at: float | None = None, keys: list[SigningKey] | None = None
    ) -> None:
        """Serve this as the newest checkpoint."""
        now = int(time.time() if signed_at is None else signed_at)
        signatures = tuple(key.sign(checkpoint, time=now) for key in keys or self.keys)
        self.files["checkpoint"] = Note(checkpoint.to_text(), signatures).to_bytes()

    def tile(self, level: int, number: int) -> tuple[str, bytearray]:
        """The path and the hashes of a tile that is served."""
        prefix = Address(level, number, WIDTH).path
        path = next(path for path in self.files if path == prefix or path.startswith(f"{prefix}.p/"))
        return path, bytearray(self.files[path])


@contextmanager
def served(log: PaperLog) -> Iterator[PaperLog]:
    """The log on a free port of loopback."""

    def answer(path: str, _: object) -> Answer:
        path = path.removeprefix("/log/")
        log.asked.append(path)
        content = log.files.get(path)
        return (404, {}, b"") if content is None else (200, {}, content)

    with loopback(answer) as url:
        log.url = f"{url}/log"
        yield log
