"""Tables of what is pushed: rollouts, each of their boxes, and the last assignment of every box."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from trainer.store.tables import metadata

# state: running, waiting (for approval), paused, halted (a threshold), stopping, stopped (by somebody), done
rollouts = Table(
    "rollouts", metadata,
    Column("name", String(80), primary_key=True),
    Column("digest", String(71), nullable=False),
    Column("model", Text, nullable=False),
    Column("rules", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("wave", Integer, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("who", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
    Index(None, "state"),
    Index(None, "created_us"),
)  # fmt: skip

# aim: empty (its wave has not come), new, off (called off), back (to `before`), left (nothing to go back to).
# state: what the box says of the assignment `seq`; empty: nothing yet. `signed`: its receipt was verified by its own key
rollout_boxes = Table(
    "rollout_boxes", metadata,
    Column("rollout", String(80), ForeignKey("rollouts.name"), primary_key=True),
    Column("device", String(40), primary_key=True),
    Column("wave", Integer, nullable=False),
    Column("aim", String(8), nullable=False, server_default=""),
    Column("state", String(16), nullable=False, server_default=""),
    Column("code", String(24), nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),
    Column("percent", Float),
    Column("seq", BigInteger),
    Column("before", String(71)),
    Column("signed", Integer, nullable=False, server_default="0"),
    Column("t_us", BigInteger, nullable=False, server_default="0"),
    Index(None, "device"),
    Index(None, "rollout", "wave"),
)  # fmt: skip

# what stands under dn/desired of a box, or will when the broker has it: `sent` 1. `seq` only rises
assignments = Table(
    "assignments", metadata,
    Column("device", String(40), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("rollout", String(80), nullable=False),
    Column("body", Text, nullable=False),
    Column("sent", Integer, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Index(None, "sent"),
)  # fmt: skip

# how far something was read: `reports` for what boxes say of their updates
push_marks = Table(
    "push_marks", metadata,
    Column("name", String(32), primary_key=True),
    Column("number", BigInteger, nullable=False),
)  # fmt: skip
