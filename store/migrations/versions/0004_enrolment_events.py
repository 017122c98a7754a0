"""Which events say that a passkey was enrolled and revoked."""

import json
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from cosignet.core.encoding import from_b64u

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.add_column(sa.Column("enrolled_event", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("revoked_event", sa.String(length=64), nullable=True))
    _name_enrolments()


def downgrade() -> None:
    with op.batch_alter_table("credentials", schema=None) as batch_op:
        batch_op.drop_column("revoked_event")
        batch_op.drop_column("enrolled_event")


def _name_enrolments() -> None:
    """Revocations from before do not name the enrolment, so evidence cannot use them."""
    credentials = sa.table("credentials", sa.column("id", sa.LargeBinary), sa.column("enrolled_event", sa.String))
    enrolled = sa.text("SELECT id, record FROM events WHERE type = 'credential.enrolled'")
    for event, record in op.get_bind().execute(enrolled).all():
        passkey = from_b64u(json.loads(record)["credential"])
        op.execute(sa.update(credentials).where(credentials.c.id == passkey).values(enrolled_event=event))
