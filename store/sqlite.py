"""SQLite under SQLAlchemy's asyncio interface, on the event loop's own thread.

A statement here takes some tens of microseconds, a commit a millisecond or two. Drivers that hand each statement to a
thread visit it four times, which costs several times what the statement does. What can take long, waiting for
another process to finish writing, is waited for with the event loop free.
"""

import asyncio
import sqlite3
import time
from typing import Any

from sqlalchemy import URL, AsyncAdaptedQueuePool, Connection, Engine, Pool, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.util.concurrency import await_

DRIVER = "sqlite+inline"
WRITES = "cosignet_writes"

_TURN_SECONDS = 10.0
_TURN_PAUSE = 0.002
_SCRUB_SECONDS = 10.0
# How long SQLite itself may wait, holding up everything else: for a crashed process's log to be recovered.
_PATIENCE = "busy_timeout=1000"
_PRAGMAS = (_PATIENCE, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """Nothing to do: whatever was read is in memory. `AsyncConnection` calls it after each statement."""


class _Connection(sqlite3.Connection):
    def cursor(self, factory: type[sqlite3.Cursor] = _Cursor) -> sqlite3.Cursor:  # type: ignore[override]
        return super().cursor(factory)


class InlineSQLite(SQLiteDialect_pysqlite):
    """The standard library's sqlite3 behind `AsyncEngine`."""

    driver = "inline"
    is_async = True
    has_terminate = True
    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> Any:
        """As the standard driver's, with cursors that `AsyncConnection` can work with."""
        arguments, options = super().create_connect_args(url)
        return arguments, {**options, "factory": _Connection}

    @classmethod
    def get_pool_class(cls, url: object) -> type[Pool]:
        """The pool for asyncio."""
        return AsyncAdaptedQueuePool

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Execute. SQLAlchemy takes a statement that awaits nothing for one of a driver that blocks."""
        await_(_nothing())
        cursor.execute(statement, parameters)

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """As `do_execute`."""
        await_(_nothing())
        cursor.executemany(statement, parameters)

    def do_terminate(self, dbapi_connection: DBAPIConnection) -> None:
        """Close a connection that was given up."""
        dbapi_connection.close()


registry.register("sqlite.inline", __name__, "InlineSQLite")


def configure(engine: Engine) -> None:
    """Let the engine's transactions begin as readers, or as writers where the execution option `WRITES` is set."""
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begin)


def scrub(raw: Any) -> bool:
    """Write the whole file anew without what was deleted, and empty the write-ahead log; False when others are busy.

    It holds up everything else of this process, and whoever else writes, for some seconds per gigabyte.
    """
    try:
        for pragma in ("query_only=OFF", f"busy_timeout={int(_SCRUB_SECONDS * 1000)}"):
            raw.execute(f"PRAGMA {pragma}")
        raw.execute("VACUUM")
        ((busy, _, _),) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError:
        return False
    finally:
        raw.execute(f"PRAGMA {_PATIENCE}")
    return not busy


def _connected(connection: Any, record: object) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    _pragma(connection, f"query_only={'OFF' if writes else 'ON'}")
    if writes:
        _begin_in_turn(connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_in_turn(connection: Connection) -> None:
    _pragma(connection, "busy_timeout=0")
    end = time.monotonic() + _TURN_SECONDS
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                break
            except OperationalError:
                if time.monotonic() > end:
                    raise
            await_(asyncio.sleep(_TURN_PAUSE))
    finally:
        _pragma(connection, _PATIENCE)


def _pragma(connection: Connection, setting: str) -> None:
    raw: Any = connection.connection.driver_connection
    raw.execute(f"PRAGMA {setting}")


async def _nothing() -> None:
    return
