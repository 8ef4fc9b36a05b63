"""The outbox: nothing journalled is lost, numbers have no holes, and a disk that fails is survived and reported."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from contracts.envelope import read_envelope
from contracts.errors import ConfigError
from contracts.event import Event
from device.pipeline.board import Board
from device.pipeline.sqlite_file import migrate
from device.pipeline.tally import Tally
from device.publish.outbox import Outbox
from device.publish.outbox_options import Options
from device.publish.stamp import Stamp
from device.publish.store import MIGRATIONS, Store
from tests.clocks import HandClock
from tests.device.publish.fakes import event

ALL = (0, 1 << 62, 1 << 20)


class Bench:
    """An outbox with its surroundings, opened again at will."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.path, self.options = folder / "outbox.db", Options(**options)
        self.clock, self.board, self.tally = HandClock(), Board(), Tally()
        self.open: list[Outbox] = []

    def outbox(self, boot: str = "boot-1", delivers: bool = True) -> Outbox:
        stamp = Stamp(self.clock, "street", "sha256:" + "0" * 64, boot)
        self.open.append(Outbox(self.path, stamp, self.board, self.tally, options=self.options, delivers=delivers))
        return self.open[-1]

    def crash(self) -> None:
        """As kill -9 leaves it: nothing is committed any more, the lock is gone."""
        store = self.open.pop()._store
        if store:
            store.close()

    def commit(self, outbox: Outbox, *events: Event) -> None:
        for item in events:
            outbox.add(item, self.clock.mono)
        outbox.commit()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for outbox in made.open:
        outbox.close()


def numbers(outbox: Outbox) -> list[int]:
    return [row.seq for row in outbox.pending(*ALL)]


def test_a_message_is_an_envelope_with_its_number(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, event(1))
    envelope = read_envelope(outbox.pending(*ALL)[0].payload(replay=True))
    assert (envelope.seq, envelope.replay, envelope.boot, envelope.type) == (1, True, "boot-1", "event.v1")
    assert envelope.data == event(1).model_dump(mode="json")
    assert envelope.mono == bench.clock.mono / 1e9
    assert envelope.model == "sha256:" + "0" * 64


def test_the_first_after_a_quiet_spell_is_committed_at_once_and_the_next_together(bench: Bench) -> None:
    outbox = bench.outbox()
    outbox.add(event(1), 0)
    assert outbox.due_in_s() == 0
    outbox.commit()
    bench.clock.advance(0.03)
    outbox.add(event(2), 0)
    outbox.add(event(3), 0)
    assert outbox.due_in_s() == pytest.approx(0.07)
    bench.clock.advance(0.07)
    assert outbox.due_in_s() == 0
    assert numbers(outbox) == [1]
    outbox.commit()
    assert numbers(outbox) == [1, 2, 3]
    assert outbox.due_in_s() == float("inf")


def test_numbers_go_on_without_holes_over_acknowledgements_and_restarts(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, event(1, "end"), event(2, "end"))
    for seq in (1, 2):
        outbox.acknowledge(seq)
    outbox.close()
    bench.open.clear()
    again = bench.outbox()
    assert numbers(again) == []
    bench.commit(again, event(3))
    assert numbers(again) == [3]


def test_acknowledged_rows_are_hidden_at_once_and_deleted_with_the_next_commit(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, event(1), event(2))
    outbox.acknowledge(1)
    assert numbers(outbox) == [2]
    assert outbox.health().depth == 1
    assert 4.9 < outbox.due_in_s() <= 5
    bench.commit(outbox, event(3))
    with sqlite3.connect(bench.path) as db:
        assert [row[0] for row in db.execute("SELECT seq FROM outbox")] == [2, 3]
    assert outbox.health().bytes == sum(len(row.body) for row in outbox.pending(*ALL))


