"""What all commands share: how they open the database, how they answer, how they refuse."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import typer
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.deployment import Deployment
from cosignet.errors import CosignetError
from settings import read_settings
from store.database import Database
from store.events import add_event

Answer = dict[str, Any]
Command = Callable[..., Awaitable[Answer | None]]

# Who changes something here, as records say.
BY = "command line"

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Administer this Cosignet installation, as its COSIGNET_* settings say.",
)


@dataclass(frozen=True)
class Desk:
    """One write transaction, and the database's time at which it happens."""

    deployment: Deployment
    tx: AsyncConnection
    at: datetime

    async def note_change(self, organisation: str, change: str, **facts: Any) -> None:
        """Record `admin.changed`: what was changed from the command line. Facts name people by id alone."""
        record = {"change": change, "by": BY, **facts}
        await add_event(self.tx, organisation, "admin.changed", record, at=self.at)


def command(name: str, *, indent: int | None = None, dashes: bool = False) -> Callable[[Command], Command]:
    """Make an async function the command `name`; it returns the object to print, or prints for itself.

    An object whose member `ok` is false is printed, and the command exits with 1 all the same. With `dashes`, an
    argument may begin with a dash, as one base64url text in 64 does.
    """

    def register(function: Command) -> Command:
        @functools.wraps(function)
        def run(**arguments: Any) -> None:
            try:
                answer = asyncio.run(_call(function, arguments))
            except CosignetError as error:
                say(str(error))
                raise typer.Exit(1) from error
            if answer is not None:
                typer.echo(json.dumps(answer, ensure_ascii=False, indent=indent))
                raise typer.Exit(0 if answer.get("ok", True) else 1)

        app.command(name, context_settings={"ignore_unknown_options": dashes})(run)
        return function

    return register


def say(line: str) -> None:
    """Tell the person at the terminal, on standard error."""
    typer.echo(line, err=True)


@asynccontextmanager
async def opened() -> AsyncIterator[Deployment]:
    """The installation, its database brought to the newest schema first."""
    _, deployment = read_settings()
    async with closing(deployment.database):
        await deployment.database.migrate()
        yield deployment


@asynccontextmanager
async def at_desk() -> AsyncIterator[Desk]:
    """One write transaction: all of a command or, when it refuses, nothing."""
    async with opened() as deployment, desk_of(deployment) as desk:
        yield desk


@asynccontextmanager
async def desk_of(deployment: Deployment) -> AsyncIterator[Desk]:
    """As `at_desk`, where the installation is open already."""
    async with deployment.database.write() as tx:
        yield Desk(deployment, tx, await deployment.database.clock(tx))


@asynccontextmanager
async def closing(database: Database) -> AsyncIterator[None]:
    """Close the database's connections at the end, whatever happens."""
    try:
        yield
    finally:
        await database.close()


async def _call(function: Command, arguments: Answer) -> Answer | None:
    return await function(**arguments)
