"""What is pushed to a box stands on its health page as it happens; a box to which nothing is pushed shows nothing of it."""

from __future__ import annotations

from datetime import datetime, timezone

from contracts.update import RefusedMessage, UpdateReport
from tests.device.web.conftest import Run
from tests.device.web.demo import Demo

NEW, OLD = (f"sha256:{letter * 64}" for letter in "ab")
AT = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
REFUSED = RefusedMessage(code="E_SIG", words="<b>not signed</b>", at=AT)
REPORT = UpdateReport(
    state="shadow", words="40 frames compared", model=NEW, name="person-street", version="2.0.0", rollout="night-2", seq=7, percent=20,
    at=AT, current=OLD, refused=REFUSED, head="0" * 64,
)  # fmt: skip


def test_what_becomes_of_what_was_pushed_stands_on_the_page(run: Run, demo: Demo) -> None:
    page = run()
    assert page.get("/api/v1/update").status_code == 404
    assert page.get("/health/pushed").text.strip() == ""
    object.__setattr__(demo.desk, "update", lambda: REPORT)
    object.__setattr__(demo.desk, "called", {OLD: "person-street 1.0.0"}.get)
    for path in ("/health", "/health/pushed"):
        shown = page.get(path).text
        assert "looks on beside the one in force 20 %" in shown
        for words in ("person-street 2.0.0", "person-street 1.0.0 bbbbbbbbbbbb", "night-2", "E_SIG"):
            assert words in shown
        assert "<b>not signed" not in shown
    assert page.get("/api/v1/update").json()["percent"] == 20
    object.__setattr__(demo.desk, "update", lambda: REPORT.model_copy(update={"state": "rejected", "code": "E_SHADOW"}))
    assert "refused; the one before goes on" in page.get("/health/pushed").text
