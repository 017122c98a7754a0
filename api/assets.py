"""The files of web/static, read once: what is served, and the hashes that pages pin, are of the very same bytes.

Sources: W3C Subresource Integrity; HTML, "module preload" (which is how imported modules are pinned).
"""

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

# What has another ending, or a name that is not plain, is no file of ours and is not served.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
_NAME = re.compile(r"[a-z0-9_-][a-z0-9_.-]*")
# Statements start a line, which comments and texts that look like one do not.
_IMPORT = re.compile(r"""^[ \t]*(?:import|export)\b(?:[^"';]*?\bfrom)?\s*(["'])([^"'\n]*)\1""", re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    """One file, with its media type."""

    name: str
    content: bytes
    media_type: str

    @property
    def integrity(self) -> str:
        """Its hash as `integrity` attributes have it."""
        return "sha384-" + base64.b64encode(hashlib.sha384(self.content).digest()).decode()

    @property
    def imports(self) -> list[str]:
        """What a module names in its static imports, in order."""
        return [name for _, name in _IMPORT.findall(self.content.decode())]


class Script(NamedTuple):
    """One script, for whoever wants to read them all."""

    name: str
    integrity: str
    lines: int


class Assets:
    """Every file of the folder that may be served, by name."""

    def __init__(self, folder: Path) -> None:
        self._by_name: Mapping[str, Asset] = {asset.name: asset for asset in _read(folder)}

    def find(self, name: str) -> Asset | None:
        """The file with exactly this name."""
        return self._by_name.get(name)

    def modules(self, page: str) -> list[str]:
        """The modules that the page's script imports, directly or through others, in the order they are met.

        Raises `LookupError` for one that is not here: the browser would load it without a pinned hash, or not at all.
        """
        entry = f"{page}.js"
        met = [entry]
        for name in met:
            met += dict.fromkeys(found for found in self._imports(name) if found not in met)
        return met[1:]

    def scripts(self) -> list[Script]:
        """All scripts, by name."""
        found = (asset for name, asset in sorted(self._by_name.items()) if name.endswith(".js"))
        return [Script(asset.name, asset.integrity, len(asset.content.splitlines())) for asset in found]

    def _imports(self, module: str) -> list[str]:
        names = self[module].imports
        for name in names:
            if not name.startswith("./") or name[2:] not in self._by_name:
                raise LookupError(f"{module} imports {name!r}, which is not a file beside it")
        return [name.removeprefix("./") for name in names]

    def __getitem__(self, name: str) -> Asset:
        if name not in self._by_name:
            raise LookupError(f"web/static has no {name!r}")
        return self._by_name[name]


def _read(folder: Path) -> Iterator[Asset]:
    for path in folder.iterdir():
        media_type = MEDIA_TYPES.get(path.suffix)
        # A link could lead to any file of this machine.
        if media_type and _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            yield Asset(path.name, path.read_bytes(), media_type)
