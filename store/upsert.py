"""INSERT … ON CONFLICT DO UPDATE, which SQLAlchemy spells once per dialect."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def upsert(tx: AsyncConnection, table: Table, keys: dict[str, Any], values: dict[str, Any]) -> None:
    """Write the row that has these primary key values, new or not."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values(**keys, **values)
    await tx.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=values))
