"""Connections and transactions, alike on SQLite and PostgreSQL.

A write transaction on SQLite begins IMMEDIATE behind one lock per process: SQLAlchemy's default deferred
transactions fail with "database is locked" as soon as two writers upgrade at once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from cosignet.errors import Unavailable
from store import sqlite

# At most, of each process.
CONNECTIONS = 15

Clock = Callable[[AsyncConnection], Awaitable[datetime]]

_SECONDS = {
    "sqlite": text("SELECT unixepoch()"),
    "postgresql": text("SELECT floor(extract(epoch from clock_timestamp()))::bigint"),
}
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


async def database_clock(tx: AsyncConnection) -> datetime:
    """The database's own clock, whole seconds in UTC: the one clock that all processes share."""
    return datetime.fromtimestamp((await tx.execute(_SECONDS[tx.dialect.name])).scalar_one(), UTC)


class Database:
    """One database: `async with database.write() as tx` is one transaction, committed at the end of the block."""

    def __init__(self, url: str, *, clock: Clock = database_clock) -> None:
        self.url = url
        async_url = _async_url(url)
        self.clock = clock
        self._sqlite = async_url.startswith("sqlite")
        self._writer = asyncio.Lock()
        # No overflow: what goes beyond the pool is connected anew each time, which costs PostgreSQL several times what
        # a transaction does.
        self._engine = create_async_engine(
            async_url, pool_size=CONNECTIONS, max_overflow=0, pool_pre_ping=not self._sqlite
        )
        if self._sqlite:
            sqlite.configure(self._engine.sync_engine)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view, in which nothing can be written. Raises `Unavailable("database.unavailable")`."""
        with _outages():
            async with self._engine.connect() as plain:
                yield plain if self._sqlite else await plain.execution_options(**_SNAPSHOT)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: all of it or, when the block raises, none. Raises `Unavailable("database.unavailable")`."""
        with _outages():
            async with _lock_if(self._sqlite, self._writer), self._engine.connect() as plain:
                tx = await plain.execution_options(**{sqlite.WRITES: True})
                async with tx.begin():
                    yield tx

    async def migrate(self) -> None:
        """Bring the schema to the newest revision; safe to call from several processes at once.

        Raises `Unavailable("database.unavailable")`.
        """
        with _outages():
            await asyncio.to_thread(command.upgrade, _alembic_config(self.url), "head")

    async def is_migrated(self) -> bool:
        """Whether the schema is at the newest revision. Raises `Unavailable("database.unavailable")`."""
        newest = ScriptDirectory.from_config(_alembic_config(self.url)).get_current_head()
        async with self.read() as tx:
            return await tx.run_sync(lambda plain: MigrationContext.configure(plain).get_current_revision()) == newest

    async def scrub(self) -> bool:
        """Overwrite what was deleted, where SQLite can be told to; False when it may still be on the disk.

        Raises `Unavailable("database.unavailable")`.
        """
        if not self._sqlite:
            return False
        with _outages():
            async with self._writer, self._engine.connect() as plain:
                raw = await plain.get_raw_connection()
                return sqlite.scrub(raw.driver_connection)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._engine.dispose()


def _async_url(text_url: str) -> str:
    url = make_url(text_url)
    drivers = {"sqlite": sqlite.DRIVER, "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    return url.set(drivername=drivers.get(url.drivername, url.drivername)).render_as_string(hide_password=False)


def _alembic_config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = _async_url(url)
    return config


@asynccontextmanager
async def _lock_if(needed: bool, lock: asyncio.Lock) -> AsyncIterator[None]:
    if not needed:
        yield
        return
    async with lock:
        yield


@contextmanager
def _outages() -> Iterator[None]:
    """Turn a connection that failed into `Unavailable`, so that nobody mistakes an outage for an answer."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable("database.unavailable", "the database did not answer; try again") from error
    except (PoolTimeout, OSError) as error:
        raise Unavailable("database.unavailable", "the database cannot be reached; try again") from error
