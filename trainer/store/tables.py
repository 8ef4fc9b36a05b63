"""Tables of the store, in columns that SQLite and PostgreSQL both have. Times are microseconds since 1970; what was sent is JSON text.

A change here is a migration in `migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)
Number = BigInteger().with_variant(Integer(), "sqlite")  # only an INTEGER PRIMARY KEY counts by itself in SQLite


def _key(name: str = "number") -> Column[int]:
    return Column(name, Number, primary_key=True, autoincrement=True)


def _device(key: bool = False) -> Column[int]:
    return Column("device", Number, ForeignKey("devices.number"), nullable=False, primary_key=key, autoincrement=False)


# `low` to `high` are the numbers of the journal that came, but for `gaps`; `journal` counts journals that began anew (another disk)
devices = Table(
    "devices", metadata,
    _key(),
    Column("name", String(40), nullable=False, unique=True),
    Column("first_us", BigInteger, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Column("low", BigInteger),
    Column("high", BigInteger),
    Column("journal", Integer, nullable=False, server_default="1"),
    Column("shed_to", BigInteger, nullable=False, server_default="0"),
    Column("state", String(16), nullable=False, server_default=""),
    Column("state_us", BigInteger),
    Column("session", String(64), nullable=False, server_default=""),
    Column("software", String(64), nullable=False, server_default=""),
    Column("profile", String(128), nullable=False, server_default=""),
    Column("info", Text),
)  # fmt: skip

# every message of an event's life, once: by its id, and by its number in the journal of its boot
event_messages = Table(
    "event_messages", metadata,
    _key(),
    _device(),
    Column("message", String(26), nullable=False),
    Column("boot", String(64), nullable=False),
    Column("seq", BigInteger),
    Column("event", String(36), nullable=False),
    Column("life", String(8), nullable=False),
    Column("t_us", BigInteger, nullable=False),
    Column("replay", Integer, nullable=False),
    Column("came_us", BigInteger, nullable=False),
    Column("envelope", Text, nullable=False),
    UniqueConstraint("message", "device"),
    UniqueConstraint("device", "boot", "seq"),
    Index(None, "event"),
)  # fmt: skip

# the newest that is known of each event; `rank` orders its messages: an end after all, else by time
# (two boxes that saw one film give an event one id)
events = Table(
    "events", metadata,
    _device(key=True),
    Column("event", String(36), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("camera", String(128), nullable=False),
    Column("label", String(128)),
    Column("confidence", Float, nullable=False),
    Column("life", String(8), nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("end_us", BigInteger),
    Column("t_us", BigInteger, nullable=False),
    Column("rank", BigInteger, nullable=False),
    Column("model", String(71)),
    Column("body", Text, nullable=False),
    Index(None, "device", "start_us"),
    Index(None, "start_us"),
    Index(None, "kind", "start_us"),
    Index(None, "label", "start_us"),
)  # fmt: skip

# the newest reports of each box, so many of a kind: health, update
reports = Table(
    "reports", metadata,
    _key(),
    _device(),
    Column("kind", String(16), nullable=False),
    Column("message", String(26), nullable=False),
    Column("t_us", BigInteger, nullable=False),
    Column("came_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("message", "device"),
    Index(None, "device", "kind", "number"),
)  # fmt: skip

# numbers that did not come: `first` to `last`; state open, filled, gone (the box has them no more), given_up
gaps = Table(
    "gaps", metadata,
    _key(),
    _device(),
    Column("journal", Integer, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("asked", Integer, nullable=False, server_default="0"),
    Column("asked_us", BigInteger),
    Column("reason", String(200), nullable=False, server_default=""),
    Index(None, "device", "state"),
)  # fmt: skip

# pictures by their content; where they lie is the blob store's own business
blobs = Table(
    "blobs", metadata,
    Column("sha256", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("came_us", BigInteger, nullable=False),
)  # fmt: skip

# data sets that were taken in; `upto` is how far their pictures are in `items`
exports = Table(
    "exports", metadata,
    _key(),
    Column("folder", String(500), nullable=False, unique=True),
    Column("upto", BigInteger, nullable=False, server_default="0"),
    Column("came_us", BigInteger, nullable=False),
)  # fmt: skip

items = Table(
    "items", metadata,
    Column("export", Number, ForeignKey("exports.number"), primary_key=True),
    Column("image", String(64), primary_key=True),
    Column("sha256", String(64), ForeignKey("blobs.sha256"), nullable=False),
    Column("device", String(40), nullable=False),
    Column("session", String(128), nullable=False),
    Column("camera", String(128), nullable=False),
    Column("event", String(128), nullable=False),
    Column("t_us", BigInteger, nullable=False),
    Column("reason", String(64), nullable=False),
    Column("probability", Float, nullable=False),
    Index(None, "device", "session"),
    Index(None, "event"),
)  # fmt: skip

# long work: who does it holds a lease, so that what was begun by a process that died is begun again
jobs = Table(
    "jobs", metadata,
    Column("id", String(36), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("progress", Float, nullable=False, server_default="0"),
    Column("said", Text, nullable=False, server_default=""),
    Column("result", Text),
    Column("created_us", BigInteger, nullable=False),
    Column("started_us", BigInteger),
    Column("ended_us", BigInteger),
    Column("owner", String(64), nullable=False, server_default=""),
    Column("lease_us", BigInteger),
    Column("cancel", Integer, nullable=False, server_default="0"),
    Column("who", String(64), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("request", String(128)),
    Index(None, "state", "created_us"),
    Index(None, "created_us"),
    Index(None, "request", unique=True),
)  # fmt: skip

# the tables of parts, each in a file of its own: declared here so that whoever has `metadata` has all of them
from trainer.store import account_tables as _account_tables  # noqa: E402, F401
from trainer.store import drift_tables as _drift_tables  # noqa: E402, F401
from trainer.store import push_tables as _push_tables  # noqa: E402, F401
from trainer.store import registry_tables as _registry_tables  # noqa: E402, F401
from trainer.store import review_tables as _review_tables  # noqa: E402, F401
