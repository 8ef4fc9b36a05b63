"""People: users, logins and the audit; of a job who asked for it and how often it was begun; events by kind and by label."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision: str | None = "0001"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JOB_COLUMNS = ("who", "attempts", "request")


def upgrade() -> None:
    _people()
    _audit()
    op.add_column("jobs", sa.Column("who", sa.String(length=64), server_default="", nullable=False))
    op.add_column("jobs", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("request", sa.String(length=128), nullable=True))
    op.create_index(op.f("ix_jobs_request"), "jobs", ["request"], unique=True)
    op.create_index(op.f("ix_jobs_created_us"), "jobs", ["created_us"], unique=False)
    op.create_index(op.f("ix_events_kind_start_us"), "events", ["kind", "start_us"], unique=False)
    op.create_index(op.f("ix_events_label_start_us"), "events", ["label", "start_us"], unique=False)


def downgrade() -> None:
    for table, name in (("events", "label_start_us"), ("events", "kind_start_us"), ("jobs", "created_us"), ("jobs", "request")):
        op.drop_index(op.f(f"ix_{table}_{name}"), table)
    with op.batch_alter_table("jobs") as jobs:
        for name in JOB_COLUMNS:
            jobs.drop_column(name)
    for name in ("audit", "logins", "users"):
        op.drop_table(name)


def _people() -> None:
    op.create_table(
        "users",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("changed_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_users")),
        sa.UniqueConstraint("name", name=op.f("uq_users_name")),
    )
    op.create_table(
        "logins",
        sa.Column("cookie", sa.String(length=64), nullable=False),
        sa.Column("user", NUMBER, autoincrement=False, nullable=False),
        sa.Column("csrf", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["user"], ["users.number"], name=op.f("fk_logins_user")),
        sa.PrimaryKeyConstraint("cookie", name=op.f("pk_logins")),
    )
    op.create_index(op.f("ix_logins_user_opened_us"), "logins", ["user", "opened_us"], unique=False)
    op.create_index(op.f("ix_logins_until_us"), "logins", ["until_us"], unique=False)


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("chain", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_who_number"), "audit", ["who", "number"], unique=False)
    op.create_index(op.f("ix_audit_action_number"), "audit", ["action", "number"], unique=False)
