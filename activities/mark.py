"""The high-water mark: how far this log has ever been signed, kept where no backup of the database reaches.

Without it a database that was restored from a backup would grow, and be signed, a second time in another way.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from activities.durable import replace_durably
from cosignet.core.checkpoint import Checkpoint
from cosignet.errors import Malformed, Unavailable


class MarkFile:
    """The text of the largest checkpoint that was signed, or was about to be."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other process from signing. Raises `Unavailable("log.other_publisher")`."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_name(f"{self._path.name}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise Unavailable("log.other_publisher", "another process signs this log at the moment") from error
            yield

    def read(self) -> Checkpoint | None:
        """The mark, `None` where there is none yet. Raises `Unavailable("log.mark")`."""
        try:
            return Checkpoint.parse(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, Malformed) as error:
            raise self._unusable("it cannot be read") from error

    def advance(self, checkpoint: Checkpoint) -> None:
        """Move the mark to this checkpoint, and return when it is on the disk. Raises `Unavailable("log.mark")`."""
        try:
            replace_durably(self._path, checkpoint.to_text(), mode=0o644)
        except OSError as error:
            raise self._unusable("it cannot be written") from error

    def _unusable(self, why: str) -> Unavailable:
        return Unavailable("log.mark", f"the log's high-water mark {self._path}: {why}")
