"""The tables of the log. What is in the tree stays as it is: the database itself refuses every other change.

`events` are what happened, `outbox` the leaves of those that are not in the tree yet, the rest is the tree.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from store.schema import Moment, metadata, position_type

# `organisation_id` is empty for what happens to the installation itself; each numbers its events on its own.
events = Table(
    "events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("organisation_id", String(64), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("type", String(64), nullable=False),
    Column("confirmation_id", String(64)),
    Column("salt", LargeBinary, nullable=False),
    Column("record", LargeBinary, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("organisation_id", "sequence"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("position", position_type, primary_key=True, autoincrement=True),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("leaf", LargeBinary, nullable=False),
)

log_entries = Table(
    "log_entries",
    metadata,
    Column("leaf_index", position_type, primary_key=True, autoincrement=False),
    Column("event_id", String(64), nullable=False, unique=True),
    Column("leaf", LargeBinary, nullable=False),
)

log_tiles = Table(
    "log_tiles",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False),
)

# One row. `read_only` says why nothing may be appended, and is empty as long as everything is well.
log_tree = Table(
    "log_tree",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("read_only", Text, nullable=False),
)

# Public halves alone. `retired_at` is when a key stopped signing; what it signed before stays signed.
log_keys = Table(
    "log_keys",
    metadata,
    Column("position", position_type, primary_key=True, autoincrement=True),
    Column("vkey", Text, nullable=False, unique=True),
    Column("added_at", Moment, nullable=False),
    Column("retired_at", Moment),
)

# A head is written down before it is signed, so no size of a log can ever be signed with two roots. One an interval is
# kept with its note; the notes of those between go when a larger head is signed.
log_heads = Table(
    "log_heads",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary),
    Column("signed_at", Moment),
    Column("kept", Boolean, nullable=False),
)
