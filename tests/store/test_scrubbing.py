import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.database import Database


async def test_sqlite_writes_over_what_was_deleted(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/cosignet.db")
    await database.migrate()
    secrets = [f"murmuration {number}".encode() * 20 for number in range(200)]
    with closing(sqlite3.connect(tmp_path / "cosignet.db", isolation_level=None)) as other:
        # Some builds of SQLite do it by themselves.
        other.execute("PRAGMA secure_delete=OFF")
        other.executemany("INSERT INTO installation VALUES (?, ?)", [(str(n), s) for n, s in enumerate(secrets)])
        other.execute("DELETE FROM installation")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def on_disk() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.glob("cosignet.db*"))

    assert b"murmuration" in on_disk()
    assert await database.scrub()
    assert b"murmuration" not in on_disk()
    async with database.read() as tx:
        with pytest.raises(DBAPIError):
            await tx.execute(text("DELETE FROM installation"))
    await database.close()


async def test_postgresql_is_not_told_to(fresh, kind):
    assert await fresh.scrub() is (kind == "sqlite")
