"""The log's private keys: in a file that its owner alone can read, never in the database. docs/operations.md."""

import secrets
from pathlib import Path

from activities.durable import replace_durably
from cosignet.core.log_keys import SEED_BYTES, Kind, SigningKey
from cosignet.errors import Malformed, Unavailable

# As c2sp.org/tlog-checkpoint asks: the one that every tool reads, and the one that withstands quantum computers.
KINDS = (Kind.ED25519, Kind.ML_DSA_44)


class KeyFile:
    """One key a line, in the form of Go's `note` package."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def exists(self) -> bool:
        """Whether there is one."""
        return self._path.exists()

    def read(self) -> list[SigningKey]:
        """All keys. Raises `Unavailable("log.key")` for a file that is missing, not ours, or open to others."""
        try:
            if self._path.stat().st_mode & 0o077:
                raise _unusable(self._path, "others than its owner may read it: chmod 600")
            lines = self._path.read_text("ascii").splitlines()
            keys = [SigningKey.parse(line) for line in lines]
        except (OSError, ValueError) as error:
            raise _unusable(self._path, "it cannot be read") from error
        except Malformed as error:
            raise _unusable(self._path, error.detail) from error
        if not keys:
            raise _unusable(self._path, "it is empty")
        return keys

    def write(self, keys: list[SigningKey]) -> None:
        """Put these keys in the file, all or none of them. Raises `Unavailable("log.key")`."""
        text = "".join(f"{key.to_text()}\n" for key in keys)
        try:
            replace_durably(self._path, text, mode=0o600)
        except OSError as error:
            raise _unusable(self._path, "it cannot be written") from error


def new_keys(name: str) -> list[SigningKey]:
    """Fresh keys for a log of this origin, one of each kind."""
    return [SigningKey(name, kind, secrets.token_bytes(SEED_BYTES)) for kind in KINDS]


def _unusable(path: Path, why: str) -> Unavailable:
    return Unavailable("log.key", f"the log's key file {path}: {why}")
