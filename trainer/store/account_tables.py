"""Tables of people: who may use the page, who is logged in, and who did what."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text

from trainer.store.tables import Number, metadata

# `password` is scrypt's words, never what was typed
users = Table(
    "users", metadata,
    Column("number", Number, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password", String(255), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("changed_us", BigInteger, nullable=False),
)  # fmt: skip

# `cookie` is a SHA-256 of what the browser has, so that who reads the store cannot come in
logins = Table(
    "logins", metadata,
    Column("cookie", String(64), primary_key=True),
    Column("user", Number, ForeignKey("users.number"), nullable=False, autoincrement=False),
    Column("csrf", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Index(None, "user", "opened_us"),
    Index(None, "until_us"),
)  # fmt: skip

# who did what; only ever added to. `chain` is a SHA-256 of the row and of the chain of the one before
audit = Table(
    "audit", metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("t_us", BigInteger, nullable=False),
    Column("who", String(64), nullable=False),
    Column("address", String(64), nullable=False),
    Column("action", String(64), nullable=False),
    Column("what", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("chain", String(64), nullable=False),
    Index(None, "who", "number"),
    Index(None, "action", "number"),
)  # fmt: skip
