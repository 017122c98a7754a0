"""The image without Docker: its files as COPY puts them, in a folder, run by this environment's Python."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.compose import ROOT, instructions


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path out: the last line that matches it or a folder above it decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{pattern}(/.*)?", path):
            ignored = not line.startswith("!")
    return ignored


def environment() -> dict[str, str]:
    """What ENV sets."""
    pairs = (word.partition("=") for instruction in instructions("ENV") for word in instruction.words)
    return {name: value for name, _, value in pairs}


@dataclass(frozen=True)
class Image:
    """The working directory of the image."""

    folder: Path
    python: str = sys.executable

    def copy(self) -> None:
        """Carry out every COPY."""
        for instruction in instructions("COPY"):
            *sources, target = instruction.words
            for source in sources:
                self._copy(source.rstrip("/"), target)

    def start(self, *command: str, **settings: str) -> subprocess.Popen[str]:
        """Start a command of the image, whose `python` is ours."""
        assert command[0] == "python"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("COSIGNET_", "TEMPORAL_", "PYTHON"))}
        return subprocess.Popen(
            [self.python, *command[1:]],
            cwd=self.folder,
            env={**inherited, **environment(), **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    def _copy(self, source: str, target: str) -> None:
        origin = ROOT / source
        for path in [origin] if origin.is_file() else filter(Path.is_file, origin.rglob("*")):
            if not is_ignored(str(path.relative_to(ROOT))):
                # What is in a folder goes below the target; a file becomes the target, or goes into it.
                inside = path.relative_to(origin) if origin.is_dir() else path.name if target.endswith("/") else ""
                destination = self.folder / target / inside
                destination.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, destination)