def test_events_that_were_open_at_a_crash_get_their_end_at_the_last_time_known(bench: Bench) -> None:
    outbox = bench.outbox()
    last = event(5).model_copy(update={"id": event(1).id, "life": "update", "data": {"speed": 2}})
    bench.commit(outbox, event(1), event(2), event(2, "end"), last)
    bench.crash()
    ended = [json.loads(row.body)["data"] for row in bench.outbox().pending(4, 99, 99)]
    assert [(e["id"], e["life"], e["data"]) for e in ended] == [(str(event(1).id), "end", {"speed": 2, "reason": "interrupted"})]
    assert ended[0]["end"] == ended[0]["t"] == json.loads(last.model_dump_json())["t"]
    bench.crash()
    assert numbers(bench.outbox()) == [1, 2, 3, 4, 5], "an event is ended once"


def test_history_gives_the_latest_state_newest_first_a_page_at_a_time(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, *(event(n, camera="yard" if n % 2 else "gate", label="car" if n == 4 else "person") for n in range(1, 7)))
    bench.commit(outbox, event(2, "end", camera="gate"))
    first = outbox.recent(4)
    assert [past.event.frame_number for past in first] == [6, 5, 4, 3]
    rest = outbox.recent(4, before=first[-1].number)
    assert [(past.event.frame_number, past.event.life) for past in rest] == [(2, "end"), (1, "new")]
    assert [past.event.frame_number for past in outbox.recent(camera="gate")] == [6, 4, 2]
    assert [past.event.frame_number for past in outbox.recent(camera="gate", label="person", kind="object")] == [6, 2]
    assert outbox.recent(kind="nothing") == []
    found = outbox.find(event(2).id)
    assert found is not None
    assert found.life == "end"
    assert outbox.find(event(99).id) is None


def test_history_is_bounded_but_keeps_what_is_open(tmp_path: Path) -> None:
    bench = Bench(tmp_path, history=5)
    outbox = bench.outbox()
    bench.commit(outbox, event(1), *(event(n, "end") for n in range(2, 21)))
    assert [past.event.frame_number for past in outbox.recent(99)] == [20, 19, 18, 17, 16, 1]
    outbox.close()


def test_messages_for_the_event_stream_are_bounded_in_number_and_in_bytes(tmp_path: Path) -> None:
    bench = Bench(tmp_path, messages=32, messages_bytes=1 << 16)
    outbox = bench.outbox(delivers=False)
    for n in range(1, 101):
        bench.commit(outbox, event(n, "end"))
    assert 32 <= 100 + 1 - outbox.first_kept() <= 34, "in number"
    for n in range(101, 201):
        bench.commit(outbox, event(n, "end", data={"text": "x" * 10_000}))
        assert sum(len(message.body) for message in outbox.since(0, 99)) <= 1 << 16, "in bytes"
    kept = [message.seq for message in outbox.since(0, 99)]
    assert kept == list(range(kept[0], 201))
    assert len(kept) >= 5
    bench.commit(outbox, event(201, "end", data={"text": "x" * 100_000}), event(202, "end"))
    assert [message.seq for message in outbox.since(0, 99)] in ([202], []), "one that is larger than the bound goes like any other"
    outbox.close()
    bench.open.clear()
    again = bench.outbox(delivers=False)
    for n in range(203, 240):
        bench.commit(again, event(n, "end", data={"text": "x" * 10_000}))
    assert sum(len(message.body) for message in again.since(0, 99)) <= 1 << 16, "a restart knows what was there"
    again.close()
    bench.open.clear()


def test_what_is_read_for_the_event_stream_at_once_is_bounded(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, *(event(n, "end", data={"text": "x" * (2_000_000 if n == 3 else 300_000)}) for n in range(1, 7)))
    parts, after = [], 0
    while part := [message.seq for message in outbox.since(after, 100)]:
        parts.append(part)
        after = part[-1]
    assert parts == [[1, 2], [3], [4, 5, 6]]


def test_a_write_to_the_journal_touches_little_of_the_disk(tmp_path: Path) -> None:
    """Pages of 4 KiB in the log, for a commit of one event's two messages; deleting as often as writing made them twelve."""
    bench = Bench(tmp_path, messages=100, history=100)
    outbox = bench.outbox()
    pages: list[float] = []
    for n in range(1, 1001):
        before = _written()
        bench.commit(outbox, event(n, "new"), event(n, "end"))
        pages.append((_written() - before) / 4120)
        for seq in (2 * n - 1, 2 * n):
            outbox.acknowledge(seq)
    assert sorted(pages[500:])[250] <= 10


