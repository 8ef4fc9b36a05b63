from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("alembic")

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from trainer.store.database import MIGRATIONS, Database, _config, head_revision


def test_versions_are_one_line_and_their_files_begin_with_their_numbers() -> None:
    scripts = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())
    assert [script.revision for script in scripts] == sorted((script.revision for script in scripts), reverse=True)
    assert scripts[0].revision == head_revision()
    assert scripts[-1].down_revision is None
    assert all(Path(script.path).name.startswith(f"v{script.revision}_") for script in scripts)


def test_every_version_can_be_taken_back_and_made_again(url: str) -> None:
    database = Database(url)
    with database.write() as connection:
        command.downgrade(_config(connection), "base")
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    database.upgrade()
    assert database.revision() == head_revision()
    database.close()
