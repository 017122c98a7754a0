"""INSERT … ON CONFLICT, which SQLAlchemy spells once per dialect."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_new(tx: AsyncConnection, table: Table, values: dict[str, Any]) -> bool:
    """Write a row; False when one with the same key was there already, or came in between."""
    statement = _insert(tx, table).values(values).on_conflict_do_nothing().returning(*table.primary_key)
    return (await tx.execute(statement)).first() is not None


async def upsert(tx: AsyncConnection, table: Table, keys: dict[str, Any], values: dict[str, Any]) -> None:
    """Write the row that has these primary key values, new or not."""
    statement = _insert(tx, table).values(**keys, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))


def _insert(tx: AsyncConnection, table: Table) -> Any:
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)
