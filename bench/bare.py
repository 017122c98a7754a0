"""The least that remembers an event: one row in a table of its own, inserted by SQLAlchemy and committed."""

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, insert

from store.database import Database

_TABLE = Table(
    "bare_events",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("leaf", LargeBinary, nullable=False),
)


async def create(database: Database) -> None:
    """Make the table."""
    async with database.write() as tx:
        await tx.run_sync(_TABLE.create)


async def remember(database: Database, rows: list[dict[str, object]]) -> None:
    """Insert rows with `event_id` and `leaf`, in one transaction."""
    async with database.write() as tx:
        await tx.execute(insert(_TABLE), rows)
