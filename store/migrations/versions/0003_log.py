"""The log: events apart from the outbox, and the tree with the triggers that protect it."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from cosignet.core.leaf import FOLLOWING, REQUESTED, SALT_BYTES, Leaf, commitment, public_deadline

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Table, name of the rule, when it is asked, what is refused, and what the refusal says.
_RULES = (
    ("log_entries", "kept", "UPDATE", "TRUE", "an entry of the log never changes"),
    ("log_entries", "stays", "DELETE", "TRUE", "an entry of the log is never deleted"),
    ("log_tiles", "stays", "DELETE", "TRUE", "a tile of the log is never deleted"),
    (
        "log_tiles",
        "grows",
        "UPDATE",
        "(NEW.level, NEW.number) <> (OLD.level, OLD.number) OR substr(NEW.hashes, 1, length(OLD.hashes)) <> OLD.hashes",
        "a tile of the log only grows",
    ),
    ("log_tree", "stays", "DELETE", "TRUE", "the tree of the log is never deleted"),
    (
        "log_tree",
        "grows",
        "UPDATE",
        "NEW.id <> OLD.id OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root <> OLD.root)",
        "the tree of the log only grows",
    ),
    ("log_heads", "stays", "DELETE", "TRUE", "a head of the log is never deleted"),
    (
        "log_heads",
        "kept",
        "UPDATE",
        "(NEW.origin, NEW.size, NEW.root) <> (OLD.origin, OLD.size, OLD.root)",
        "a head of the log is never another one",
    ),
)
# The rows that a new one would replace.
_KEYS = {
    "log_entries": "SELECT 1 FROM log_entries WHERE leaf_index = NEW.leaf_index OR event_id = NEW.event_id",
    "log_tiles": "SELECT 1 FROM log_tiles WHERE (level, number) = (NEW.level, NEW.number)",
    "log_tree": "SELECT 1 FROM log_tree WHERE id = NEW.id",
    "log_heads": "SELECT 1 FROM log_heads WHERE (origin, size) = (NEW.origin, NEW.size)",
}
_CARRIED = {
    "events": ("id", "organisation_id", "sequence", "type", "confirmation_id", "salt", "record", "created_at"),
    "outbox": ("event_id", "leaf"),
    "confirmations": ("id", "deadline", "request_event"),
}


def upgrade() -> None:
    waiting = sa.text("SELECT * FROM outbox ORDER BY position")
    happened = [dict(row) for row in op.get_bind().execute(waiting).mappings()]
    op.drop_table("outbox")
    _create_tables()
    _create_rules()
    with op.batch_alter_table("confirmations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("request_event", sa.String(length=64), nullable=True))
    _carry_over(happened)
    with op.batch_alter_table("confirmations", schema=None) as batch_op:
        batch_op.alter_column("request_event", existing_type=sa.String(length=64), nullable=False)


def downgrade() -> None:
    for table in ("log_heads", "log_keys", "log_tree", "log_tiles", "log_entries", "outbox"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION cosignet_refuse")
    with op.batch_alter_table("confirmations", schema=None) as batch_op:
        batch_op.drop_column("request_event")
    _create_old_outbox()
    op.execute(
        "INSERT INTO outbox (id, organisation_id, sequence, type, confirmation_id, record, created_at) "
        "SELECT id, organisation_id, sequence, type, confirmation_id, record, created_at FROM events "
        "WHERE organisation_id <> '' ORDER BY created_at, organisation_id, sequence"
    )
    op.drop_table("events")


def _create_tables() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("confirmation_id", sa.String(length=64), nullable=True),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("organisation_id", "sequence", name=op.f("uq_events_organisation_id_sequence")),
    )
    op.create_table(
        "outbox",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox")),
        sa.UniqueConstraint("event_id", name=op.f("uq_outbox_event_id")),
    )
    op.create_table(
        "log_entries",
        sa.Column("leaf_index", _POSITION, autoincrement=False, nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_log_entries")),
        sa.UniqueConstraint("event_id", name=op.f("uq_log_entries_event_id")),
    )
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_log_tiles")),
    )
    op.create_table(
        "log_tree",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("read_only", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_tree")),
    )
    op.create_table(
        "log_keys",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("vkey", sa.Text(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_log_keys")),
        sa.UniqueConstraint("vkey", name=op.f("uq_log_keys_vkey")),
    )
    op.create_table(
        "log_heads",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("signed_at", sa.BigInteger(), nullable=True),
        sa.Column("kept", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "size", name=op.f("pk_log_heads")),
    )


def _create_old_outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("position", _POSITION, autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=64), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("confirmation_id", sa.String(length=64), nullable=True),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_outbox_organisation_id")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_outbox")),
        sa.UniqueConstraint("id", name=op.f("uq_outbox_id")),
        sa.UniqueConstraint("organisation_id", "sequence", name=op.f("uq_outbox_organisation_id_sequence")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outbox_organisation_id"), ["organisation_id"], unique=False)


def _create_rules() -> None:
    create = _create_postgresql_rule if op.get_bind().dialect.name == "postgresql" else _create_sqlite_rule
    if create is _create_postgresql_rule:
        op.execute(
            "CREATE FUNCTION cosignet_refuse() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$"
        )
        for table in _KEYS:
            op.execute(
                f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
                "EXECUTE FUNCTION cosignet_refuse('the log is never emptied')"
            )
    else:
        for table, same in _KEYS.items():
            # Without asking for DELETE's rule, INSERT OR REPLACE would replace what is there.
            _create_sqlite_rule(table, "new", "INSERT", f"EXISTS ({same})", "what is in the log is never replaced")
    for rule in _RULES:
        create(*rule)


def _create_postgresql_rule(table: str, name: str, change: str, refused: str, why: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_{name} BEFORE {change} ON {table} FOR EACH ROW WHEN ({refused}) "
        f"EXECUTE FUNCTION cosignet_refuse('{why}')"
    )


def _create_sqlite_rule(table: str, name: str, change: str, refused: str, why: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_{name} BEFORE {change} ON {table} WHEN {refused} "
        f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
    )


def _carry_over(happened: Sequence[Mapping[str, Any]]) -> None:
    """What the outbox held are events now, and their leaves wait in it."""
    events, outbox, confirmations = (sa.table(name, *map(sa.column, columns)) for name, columns in _CARRIED.items())
    bind = op.get_bind()
    requests = {row["confirmation_id"]: row["id"] for row in happened if row["type"] == REQUESTED}
    for confirmation, event in requests.items():
        bind.execute(sa.update(confirmations).where(confirmations.c.id == confirmation).values(request_event=event))
    deadlines = {row.id: row.deadline for row in bind.execute(sa.select(confirmations.c.id, confirmations.c.deadline))}
    for row in happened:
        salt = secrets.token_bytes(SALT_BYTES)
        of = row["confirmation_id"]
        leaf = Leaf(
            event=row["type"],
            id=row["id"],
            time=datetime.fromtimestamp(row["created_at"], UTC),
            record=commitment(salt, row["record"]),
            public=_public(row["type"], deadlines.get(of), requests.get(of)),
        )
        kept = {name: row[name] for name in _CARRIED["events"] if name != "salt"}
        bind.execute(sa.insert(events).values(**kept, salt=salt))
        bind.execute(sa.insert(outbox).values(event_id=row["id"], leaf=leaf.to_bytes()))


def _public(event_type: str, deadline: int | None, request: str | None) -> dict[str, str]:
    if event_type == REQUESTED and deadline is not None:
        return {"deadline": public_deadline(datetime.fromtimestamp(deadline, UTC))}
    return {"request": request} if event_type in FOLLOWING and request else {}
