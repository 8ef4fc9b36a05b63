"""Tables of drift: the hours that boxes told of, what is normal for each camera under each model, and what is so no more."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from trainer.store.tables import Number, metadata

# an hour of one camera under one model, once: of two messages about it the one with more frames counts, so order does not matter
drift_hours = Table(
    "drift_hours", metadata,
    Column("device", Number, ForeignKey("devices.number"), nullable=False, primary_key=True, autoincrement=False),
    Column("model", String(71), primary_key=True),
    Column("camera", String(64), primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("frames", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("came_us", BigInteger, nullable=False),
    Index(None, "came_us"),
    Index(None, "device", "hour"),
)  # fmt: skip

# what is normal: the first days of a camera under a model, as its hours were then; kept when the hours themselves are gone
drift_normals = Table(
    "drift_normals", metadata,
    Column("device", Number, ForeignKey("devices.number"), nullable=False, primary_key=True, autoincrement=False),
    Column("model", String(71), primary_key=True),
    Column("camera", String(64), primary_key=True),
    Column("days", Integer, nullable=False),
    Column("from_hour", BigInteger, nullable=False),
    Column("to_hour", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
)  # fmt: skip

# how each measure stands, of a camera, of a box (camera empty) or of all boxes of a model (device empty too).
# state: learning, few, ok, drift. `since_hour`: when it began to be so; `told_us`: when somebody was told
drift_standing = Table(
    "drift_standing", metadata,
    Column("model", String(71), primary_key=True),
    Column("device", String(40), primary_key=True),
    Column("camera", String(64), primary_key=True),
    Column("measure", String(128), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("distance", Float),
    Column("bound", Float),
    Column("psi", Float),
    Column("since_hour", BigInteger),
    Column("hour", BigInteger, nullable=False),
    Column("line", Text, nullable=False, server_default=""),
    Index(None, "state", "model"),
    Index(None, "device"),
)  # fmt: skip

# the moment to retrain: of each model one that is open at a time; `ended_us` null: it stands
drift_calls = Table(
    "drift_calls", metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("model", String(71), nullable=False),
    Column("began_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("since_hour", BigInteger, nullable=False),
    Column("words", Text, nullable=False),
    Column("devices", Text, nullable=False),
    Column("job", String(36)),
    Index(None, "model", "ended_us"),
    Index(None, "ended_us"),
)  # fmt: skip

# how far the hours were judged
drift_marks = Table(
    "drift_marks", metadata,
    Column("name", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),
)  # fmt: skip
