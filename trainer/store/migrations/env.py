"""How Alembic runs the migrations: on the connection that `Database.upgrade` gives it."""

from __future__ import annotations

from alembic import context

from trainer.store.tables import metadata


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True, transactional_ddl=False
    )
    context.run_migrations()


run()
