"""The ids of what was erased."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("confirmation_id", sa.String(length=64), nullable=False),
        sa.Column("organisation_id", sa.String(length=64), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_erased_organisation_id")),
        sa.PrimaryKeyConstraint("confirmation_id", name=op.f("pk_erased")),
    )
    with op.batch_alter_table("erased", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_erased_organisation_id"), ["organisation_id"], unique=False)


def downgrade() -> None:
    op.drop_table("erased")
