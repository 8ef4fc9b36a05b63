"""Drift: hours of boxes, what is normal, how it stands, and the moments to retrain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    _hours()
    _standing()
    _calls()


def downgrade() -> None:
    for table in ("drift_marks", "drift_calls", "drift_standing", "drift_normals", "drift_hours"):
        op.drop_table(table)


def _number() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _hours() -> None:
    op.create_table(
        "drift_hours",
        sa.Column("device", _number(), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(length=71), nullable=False),
        sa.Column("camera", sa.String(length=64), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("frames", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("came_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.number"], name=op.f("fk_drift_hours_device")),
        sa.PrimaryKeyConstraint("device", "model", "camera", "hour", name=op.f("pk_drift_hours")),
    )
    op.create_index(op.f("ix_drift_hours_came_us"), "drift_hours", ["came_us"], unique=False)
    op.create_index(op.f("ix_drift_hours_device_hour"), "drift_hours", ["device", "hour"], unique=False)
    op.create_table(
        "drift_normals",
        sa.Column("device", _number(), autoincrement=False, nullable=False),
        sa.Column("model", sa.String(length=71), nullable=False),
        sa.Column("camera", sa.String(length=64), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("from_hour", sa.BigInteger(), nullable=False),
        sa.Column("to_hour", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.number"], name=op.f("fk_drift_normals_device")),
        sa.PrimaryKeyConstraint("device", "model", "camera", name=op.f("pk_drift_normals")),
    )


def _standing() -> None:
    op.create_table(
        "drift_standing",
        sa.Column("model", sa.String(length=71), nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("camera", sa.String(length=64), nullable=False),
        sa.Column("measure", sa.String(length=128), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("distance", sa.Float(), nullable=True),
        sa.Column("bound", sa.Float(), nullable=True),
        sa.Column("psi", sa.Float(), nullable=True),
        sa.Column("since_hour", sa.BigInteger(), nullable=True),
        sa.Column("hour", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("model", "device", "camera", "measure", name=op.f("pk_drift_standing")),
    )
    op.create_index(op.f("ix_drift_standing_state_model"), "drift_standing", ["state", "model"], unique=False)
    op.create_index(op.f("ix_drift_standing_device"), "drift_standing", ["device"], unique=False)


def _calls() -> None:
    op.create_table(
        "drift_calls",
        sa.Column("number", _number(), autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=71), nullable=False),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("since_hour", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("job", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_drift_calls")),
    )
    op.create_index(op.f("ix_drift_calls_model_ended_us"), "drift_calls", ["model", "ended_us"], unique=False)
    op.create_index(op.f("ix_drift_calls_ended_us"), "drift_calls", ["ended_us"], unique=False)
    op.create_table(
        "drift_marks",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_drift_marks")),
    )
