"""docker-compose.yml and Dockerfile as data."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$\{([A-Z_]+)(?:(:\?|-)([^}]*))?\}")


def compose() -> dict[str, Any]:
    """The file, its anchors and merges resolved."""
    return yaml.safe_load(COMPOSE.read_text())


def services() -> dict[str, dict[str, Any]]:
    return compose()["services"]


def variables() -> dict[str, str]:
    """Every variable the file interpolates, with its operator (`:?` is required)."""
    return {name: operator for name, operator, _ in _VARIABLE.findall(COMPOSE.read_text())}


def example_variables() -> list[str]:
    lines = (ROOT / "deploy" / "example.env").read_text().splitlines()
    return [line.partition("=")[0] for line in lines if line and not line.startswith("#")]


@dataclass(frozen=True)
class Instruction:
    """One instruction of the Dockerfile, its continued lines joined."""

    name: str
    value: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.value)


def dockerfile() -> list[Instruction]:
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [Instruction(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def instructions(name: str) -> list[Instruction]:
    return [instruction for instruction in dockerfile() if instruction.name == name]
