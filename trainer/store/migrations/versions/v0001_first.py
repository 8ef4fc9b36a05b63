"""The first store: devices, their messages, events, reports and gaps; blobs, exports and items; jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision: str | None = None
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _devices()
    _reports()
    _events()
    _pictures()
    _jobs()


def downgrade() -> None:
    for table in ("jobs", "items", "exports", "blobs", "gaps", "reports", "events", "event_messages", "devices"):
        op.drop_table(table)


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("first_us", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=True),
        sa.Column("high", sa.BigInteger(), nullable=True),
        sa.Column("journal", sa.Integer(), server_default="1", nullable=False),
        sa.Column("shed_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.String(length=16), server_default="", nullable=False),
        sa.Column("state_us", sa.BigInteger(), nullable=True),
        sa.Column("session", sa.String(length=64), server_default="", nullable=False),
        sa.Column("software", sa.String(length=64), server_default="", nullable=False),
        sa.Column("profile", sa.String(length=128), server_default="", nullable=False),
        sa.Column("info", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_devices")),
        sa.UniqueConstraint("name", name=op.f("uq_devices_name")),
    )
    op.create_table(
        "gaps",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("device", NUMBER, autoincrement=False, nullable=False),
        sa.Column("journal", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("asked_us", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=200), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.number"], name=op.f("fk_gaps_device")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_gaps")),
    )
    op.create_index(op.f("ix_gaps_device_state"), "gaps", ["device", "state"], unique=False)


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("device", NUMBER, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("message", sa.String(length=26), nullable=False),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("came_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.number"], name=op.f("fk_reports_device")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_reports")),
        sa.UniqueConstraint("message", "device", name=op.f("uq_reports_message_device")),
    )
    op.create_index(op.f("ix_reports_device_kind_number"), "reports", ["device", "kind", "number"], unique=False)


def _events() -> None:
    op.create_table(
        "event_messages",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("device", NUMBER, autoincrement=False, nullable=False),
        sa.Column("message", sa.String(length=26), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("life", sa.String(length=8), nullable=False),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("replay", sa.Integer(), nullable=False),
        sa.Column("came_us", sa.BigInteger(), nullable=False),
        sa.Column("envelope", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.number"], name=op.f("fk_event_messages_device")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event_messages")),
        sa.UniqueConstraint("device", "boot", "seq", name=op.f("uq_event_messages_device_boot_seq")),
        sa.UniqueConstraint("message", "device", name=op.f("uq_event_messages_message_device")),
    )
    op.create_index(op.f("ix_event_messages_event"), "event_messages", ["event"], unique=False)
    op.create_table(
        "events",
        sa.Column("device", NUMBER, autoincrement=False, nullable=False),
        sa.Column("event", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("camera", sa.String(length=128), nullable=False),
        sa.Column("label", sa.String(length=128), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("life", sa.String(length=8), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("end_us", sa.BigInteger(), nullable=True),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=71), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.number"], name=op.f("fk_events_device")),
        sa.PrimaryKeyConstraint("device", "event", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_device_start_us"), "events", ["device", "start_us"], unique=False)
    op.create_index(op.f("ix_events_start_us"), "events", ["start_us"], unique=False)


def _pictures() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("came_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "exports",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("folder", sa.String(length=500), nullable=False),
        sa.Column("upto", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("came_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_exports")),
        sa.UniqueConstraint("folder", name=op.f("uq_exports_folder")),
    )
    op.create_table(
        "items",
        sa.Column("export", NUMBER, nullable=False),
        sa.Column("image", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("session", sa.String(length=128), nullable=False),
        sa.Column("camera", sa.String(length=128), nullable=False),
        sa.Column("event", sa.String(length=128), nullable=False),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["export"], ["exports.number"], name=op.f("fk_items_export")),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name=op.f("fk_items_sha256")),
        sa.PrimaryKeyConstraint("export", "image", name=op.f("pk_items")),
    )
    op.create_index(op.f("ix_items_device_session"), "items", ["device", "session"], unique=False)
    op.create_index(op.f("ix_items_event"), "items", ["event"], unique=False)


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("progress", sa.Float(), server_default="0", nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=True),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(length=64), server_default="", nullable=False),
        sa.Column("lease_us", sa.BigInteger(), nullable=True),
        sa.Column("cancel", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    op.create_index(op.f("ix_jobs_state_created_us"), "jobs", ["state", "created_us"], unique=False)
