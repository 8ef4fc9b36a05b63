"""Models: the registry, its history that is only added to, and what ran on which box and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision: str | None = "0003"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
HOUR_US = 3_600_000_000
# what the store's events say of the past; a box names its model in every report, so that the rest comes within a minute of the next ingest
SEEN = f"""
INSERT INTO placements (device, model, hour, from_us, to_us, told)
SELECT device, model, t_us / {HOUR_US}, MIN(t_us), MAX(t_us), 0 FROM events
WHERE model LIKE 'sha256:%' AND length(model) = 71 AND t_us >= 0 GROUP BY device, model, t_us / {HOUR_US}
"""  # noqa: S608  a number of ours
REFUSE = "the history of models is only added to"


def upgrade() -> None:
    _models()
    _history()
    _placements()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER model_events_kept ON model_events")
        op.execute("DROP FUNCTION model_events_kept()")
    for table in ("placements", "model_events", "models"):
        op.drop_table(table)


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("digest", sa.String(length=71), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("release", sa.String(length=96), nullable=True),
        sa.Column("task", sa.String(length=16), nullable=False),
        sa.Column("file", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.String(length=71), nullable=True),
        sa.Column("data_root", sa.String(length=71), nullable=True),
        sa.Column("split_root", sa.String(length=71), nullable=True),
        sa.Column("run", sa.String(length=80), server_default="", nullable=False),
        sa.Column("licence", sa.String(length=200), server_default="", nullable=False),
        sa.Column("verdict", sa.String(length=64), nullable=True),
        sa.Column("card", sa.Text(), server_default="", nullable=False),
        sa.Column("manifest", sa.Text(), nullable=False),
        sa.Column("added_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_models")),
        sa.UniqueConstraint("release", name=op.f("uq_models_release")),
    )
    op.create_index(op.f("ix_models_name_added_us"), "models", ["name", "added_us"], unique=False)
    op.create_index(op.f("ix_models_parent"), "models", ["parent"], unique=False)


def _history() -> None:
    op.create_table(
        "model_events",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("model", sa.String(length=71), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("t_us", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=64), nullable=True),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("takes_title", sa.Integer(), nullable=True),
        sa.Column("reference", sa.String(length=71), nullable=True),
        sa.Column("reign", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["model"], ["models.digest"], name=op.f("fk_model_events_model")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_model_events")),
        sa.UniqueConstraint("name", "reign", name=op.f("uq_model_events_name_reign")),
    )
    op.create_index(op.f("ix_model_events_model_number"), "model_events", ["model", "number"], unique=False)
    _keep_history()


def _keep_history() -> None:
    """No row of it is changed or deleted, whoever asks."""
    if op.get_bind().dialect.name == "postgresql":
        body = f"BEGIN RAISE EXCEPTION '{REFUSE}' USING ERRCODE = '23514'; END"
        op.execute(f"CREATE FUNCTION model_events_kept() RETURNS trigger LANGUAGE plpgsql AS '{body.replace(chr(39), chr(39) * 2)}'")
        when = "BEFORE UPDATE OR DELETE ON model_events FOR EACH ROW"
        op.execute(f"CREATE TRIGGER model_events_kept {when} EXECUTE FUNCTION model_events_kept()")
        return
    for word in ("UPDATE", "DELETE"):
        name = f"model_events_no_{word.lower()}"
        op.execute(f"CREATE TRIGGER {name} BEFORE {word} ON model_events BEGIN SELECT RAISE(ABORT, '{REFUSE}'); END")


def _placements() -> None:
    op.create_table(
        "placements",
        sa.Column("device", NUMBER, autoincrement=False, nullable=False),
        sa.Column("model", sa.String(length=71), nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("to_us", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.number"], name=op.f("fk_placements_device")),
        sa.PrimaryKeyConstraint("device", "model", "hour", name=op.f("pk_placements")),
    )
    op.create_index(op.f("ix_placements_model"), "placements", ["model"], unique=False)
    op.execute(SEEN)
