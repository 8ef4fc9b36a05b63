"""What an event is called and what is said beside it: the same on a page from the server and in a row drawn by the browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contracts.event import Event
from device.web.titles import details, title
from tests.device.web.conftest import Running, needs_chromium
from tests.device.web.demo import Demo
from tests.device.web.fakes import event_at

CASES: list[tuple[dict[str, Any], str, list[str]]] = [
    ({}, "person", []),
    ({"label": None}, "object", []),
    ({"data": {"reason": "stopped"}}, "person", []),
    (
        {"kind": "state_changed", "label": "queue_timer", "data": {"from": "idle", "to": "stash", "on": "queue_timer"}},
        "state changed",
        ["queue timer", "from idle", "to stash", "on queue_timer"],
    ),
    (
        {"kind": "kill_notification", "label": "kill_notification", "data": {"text": "A [B] 3m", "victim": "A"}},
        "kill notification",
        ["victim A"],
    ),
    ({"kind": "score", "label": "score", "data": {"text": "SCORE 1280"}}, "score", ["text SCORE 1280"]),
    ({"kind": "crossed", "data": {"in": 3, "out": 2.5, "open": True, "none": None}}, "crossed", ["person", "in 3", "out 2.5"]),
    ({"kind": "sign", "label": "sign", "data": {"words": "x" * 100}}, "sign", [f"words {'x' * 53}…"]),
]


def events() -> list[Event]:
    return [event_at("street", 1, 0).model_copy(update=changes) for changes, _, _ in CASES]


def test_an_object_goes_by_its_label_anything_else_by_its_kind_with_the_words_of_its_data() -> None:
    assert [(title(event), details(event)) for event in events()] == [(called, said) for _, called, said in CASES]


@needs_chromium[0]
@needs_chromium[1]
def test_the_browser_says_the_same(tmp_path: Path, visit: Any) -> None:
    demo = Demo(tmp_path, ("street",))
    demo.start()
    running = Running(demo)
    try:
        page = visit(running).open("/events")
        said = page.evaluate(
            "async (events) => { const t = await import('/static/titles.js'); return events.map((e) => [t.title(e), t.details(e)]); }",
            [event.model_dump(mode="json") for event in events()],
        )
        assert said == [[called, words] for _, called, words in CASES]
        page.goto("about:blank")  # it asks no more of a page that ends now
    finally:
        running.close()
        demo.close()


@pytest.mark.parametrize("number", range(len(CASES)))
def test_its_own_page_and_its_row_show_them(demo: Demo, number: int) -> None:
    event = events()[number]
    demo.tell(event)
    running = Running(demo)
    try:
        row, page = running.get("/events").text, running.get(f"/events/{event.id}").text
    finally:
        running.close()
    assert f"<h1>{title(event)} " in page
    assert f'<span class="title">{title(event)} ' in row
    assert all(f'<span class="tag">{text}</span>' in row for text in details(event))
