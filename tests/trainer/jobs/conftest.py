"""Every test that asks for a `url` runs on SQLite and on a real PostgreSQL."""

from tests.trainer.store.conftest import postgres, url  # noqa: F401
