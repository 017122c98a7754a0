"""Writes the tables of docs/operations.md from the code that they describe: `python -m docs.generate`."""

import re
import sys
from pathlib import Path
from typing import Any

import typer.main

from api.admin.__main__ import app
from settings import Settings

PAGE = Path(__file__).parent / "operations.md"


def settings_table() -> str:
    """One row for each setting."""
    rows = [
        f"| `COSIGNET_{name.upper()}` | {_default(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | what it is |", "| --- | --- | --- |", *rows])


def commands_table() -> str:
    """One row for each administration command."""
    group: Any = typer.main.get_command(app)
    rows = [
        f"| `{' '.join([name, *filter(None, map(_parameter, command.params))])}` | {_summary(command.help)} |"
        for name, command in sorted(group.commands.items())
    ]
    return "\n".join(["| command | what it does |", "| --- | --- |", *rows])


def page(text: str) -> str:
    """The page with its tables as the code is now."""
    for name, table in (("settings", settings_table()), ("commands", commands_table())):
        begin, end = f"<!-- generated: {name} -->\n", f"<!-- end of {name} -->\n"
        parts = re.split(f"{begin}.*?{end}", text, flags=re.DOTALL)
        if len(parts) != 2:
            raise ValueError(f"{PAGE} has no single place for the table of {name}")
        text = f"{parts[0]}{begin}{table}\n{end}{parts[1]}"
    return text


def _default(value: object) -> str:
    return "empty" if value in (None, "") else f"`{value}`"


def _parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"{parameter.metavar} …" if parameter.nargs == -1 else str(parameter.metavar)
    if parameter.name == "help":
        return ""
    value = "" if parameter.is_flag else f" {parameter.metavar}"
    option = f"{parameter.opts[0]}{value}" + (" …" if parameter.multiple else "")
    return option if parameter.required else f"[{option}]"


def _summary(text: str) -> str:
    return text.strip().split("\n\n", maxsplit=1)[0].replace("\n", " ")


if __name__ == "__main__":
    before = PAGE.read_text()
    PAGE.write_text(page(before))
    sys.stdout.write(f"{PAGE.name} {'was up to date' if page(before) == before else 'is written'}\n")
