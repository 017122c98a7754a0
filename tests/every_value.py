"""All that a database holds, to look for what should not be in it."""

from sqlalchemy import select

from store.database import Database
from store.schema import metadata


async def every_value(database: Database) -> str:
    """Every value of every table, bytes too, as one text."""
    found: list[str] = []
    async with database.read() as tx:
        for table in metadata.sorted_tables:
            for row in await tx.execute(select(table)):
                found += [value.decode("latin-1") if isinstance(value, bytes) else str(value) for value in row]
    return "\n".join(found)
