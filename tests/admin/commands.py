"""Running admin commands as an operator does, and reading what they leave behind."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from api.admin.__main__ import app
from cosignet.core.leaf import ENROLLED
from store.database import Database
from store.events import list_events

PUBLIC_URL = "http://localhost:8420"


@dataclass
class Admin:
    """`python -m api.admin`, in this process."""

    environment: dict[str, str]
    said: str = field(default="", init=False)

    async def run(self, *arguments: str, **environment: str) -> Result:
        done = await asyncio.to_thread(
            CliRunner().invoke, app, list(arguments), env={**self.environment, **environment}
        )
        # A traceback would mean that nobody thought of this.
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        self.said = done.stderr
        return done

    async def __call__(self, *arguments: str, **environment: str) -> Any:
        """The answer of a command that works."""
        done = await self.run(*arguments, **environment)
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    async def refusal(self, *arguments: str, **environment: str) -> str:
        """The code of a command that is refused: on standard error, with nothing on standard output."""
        done = await self.run(*arguments, **environment)
        assert (done.exit_code, done.stdout) == (1, "")
        code, separator, detail = done.stderr.splitlines()[-1].partition(": ")
        assert separator
        assert detail
        return code


async def events(database: Database, organisation: str, *, of: str = "") -> list[dict[str, Any]]:
    """The organisation's events of one type (of all but the enrolments that every test has), without what all hold."""
    async with database.read() as tx:
        everything = await list_events(tx, organisation)
    found = [event for event in everything if (event.type == of if of else event.type != ENROLLED)]
    common = {"v", "event", "organisation", "sequence", "time"}
    return [{k: v for k, v in json.loads(event.record).items() if k not in common} for event in found]
