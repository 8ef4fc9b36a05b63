"""Tables of models: which there are, what was decided of each, and what ran on which box and when."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from trainer.store.tables import Number, metadata

# `digest` is what boxes, verdicts and events call it, `file` the SHA-256 of the zip. `release` is name@version, for ever; null: a draft
models = Table(
    "models", metadata,
    Column("digest", String(71), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("version", String(32), nullable=False),
    Column("release", String(96), unique=True),
    Column("task", String(16), nullable=False),
    Column("file", String(64), nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("parent", String(71)),
    Column("data_root", String(71)),
    Column("split_root", String(71)),
    Column("run", String(80), nullable=False, server_default=""),
    Column("licence", String(200), nullable=False, server_default=""),
    Column("verdict", String(64)),
    Column("card", Text, nullable=False, server_default=""),
    Column("manifest", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Index(None, "name", "added_us"),
    Index(None, "parent"),
)  # fmt: skip

# only ever added to, which the database keeps too. kind: added, judged, overridden, champion, retired. `reign` counts the champions of a
# name and is unique, so that of two who take the title at once one is refused; `verdict` is its SHA-256
model_events = Table(
    "model_events", metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("model", String(71), ForeignKey("models.digest"), nullable=False),
    Column("name", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("who", String(200), nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("t_us", BigInteger, nullable=False),
    Column("verdict", String(64)),
    Column("answer", String(16)),
    Column("takes_title", Integer),
    Column("reference", String(71)),
    Column("reign", Integer),
    UniqueConstraint("name", "reign"),
    Index(None, "model", "number"),
)  # fmt: skip

# what was seen of a model on a box within one hour: first and last. Nothing but least and largest, so that late, doubled and disordered
# messages have the effect of order; `told`: the box itself named it as its model, not only an event. Stays are put together by a query
placements = Table(
    "placements", metadata,
    Column("device", Number, ForeignKey("devices.number"), nullable=False, primary_key=True, autoincrement=False),
    Column("model", String(71), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("from_us", BigInteger, nullable=False),
    Column("to_us", BigInteger, nullable=False),
    Column("told", Integer, nullable=False),
    Index(None, "model"),
)  # fmt: skip
