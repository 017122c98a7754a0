"""Alembic's entry point: the database comes from `store.database`, or from COSIGNET_DATABASE_URL."""

import asyncio
import os
from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from store.log_schema import log_tree
from store.schema import Moment

# Whatever table there is: each of the two modules names some.
_TABLES = log_tree.metadata
_MIGRATION_LOCK = 0x636F7369676E6574


def _render(kind: str, item: object, autogen_context: object) -> str | Literal[False]:
    # A migration must not change with the code: it names what the column is, not our type for it.
    return "sa.BigInteger()" if kind == "type" and isinstance(item, Moment) else False


def _take_turns(connection: Any, record: object) -> None:
    # Left alone, the driver commits before each CREATE TABLE, and two processes that start at once collide.
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout=60000")
    # Kept in the file; later no connection has to wait for its turn to ask for it.
    connection.execute("PRAGMA journal_mode=WAL")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Two processes that start at once would both create the first table.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
    context.configure(
        connection=connection,
        target_metadata=_TABLES,
        render_as_batch=True,
        render_item=_render,
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _connect() -> None:
    url = context.config.attributes.get("url") or os.environ["COSIGNET_DATABASE_URL"]
    engine = create_async_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _take_turns)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_connect())
