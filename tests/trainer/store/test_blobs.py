from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("fsspec")

from contracts.errors import ConfigError, ProtocolError, StorageError
from tests.dataset.scenery import about, fill, seen, view
from trainer.store.blobs import Blobs, DiskBlobs, open_blobs


@pytest.fixture(params=["disk", "file", "memory"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Blobs]:
    where = {"disk": str(tmp_path / "blobs"), "file": f"file://{tmp_path}/files", "memory": f"memory://{tmp_path.name}/b"}
    yield open_blobs(where[request.param])


def a_file(folder: Path, data: bytes) -> Path:
    path = folder / sha256(data).hexdigest()[:8]
    path.write_bytes(data)
    return path


def test_what_is_put_is_got_by_its_digest(kept: Blobs, tmp_path: Path) -> None:
    for data in (b"", b"one", os.urandom(3 << 20)):
        digest = kept.put(a_file(tmp_path, data))
        assert digest == sha256(data).hexdigest()
        assert kept.has(digest)
        with kept.open(digest) as file:
            assert file.read() == data
        assert kept.put(a_file(tmp_path, data)) == digest


def test_what_is_removed_is_gone_and_what_is_not_there_is_said(kept: Blobs, tmp_path: Path) -> None:
    digest = kept.put(a_file(tmp_path, b"x"))
    kept.remove(digest)
    kept.remove(digest)
    assert not kept.has(digest)
    with pytest.raises(StorageError):
        kept.open(digest)
    with pytest.raises(StorageError):
        kept.put(tmp_path / "gone")


def test_a_name_that_is_no_digest_leads_nowhere(kept: Blobs) -> None:
    for wrong in ("", "..", "../" * 20, "A" * 64, "a" * 63, "/" + "a" * 63):
        with pytest.raises(ProtocolError, match="is not 64 hex digits"):
            kept.has(wrong)


def test_an_address_that_nothing_reaches_is_refused() -> None:
    with pytest.raises(ConfigError):
        open_blobs("nosuch://bucket/x")


CHILD = """
import sys
from pathlib import Path
from trainer.store.blobs import DiskBlobs
kept = DiskBlobs(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    print(kept.put(Path(sys.argv[2])), flush=True)
    kept.remove(kept.put(Path(sys.argv[2])))
"""


def test_a_process_that_is_killed_leaves_whole_blobs_only(tmp_path: Path) -> None:
    source = a_file(tmp_path, os.urandom(2 << 20))
    for _ in range(4):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path / "b"), str(source)], stdout=subprocess.PIPE)
        assert child.stdout
        assert child.stdout.readline()
        child.stdout.readline()
        child.kill()
        child.wait(20)
        child.stdout.close()
        for path in (tmp_path / "b").glob("*/[0-9a-f]*"):
            assert sha256(path.read_bytes()).hexdigest() == path.name
    assert DiskBlobs(tmp_path / "b").put(source)


def test_pictures_of_a_set_are_found_by_event_once(url: str, tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    from sqlalchemy import func, select

    from dataset.exporter import Exporter
    from trainer.store.catalogue import take_in
    from trainer.store.database import Database
    from trainer.store.tables import blobs, items

    with Exporter(tmp_path / "set") as exporter:
        fill(exporter, range(5))
    database, kept = Database(url), DiskBlobs(tmp_path / "b")
    assert take_in(database, kept, tmp_path / "set", 1) == 5
    assert take_in(database, kept, tmp_path / "set", 2) == 0
    with Exporter(tmp_path / "set") as exporter:
        exporter.add(view(70), [seen("car")], about(70, session="later"))
    assert take_in(database, kept, tmp_path / "set", 3) == 1
    with database.read() as connection:
        rows = connection.execute(select(items.c.sha256, items.c.session, items.c.image)).all()
        assert connection.execute(select(func.count()).select_from(blobs)).scalar() == 6
    assert len(rows) == 6
    for row in rows:
        with kept.open(row.sha256) as file:
            assert file.read() == (tmp_path / "set" / "images" / f"{row.image}.png").read_bytes()
    assert sum(row.session == "later" for row in rows) == 1
    database.close()
