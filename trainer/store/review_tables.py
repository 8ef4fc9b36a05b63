"""Tables of the queue of pictures worth labelling: what is in it, and all that people said of it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from trainer.store.tables import Number, metadata

# how far each data set was looked through: `upto` bytes of its manifest, the last of them known by `tail`; `classes` that were named
# by a person (JSON list), `counts` of labels by class (JSON object)
review_sets = Table(
    "review_sets", metadata,
    Column("name", String(80), primary_key=True),
    Column("upto", BigInteger, nullable=False),
    Column("tail", String(64), nullable=False),
    Column("classes", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("filled_us", BigInteger, nullable=False),
)  # fmt: skip

# a picture once; state open, done, skipped, unsure; passed (no room), twin (of `twin`, nearly the same), gone (was removed).
# `drawn`: kept by chance with `probability`, and then it stands for `weight` pictures, its twins' among them.
# `turn` = value / a number of its own from 0 to 1: highest first, so that every picture has a known chance to be looked at
review_items = Table(
    "review_items", metadata,
    Column("id", String(36), primary_key=True),
    Column("set", String(80), nullable=False),
    Column("image", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("band0", Integer, nullable=False),
    Column("band1", Integer, nullable=False),
    Column("band2", Integer, nullable=False),
    Column("band3", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("device", String(40), nullable=False),
    Column("session", String(128), nullable=False),
    Column("camera", String(128), nullable=False),
    Column("t_us", BigInteger, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("probability", Float, nullable=False),
    Column("drawn", Integer, nullable=False),
    Column("weight", Float, nullable=False),
    Column("model", String(71)),
    Column("boxes", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("ignore", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("turn", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("twin", String(36)),
    Column("assignee", String(64), nullable=False, server_default=""),
    Column("lease_us", BigInteger, nullable=False, server_default="0"),
    Column("seconds", Float, nullable=False, server_default="0"),
    Column("came_us", BigInteger, nullable=False),
    UniqueConstraint("set", "image"),
    Index(None, "state", "turn"),
    Index(None, "sha256"),
    Index(None, "band0"),
    Index(None, "band1"),
    Index(None, "band2"),
    Index(None, "band3"),
    Index(None, "device", "camera", "t_us"),
)  # fmt: skip

# all that was said, only ever added to: kind draft, answer, reopen; the newest answer counts. `written`: 0 nothing is to be written into
# the data set, 1 it waits, 2 it is there. `request` is a SHA-256 of what came with the idempotency `key`
review_labels = Table(
    "review_labels", metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("item", String(36), ForeignKey("review_items.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("answer", String(8)),
    Column("who", String(64), nullable=False),
    Column("t_us", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("body", Text, nullable=False),
    Column("key", String(128)),
    Column("request", String(64)),
    Column("written", Integer, nullable=False),
    Column("record", String(36)),
    UniqueConstraint("item", "version"),
    UniqueConstraint("who", "key"),
    Index(None, "written", "number"),
)  # fmt: skip
