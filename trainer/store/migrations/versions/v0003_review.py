"""The queue of pictures worth labelling: how far data sets were looked through, items, and what people said of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision: str | None = "0002"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INDEXES = (("state", "turn"), ("sha256",), ("band0",), ("band1",), ("band2",), ("band3",), ("device", "camera", "t_us"))


def upgrade() -> None:
    op.create_table(
        "review_sets",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("tail", sa.String(length=64), nullable=False),
        sa.Column("classes", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("filled_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_review_sets")),
    )
    _items()
    _labels()


def downgrade() -> None:
    for table in ("review_labels", "review_items", "review_sets"):
        op.drop_table(table)


def _items() -> None:
    op.create_table(
        "review_items",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("set", sa.String(length=80), nullable=False),
        sa.Column("image", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        *(sa.Column(f"band{number}", sa.Integer(), nullable=False) for number in range(4)),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=40), nullable=False),
        sa.Column("session", sa.String(length=128), nullable=False),
        sa.Column("camera", sa.String(length=128), nullable=False),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Float(), nullable=False),
        sa.Column("model", sa.String(length=71), nullable=True),
        sa.Column("boxes", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("ignore", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("turn", sa.Float(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("twin", sa.String(length=36), nullable=True),
        sa.Column("assignee", sa.String(length=64), server_default="", nullable=False),
        sa.Column("lease_us", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seconds", sa.Float(), server_default="0", nullable=False),
        sa.Column("came_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_items")),
        sa.UniqueConstraint("set", "image", name=op.f("uq_review_items_set_image")),
    )
    for columns in INDEXES:
        op.create_index(op.f(f"ix_review_items_{'_'.join(columns)}"), "review_items", list(columns), unique=False)


def _labels() -> None:
    op.create_table(
        "review_labels",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("item", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("answer", sa.String(length=8), nullable=True),
        sa.Column("who", sa.String(length=64), nullable=False),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=True),
        sa.Column("request", sa.String(length=64), nullable=True),
        sa.Column("written", sa.Integer(), nullable=False),
        sa.Column("record", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["item"], ["review_items.id"], name=op.f("fk_review_labels_item")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_review_labels")),
        sa.UniqueConstraint("item", "version", name=op.f("uq_review_labels_item_version")),
        sa.UniqueConstraint("who", "key", name=op.f("uq_review_labels_who_key")),
    )
    op.create_index(op.f("ix_review_labels_written_number"), "review_labels", ["written", "number"], unique=False)
