"""A thousand boxes and a hundred thousand events: no page takes its time, whatever is looked for; on SQLite and on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import text

from tests.trainer.store.conftest import postgres, url  # noqa: F401
from tests.trainer.web.worlds import NOW_US, event_row
from trainer.accounts.audit import HERE, Audit
from trainer.clock import SystemClock
from trainer.store.database import Database
from trainer.store.tables import devices, events, gaps
from trainer.web import event_rows
from trainer.web.device_rows import device_counts, device_page, device_sheet
from trainer.web.event_rows import Key, Wanted, event_page

BOXES, EVENTS = 1000, 100_000
A_PAGE_S = 1.5  # of processor and disk on a busy machine; a page that reads the whole table takes longer with every event


SERIES = {
    "sqlite": ("(WITH RECURSIVE s(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s)", "printf('%08x', n)"),
    "postgresql": ("(SELECT * FROM generate_series(0, {last}) AS s(n)) AS numbers", "lpad(to_hex(n), 8, '0')"),
}
COLUMNS = "device, event, kind, camera, label, confidence, life, start_us, end_us, t_us, rank, model, body"
ROW = (
    "n % {boxes} + 1, {hex} || '-0000-0000-0000-000000000000', 'object', 'street', CASE WHEN n = {last} THEN 'unicorn' ELSE 'person' END,"
    " 0.9, 'end', {now} - n * CAST(1000000 AS bigint), {now}, {now}, 1, NULL, '{{}}'"
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def many(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    is_sqlite = request.param == "sqlite"
    database = Database(str(tmp_path_factory.mktemp("many") / "s.sqlite") if is_sqlite else request.getfixturevalue("postgres").database())
    boxes = [{"number": n, "name": f"box-{n:04}", "state": "online", "first_us": 1, "last_us": n} for n in range(1, BOXES + 1)]
    holes = [{"device": n, "journal": 1, "first": 1, "last": n, "state": "open", "seen_us": 1} for n in range(1, BOXES + 1)]
    series, digits = SERIES[request.param]
    row = ROW.format(boxes=BOXES, hex=digits, last=EVENTS - 1, now=NOW_US)
    with database.write() as connection:
        connection.execute(devices.insert(), boxes)
        connection.execute(gaps.insert(), holes)
        connection.execute(text(f"INSERT INTO events ({COLUMNS}) SELECT {row} FROM {series.format(last=EVENTS - 1)}"))  # noqa: S608  ours
        connection.execute(text("ANALYZE"))
    yield database
    database.close()


def quick(work: Callable[[], object]) -> None:
    """The better of two: the first may wait for the disk, and the machine may have other things to do."""
    spans = []
    for _ in range(2):
        began = time.monotonic()
        work()
        spans.append(time.monotonic() - began)
    assert min(spans) < A_PAGE_S


def test_no_page_reads_a_whole_table(many: Database) -> None:
    for work in (
        lambda: device_counts(many),
        lambda: device_page(many, "", 101),
        lambda: device_page(many, "box-0500", 101, "box-05"),
        lambda: device_sheet(many, "box-0777"),
        lambda: event_page(many, Wanted(), None, 50),
        lambda: event_page(many, Wanted(device=777), None, 50),
        lambda: event_page(many, Wanted(kind="object"), None, 50),
        lambda: event_page(many, Wanted(label="unicorn"), None, 50),
        lambda: event_page(many, Wanted(camera="nowhere"), None, 50),
        lambda: event_page(many, Wanted(before_us=event_row(1, EVENTS // 2)["start_us"]), None, 50),
        lambda: Audit(many, SystemClock()).page(),
    ):
        quick(work)
    found = event_page(many, Wanted(label="unicorn"), None, 50)
    assert len(found.rows) == 1
    assert found.older is None
    assert [row.name for row in device_page(many, "box-0500", 3)] == ["box-0501", "box-0502", "box-0503"]
    assert device_page(many, "box-0999", 3)[0].missing == 1000


def test_a_rare_thing_is_looked_for_a_share_at_a_time(many: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_rows, "LOOKED_AT", 30_000)
    wanted, key, pages, found = Wanted(label="", camera="street", kind="object"), None, 0, 0
    page = event_page(many, wanted, None, 50)
    assert len(page.rows) == 50
    wanted = Wanted(camera="nowhere")
    while True:
        page = event_page(many, wanted, key, 50)
        pages, found, key = pages + 1, found + len(page.rows), page.older
        if key is None:
            break
        assert page.looked_us == key.start_us
    assert (pages, found) == (4, 0)


def test_pages_by_key_show_everything_once_while_events_come(many: Database) -> None:
    seen: list[str] = []
    key: Key | None = None
    while not seen or key is not None:
        page = event_page(many, Wanted(device=7), key, 30)
        seen += [row["event"] for row in page.rows]
        key = page.older
        with many.write() as connection:
            connection.execute(events.insert(), event_row(7, -1 - len(seen)))
    assert len(seen) == len(set(seen)) == 100


def test_events_of_one_instant_are_all_shown(url: str) -> None:  # noqa: F811
    database = Database(url)
    with database.write() as connection:
        connection.execute(devices.insert(), {"number": 1, "name": "b", "first_us": 1, "last_us": 1})
        connection.execute(events.insert(), [{**event_row(1, n), "start_us": 5} for n in range(25)])
    seen, key = [], None
    while True:
        page = event_page(database, Wanted(), key, 10)
        seen += [row["event"] for row in page.rows]
        key = page.older
        if key is None:
            break
    database.close()
    assert len(set(seen)) == len(seen) == 25


def test_a_long_audit_is_paged_by_its_numbers(url: str) -> None:  # noqa: F811
    database = Database(url)
    audit = Audit(database, SystemClock())
    with database.write() as connection:
        for n in range(300):
            audit.note_in(connection, HERE, "looked", str(n))
    first = audit.page(None, 100)
    rest = audit.page(first[-1].number, 1000)
    assert [deed.number for deed in [*first, *rest]] == list(range(300, 0, -1))
    assert audit.broken() is None
    database.close()
