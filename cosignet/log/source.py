"""What a log publishes, read over HTTP, and kept in a folder where wanted. c2sp.org/tlog-tiles."""

import gzip
import http.client
import io
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from cosignet.core.log_keys import LogKey
from cosignet.core.tiles import HASH_BYTES, Address, TileId, read_entries
from cosignet.errors import Malformed, NotFound, Unavailable

# A bundle of 256 entries of the greatest length.
MAX_ANSWER = 17 * 1024 * 1024
TIMEOUT = 30.0
_PAUSES = (0.5, 2.0)


class Source:
    """A log at `url` (the prefix of its tiles). What never changes is kept in `mirror`, and read from there again."""

    def __init__(self, url: str, mirror: Path | None = None) -> None:
        self._url = url.rstrip("/")
        self._mirror = mirror

    def keys(self) -> list[LogKey]:
        """The keys that the log itself says are its own. Raises `Unavailable`, `NotFound`, `Malformed("log.key")`."""
        lines = self.read("key").decode("utf-8", "replace").splitlines()
        return [LogKey.parse(line) for line in lines]

    def checkpoint(self) -> bytes:
        """The newest signed checkpoint. Raises `Unavailable`, `NotFound`."""
        return self.read("checkpoint")

    def tile(self, tile: TileId, width: int) -> bytes:
        """The first `width` hashes of a tile. Raises `Unavailable`, `NotFound`, `Malformed("log.tile")`."""
        path = Address(tile.level, tile.number, width).path
        hashes = self._read_kept(path)
        if len(hashes) != width * HASH_BYTES:
            raise Malformed("log.tile", f"{path} has {len(hashes)} bytes, and should have {width * HASH_BYTES}")
        return hashes

    def entries(self, number: int, width: int) -> list[bytes]:
        """The first `width` entries of a bundle. Raises `Unavailable`, `NotFound`, `Malformed("log.entry")`."""
        path = Address(None, number, width).path
        entries = read_entries(self._read_kept(path))
        if len(entries) != width:
            raise Malformed("log.entry", f"{path} has {len(entries)} entries, and should have {width}")
        return entries

    def keep(self, path: str, content: bytes) -> None:
        """Put a file into the mirror, if there is one; `checkpoint` last, once everything that it covers is there."""
        if self._mirror is None:
            return
        file = self._mirror / path
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.new")
        draft.write_bytes(content)
        draft.replace(file)

    def read(self, path: str) -> bytes:
        """What is at a path now. Raises `NotFound("log.missing")`, `Unavailable("log.unreachable")`."""
        for pause in (*_PAUSES, None):
            try:
                return _get(f"{self._url}/{path}")
            except urllib.error.HTTPError as error:
                error.close()
                if error.code in (404, 410):
                    raise NotFound("log.missing", f"{path} is not there") from error
                problem: Exception = error
            except (OSError, http.client.HTTPException, EOFError, zlib.error) as error:
                problem = error
            if pause is not None:
                time.sleep(pause)
        raise Unavailable("log.unreachable", f"{self._url}/{path}: {problem}") from problem

    def _read_kept(self, path: str) -> bytes:
        if self._mirror is not None and (self._mirror / path).is_file():
            return (self._mirror / path).read_bytes()
        content = self.read(path)
        self.keep(path, content)
        return content


def _get(url: str) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise Unavailable("log.unreachable", f"{url} is no http or https address")
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:  # noqa: S310 - the scheme is checked above
        content: bytes = response.read(MAX_ANSWER + 1)
        if response.length and len(content) <= MAX_ANSWER:
            # Reading up to a size does not say so by itself.
            raise http.client.IncompleteRead(content, response.length)
        if response.headers.get("Content-Encoding") == "gzip":
            # Logs may send it without being asked, c2sp.org/tlog-tiles.
            with gzip.open(io.BytesIO(content)) as packed:
                content = packed.read(MAX_ANSWER + 1)
    if len(content) > MAX_ANSWER:
        raise Malformed("log.tile", f"{url} answers with more than {MAX_ANSWER} bytes")
    return content
