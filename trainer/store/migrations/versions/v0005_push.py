"""Rollouts, their boxes, and the last assignment of each box."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    op.create_table(
        "rollouts",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rollouts")),
    )
    op.create_index(op.f("ix_rollouts_state"), "rollouts", ["state"], unique=False)
    op.create_index(op.f("ix_rollouts_created_us"), "rollouts", ["created_us"], unique=False)
    _boxes()
    _assignments()


def downgrade() -> None:
    for table in ("push_marks", "assignments", "rollout_boxes", "rollouts"):
        op.drop_table(table)


def _boxes() -> None:
    op.create_table(
        "rollout_boxes",
        sa.Column("rollout", sa.String(length=80), nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("wave", sa.Integer(), nullable=False),
        sa.Column("aim", sa.String(length=8), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("code", sa.String(length=24), server_default="", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("percent", sa.Float(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("before", sa.String(length=71), nullable=True),
        sa.Column("signed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("t_us", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["rollout"], ["rollouts.name"], name=op.f("fk_rollout_boxes_rollout")),
        sa.PrimaryKeyConstraint("rollout", "device", name=op.f("pk_rollout_boxes")),
    )
    op.create_index(op.f("ix_rollout_boxes_device"), "rollout_boxes", ["device"], unique=False)
    op.create_index(op.f("ix_rollout_boxes_rollout_wave"), "rollout_boxes", ["rollout", "wave"], unique=False)


def _assignments() -> None:
    op.create_table(
        "assignments",
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("rollout", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_assignments")),
    )
    op.create_index(op.f("ix_assignments_sent"), "assignments", ["sent"], unique=False)
    op.create_table(
        "push_marks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_push_marks")),
    )
