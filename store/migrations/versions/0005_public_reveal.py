"""What makes an approval public: verified addresses, and their hashes."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("people", schema=None) as batch_op:
        batch_op.add_column(sa.Column("email_verified_at", sa.BigInteger(), nullable=True))
    with op.batch_alter_table("ceremonies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("hashed_email", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("links", schema=None) as batch_op:
        # Nobody knows of an older link whether it was sent, so it verifies nothing.
        batch_op.add_column(sa.Column("delivered", sa.Boolean(), nullable=False, server_default=sa.false()))
    # A batch of its own: SQLite copies the rows once for each batch, and in one with both there is no default for them.
    with op.batch_alter_table("links", schema=None) as batch_op:
        batch_op.alter_column("delivered", existing_type=sa.Boolean(), server_default=None)


def downgrade() -> None:
    for table, column in (("links", "delivered"), ("ceremonies", "hashed_email"), ("people", "email_verified_at")):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