def _written() -> int:
    """Bytes this process has written so far."""
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["wchar"])


def test_without_a_broker_nothing_waits_and_messages_are_numbered_all_the_same(bench: Bench) -> None:
    outbox = bench.outbox(delivers=False)
    bench.commit(outbox, event(1), event(1, "end"))
    bench.commit(outbox, event(2))
    assert numbers(outbox) == []
    assert (outbox.health().depth, outbox.health().bytes) == (0, 0)
    assert len(outbox.recent()) == 2
    assert [(m.seq, m.kind, m.camera, m.label) for m in outbox.since(0, 99)] == [(n, "object", "yard", "person") for n in (1, 2, 3)]
    outbox.close()
    bench.open.clear()
    later = bench.outbox()
    bench.commit(later, event(3))
    assert numbers(later) == [4, 5], "4 is the end of the event that the first run left open"


def test_messages_are_kept_for_the_stream_whether_the_broker_has_them_or_not(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, *(event(n) for n in range(1, 6)))
    for seq in (1, 2, 4):
        outbox.acknowledge(seq)
    outbox.commit()
    assert numbers(outbox) == [3, 5]
    assert [message.seq for message in outbox.since(1, 3)] == [2, 3, 4]
    assert [json.loads(message.body)["frame_number"] for message in outbox.since(0, 99)] == [1, 2, 3, 4, 5]


def test_as_many_messages_are_kept_for_the_stream_as_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, messages=10)
    outbox = bench.outbox()
    assert (outbox.first_kept(), outbox.last_seq) == (1, 0)
    for n in range(1, 31):
        bench.commit(outbox, event(n))
    assert (outbox.first_kept(), outbox.last_seq) == (21, 30)
    assert [message.seq for message in outbox.since(0, 99)] == list(range(21, 31))
    outbox.close()


def test_every_listener_is_woken_until_it_goes(bench: Bench) -> None:
    outbox, woken = bench.outbox(), []
    end = outbox.listen(lambda: woken.append("one"))
    outbox.listen(lambda: woken.append("two"))
    bench.commit(outbox, event(1))
    end()
    end()
    bench.commit(outbox, event(2))
    assert woken == ["one", "two", "two"]


