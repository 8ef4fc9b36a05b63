"""Log lines: one an event, fields in it, no secret in it; to stderr or to the journal."""

from __future__ import annotations

import io
import logging
import re
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device import logs, scrub
from device.journald import PLAIN, datagram, field_name
from tests.device.site import SECRET

FORMAT = "%(levelname)s %(name)s: %(message)s"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        handler.close()
    root.handlers[:], root.level = handlers, level
    scrub.forget()


def lines_of(handler: logging.Handler, stream: io.StringIO, **record: Any) -> str:
    log = logging.Logger("capture")
    log.addHandler(handler)
    log.error(record.pop("msg"), *record.pop("args", ()), **record)
    return stream.getvalue()


def plain() -> tuple[logging.Handler, io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.FieldFormatter(FORMAT))
    handler.addFilter(logs.Scrubber())
    return handler, stream


def test_a_line_has_its_fields_and_words_are_quoted() -> None:
    line = lines_of(*plain(), msg="lost", extra={"camera": "left", "reason": "no packets for 5 s", "tries": 3})
    assert line == 'ERROR capture: lost camera=left reason="no packets for 5 s" tries=3\n'


def test_a_field_with_line_breaks_stays_on_its_line() -> None:
    line = lines_of(*plain(), msg="lost", extra={"reason": "a\nERROR capture: forged\r\n"})
    assert line.count("\n") == 1 and "\r" not in line


def test_arguments_that_do_not_fit_are_shown_and_nothing_is_raised(capsys: pytest.CaptureFixture[str]) -> None:
    assert "lost %d ('one',)" in lines_of(*plain(), msg="lost %d", args=("one",))
    assert capsys.readouterr().err == ""


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=6, max_size=20).map(lambda text: f"Zq{text}9"),
    st.integers(0, 4),
)
def test_a_secret_never_reaches_a_line(secret: str, place: int) -> None:
    scrub.forget()
    scrub.remember([secret])
    records: list[dict[str, Any]] = [
        {"msg": f"cannot log in with {secret}"},
        {"msg": "cannot log in with %s", "args": (secret,)},
        {"msg": "x", "extra": {"detail": secret}},
        {"msg": "x", "extra": {"detail": {"nested": [secret]}}},
        {"msg": "x", "exc_info": raised(ValueError(f"bad: {secret}"))},
    ]
    assert secret not in lines_of(*plain(), **records[place])


def raised(error: Exception) -> Any:
    try:
        try:
            raise KeyError("inner") from error
        except KeyError as inner:
            raise RuntimeError("outer") from inner
    except RuntimeError:
        return sys.exc_info()


def test_a_url_in_a_chained_traceback_is_scrubbed_and_the_traceback_stays() -> None:
    text = lines_of(*plain(), msg="crashed", exc_info=raised(ConnectionError(f"rtsp://me:{SECRET}@host/x")))
    assert SECRET not in text and "rtsp://***@host/x" in text
    assert "RuntimeError: outer" in text and "Traceback (most recent call last)" in text


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """journald's end of its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "journal"))
        sock.settimeout(5)
        monkeypatch.setattr(logs, "SOCKET", tmp_path / "journal")
        monkeypatch.setenv("JOURNAL_STREAM", "8:1")
        yield sock


def fields_of(raw: bytes) -> dict[str, str]:
    """systemd.io/JOURNAL_NATIVE_PROTOCOL: each name, newline, length, value, newline."""
    found = {}
    while raw:
        name, _, rest = raw.partition(b"\n")
        (size,) = struct.unpack_from("<Q", rest)
        found[name.decode()] = rest[8 : 8 + size].decode()
        assert rest[8 + size : 9 + size] == b"\n"
        raw = rest[9 + size :]
    return found


def test_under_systemd_lines_go_to_the_journal_with_their_fields_and_without_secrets(journal: socket.socket) -> None:
    logs.set_up()
    scrub.remember([SECRET])
    logging.getLogger("device.x").error(
        "refused by %s",
        f"mqtt://a:{SECRET}@h",
        extra={"camera": "left\nPRIORITY=0", "why": ValueError(SECRET)},
        exc_info=raised(OSError(SECRET)),
    )
    sent = fields_of(journal.recv(1 << 20))
    assert SECRET not in str(sent)
    assert sent["MESSAGE"].startswith("device.x: refused by mqtt://***@h camera=left") and "OSError: ***" in sent["MESSAGE"]
    wanted = {
        "PRIORITY": "3",
        "LOGGER": "device.x",
        "SYSLOG_IDENTIFIER": "vedette",
        "VEDETTE_CAMERA": "left\nPRIORITY=0",
        "VEDETTE_WHY": "***",
    }
    assert {name: sent[name] for name in wanted} == wanted


@given(st.dictionaries(st.text(min_size=1, max_size=80).filter(lambda key: key not in PLAIN), st.text(max_size=50), max_size=5))
def test_any_field_has_a_name_the_journal_takes_and_arrives_whole(extra: dict[str, str]) -> None:
    named = {field_name(key): value for key, value in extra.items()}
    assert all(re.fullmatch(r"VEDETTE_[A-Z0-9_]{1,56}", name) for name in named)
    assert fields_of(datagram(named)) == {name: value.encode(errors="backslashreplace").decode() for name, value in named.items()}


def test_a_journal_that_takes_nothing_has_the_line_from_stderr(journal: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    logs.set_up("WARNING")
    journal.close()
    logging.getLogger("device.x").warning("told", extra={"password": "hunter2hunter2"})
    assert capfd.readouterr().err == "<4>device.x: told password=***\n"


def test_without_a_journal_lines_go_to_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    monkeypatch.setattr(logs, "SOCKET", tmp_path / "none")
    logs.set_up("WARNING")
    logging.getLogger("device.x").warning("told", extra={"password": "hunter2hunter2"})
    logging.getLogger("device.x").info("not told")
    said = capsys.readouterr().err
    assert "WARNING device.x: told password=***" in said and "not told" not in said


def test_a_librarys_thread_that_dies_is_logged_scrubbed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    logs.set_up()
    before = threading.excepthook

    def die() -> None:
        raise OSError(f"http://me:{SECRET}@host")

    with logs.threads_logged():
        thread = threading.Thread(target=die, name="of a library")
        thread.start()
        thread.join(10)
    said = capsys.readouterr().err
    assert threading.excepthook is before
    assert 'CRITICAL device.logs: thread died thread_name="of a library"' in said and "http://***@host" in said
    assert SECRET not in said


@pytest.mark.parametrize("evil", ["\n", "\r\n", "\x1b[2J", "\x85", "\u2028", "\x00", "\u202e", "\ud800"])
def test_neither_message_nor_field_forges_a_line_or_moves_the_cursor(evil: str) -> None:
    line = lines_of(*plain(), msg=f"lost{evil}ERROR capture: forged %s", args=(evil,), extra={"reason": f"a{evil}b"})
    assert line[:-1].isprintable() and line.endswith("\n")


def test_a_trace_keeps_its_lines() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        line = lines_of(*plain(), msg="failed", exc_info=sys.exc_info())
    assert line.startswith("ERROR capture: failed\nTraceback") and line.rstrip().endswith("ValueError: no")