OLD = """
CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, life TEXT NOT NULL, boot TEXT NOT NULL,
                     mono_ns INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE history (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, camera TEXT NOT NULL, kind TEXT NOT NULL,
                      label TEXT, open INTEGER NOT NULL, body TEXT NOT NULL);
CREATE INDEX open_events ON history (number) WHERE open;
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def test_a_journal_of_the_first_schema_goes_on_with_its_numbers_its_history_and_what_it_had_not_delivered(bench: Bench) -> None:
    waits, done = event(7), event(6, "end")
    with sqlite3.connect(bench.path, isolation_level=None) as db:
        db.executescript(OLD)
        body = json.dumps({"v": 1, "id": "01KAKV1Q0X0000000000000000", "data": waits.model_dump(mode="json")})
        db.execute("INSERT INTO outbox VALUES (41, 'new', 'boot-0', 1, ?)", (body,))
        db.execute("INSERT INTO history VALUES (1, ?, 'yard', 'object', 'person', 0, ?)", (str(done.id), done.model_dump_json()))
    db.close()
    outbox = bench.outbox()
    assert (numbers(outbox), outbox.last_seq, outbox.first_kept()) == ([41], 41, 42)
    assert outbox.find(done.id) == done
    bench.commit(outbox, event(8))
    assert [message.seq for message in outbox.since(0, 99)] == [42]
    assert bench.path.with_name("outbox.db.schema1").exists()


def test_at_its_bound_the_oldest_updates_go_first_and_no_new_event_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_bytes=1 << 16)
    outbox = bench.outbox()
    for n in range(1, 41):
        bench.commit(outbox, event(n), event(n, "update"), event(n, "update"), event(n, "end"))
    health = outbox.health()
    assert health.bytes <= 1 << 16
    assert health.depth + health.shed == 160
    assert health.last_seq == 160
    lives = {row.seq: json.loads(row.body)["data"]["life"] for row in outbox.pending(*ALL)}
    gone = set(range(1, 161)) - set(lives)
    assert max(gone) <= health.shed_to_seq
    assert all(seq % 4 in {2, 3} for seq in gone), "only updates while there are any"
    outbox.close()
    assert Bench(tmp_path).outbox().health().shed == health.shed, "what was shed is known after a restart"


@pytest.mark.parametrize("damage", ["nul", "garbage", "cut", "foreign", "newer"])
def test_a_journal_that_cannot_be_read_is_set_aside_and_numbers_never_go_back(bench: Bench, damage: str) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, *(event(n) for n in range(1, 51)))
    outbox.close()
    bench.open.clear()
    spoil(bench.path, damage)
    again = bench.outbox()
    part = bench.board.parts()["outbox"]
    assert part.state == "degraded"
    assert "outbox.db.unreadable.1" in part.reason
    bench.commit(again, event(51))
    assert numbers(again)[0] > 50
    assert bench.path.with_name("outbox.db.unreadable.1").exists()


def test_damage_found_while_running_costs_no_event_in_hand(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, *(event(n) for n in range(1, 200)))
    assert outbox._store
    outbox._store._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    outbox._store._writer.execute("PRAGMA cache_size = 1")
    with bench.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (bench.path.stat().st_size - 4096))
    bench.commit(outbox, event(300))
    assert bench.board.parts()["outbox"].state == "failed"
    outbox.commit()
    rows = outbox.pending(*ALL)
    assert [json.loads(row.body)["data"]["frame_number"] for row in rows] == [300]
    assert rows[0].seq > 199


def test_a_second_process_in_the_same_folder_is_refused_by_name(bench: Bench) -> None:
    bench.outbox()
    with pytest.raises(ConfigError, match="another Vedette is writing there"):
        Outbox(bench.path, Stamp(bench.clock, "street", boot="b"), Board(), Tally())


def test_numbers_survive_even_a_deleted_journal(bench: Bench) -> None:
    outbox = bench.outbox()
    bench.commit(outbox, *(event(n) for n in range(1, 11)))
    outbox.close()
    bench.open.clear()
    bench.path.unlink()
    again = bench.outbox()
    bench.commit(again, event(11))
    assert numbers(again)[0] > 10


def test_a_schema_goes_forward_step_by_step_and_leaves_a_copy(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    Store(path).close()
    newer = (*MIGRATIONS, "ALTER TABLE history ADD COLUMN note TEXT", "UPDATE history SET note = 'old'")
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("INSERT INTO history (id, camera, kind, open, body) VALUES ('a', 'yard', 'object', 0, '{}')")
        migrate(db, path, newer)
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 2,)
        assert db.execute("SELECT note FROM history").fetchone() == ("old",)
    with sqlite3.connect(path.with_name(f"outbox.db.schema{len(MIGRATIONS)}")) as copy:
        assert copy.execute("SELECT id FROM history").fetchone() == ("a",)


def test_a_step_that_fails_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    Store(path).close()
    with sqlite3.connect(path, isolation_level=None) as db:
        with pytest.raises(sqlite3.OperationalError):
            migrate(db, path, (*MIGRATIONS, "CREATE TABLE extra (a); SELECT * FROM nowhere"))
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], check=False).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_keeps_events_in_memory_says_so_and_goes_on_by_itself(small_disk: Path) -> None:
    bench = Bench(small_disk, max_unsaved=10)
    outbox = bench.outbox()
    bench.commit(outbox, event(1))
    ballast = small_disk / "ballast"
    fill(ballast)
    count = 1
    while bench.board.parts()["outbox"].state == "ok":  # the journal's own file still has a little room
        count += 1
        bench.commit(outbox, event(count))
    part = bench.board.parts()["outbox"]
    assert part.state == "failed"
    assert "kept in memory" in part.reason
    assert [message.event.frame_number for message in outbox.unsaved()] == [count]
    bench.commit(outbox, *(event(count + n) for n in range(1, 10)))
    assert outbox.health().unsaved == 10
    assert 0 < outbox.due_in_s() <= 1
    ballast.unlink()
    outbox.commit()
    assert bench.board.parts()["outbox"].state == "ok"
    assert outbox.unsaved() == []
    assert numbers(outbox) == list(range(1, count + 10))
    outbox.close()


def test_a_large_journal_on_a_disk_without_room_for_a_copy_goes_forward_all_the_same(small_disk: Path) -> None:
    bench = Bench(small_disk)
    with closing(sqlite3.connect(bench.path, isolation_level=None)) as db:
        db.executescript(OLD)
        bodies = [(json.dumps({"v": 1, "id": str(n), "data": "x" * 1000}),) for n in range(500)]
        db.execute("BEGIN")
        db.executemany("INSERT INTO outbox (life, boot, mono_ns, body) VALUES ('new', 'boot-0', 1, ?)", bodies)
        db.execute("COMMIT")
    outbox = bench.outbox()
    assert bench.board.parts()["outbox"].state == "ok"
    bench.commit(outbox, event(1))
    assert numbers(outbox) == list(range(1, 502))
    assert not bench.path.with_name("outbox.db.schema1").exists()
    outbox.close()


def test_when_memory_is_full_too_updates_are_given_up_first_and_counted(small_disk: Path) -> None:
    bench = Bench(small_disk, max_unsaved=10)
    fill(small_disk / "ballast")
    outbox = bench.outbox()
    assert bench.board.parts()["outbox"].state == "failed"
    bench.commit(outbox, *(event(n, "update" if n in {3, 4} else "new") for n in range(1, 14)))
    assert [message.event.frame_number for message in outbox.unsaved()] == [2, 5, 6, 7, 8, 9, 10, 11, 12, 13]
    assert outbox.health().shed == 3
    (small_disk / "ballast").unlink()
    outbox.commit()
    assert numbers(outbox) == list(range(1, 11))
    assert outbox.health().shed == 3
    outbox.close()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def spoil(path: Path, damage: str) -> None:
    size = path.stat().st_size
    if damage == "nul":
        path.write_bytes(bytes(size))
    elif damage == "garbage":
        path.write_bytes(path.read_bytes()[:200] + b"\xa5" * (size - 200))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[: size // 2 + 100])
    else:
        sql = {"foreign": "DROP TABLE history", "newer": "PRAGMA user_version = 99"}[damage]
        with sqlite3.connect(path) as db:
            db.execute(sql)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def test_the_journal_and_what_lies_beside_it_are_not_for_others(tmp_path: Path) -> None:
    """Whatever the umask; and one of an older version is made private when it is opened."""
    (tmp_path / "outbox.sqlite").touch()
    (tmp_path / "outbox.sqlite").chmod(0o644)
    before = os.umask(0)
    try:
        outbox = Outbox(tmp_path / "outbox.sqlite", Stamp(HandClock(), "street", boot="b"), Board(), Tally())
        outbox.add(event(1), 0)
        outbox.commit()
        found = modes(tmp_path)
        outbox.close()
    finally:
        os.umask(before)
    names = {"outbox.sqlite", "outbox.sqlite-wal", "outbox.sqlite-shm", "outbox.lock", "outbox.floor"}
    assert found == dict.fromkeys(names, 0o640)


@pytest.mark.parametrize("name", ["outbox.sqlite", "outbox.sqlite-wal", "outbox.floor", "outbox.lock"])
def test_a_journal_that_is_a_link_is_not_written_through(tmp_path: Path, name: str) -> None:
    """Events stay in memory and the part says why; or the link itself makes way."""
    (tmp_path / "precious").write_bytes(b"")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).symlink_to(tmp_path / "precious")
    board = Board()
    outbox = Outbox(tmp_path / "data" / "outbox.sqlite", Stamp(HandClock(), "street", boot="b"), board, Tally())
    outbox.add(event(1), 0)
    outbox.commit()
    kept, state = outbox.unsaved(), board.parts()["outbox"].state
    outbox.close()
    assert (tmp_path / "precious").read_bytes() == b""
    assert (state, len(kept)) == (("ok", 0) if name == "outbox.floor" else ("failed", 1))
