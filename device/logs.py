"""Logging: one line an event with its fields, to the journal under systemd and to stderr elsewhere; secrets never get in."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from device.journald import PLAIN, SOCKET, JournalSocket
from device.scrub import scrub

log = logging.getLogger(__name__)


class FieldFormatter(logging.Formatter):
    """`12:03:04 WARNING capture.camera: lost camera=left reason="no packets for 5 s"`"""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's own name
        fields = " ".join(f"{k}={_quoted(v)}" for k, v in record.__dict__.items() if k not in PLAIN)
        return one_line(f"{super().formatMessage(record)} {fields}".rstrip())

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


def _quoted(value: object) -> str:
    """One word, or words in quotes."""
    text = str(value)
    return f'"{text}"' if " " in text or not text else text


def one_line(text: str) -> str:
    """Never a second line, which would read as another event, nor what moves a terminal's cursor: names and reasons come from outside."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class Scrubber(logging.Filter):
    """For handlers that hand on more of a record than its formatted line: the journal's takes all fields and the exception."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(_message(record)), None
        if record.exc_info and record.exc_info[0]:
            record.exc_text = scrub(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
        record.stack_info = scrub(record.stack_info) if record.stack_info else None
        for key in set(record.__dict__) - PLAIN:
            value = record.__dict__[key]
            if not (value is None or isinstance(value, (bool, int, float))):
                record.__dict__[key] = scrub(str(value))
        return True


def _message(record: logging.LogRecord) -> str:
    """A message whose arguments do not fit must not take the program down, nor be printed raw by logging."""
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):
        return f"{record.msg} {record.args}"


def set_up(level: str = "INFO") -> None:
    """Once, at the start of a program."""
    handler = _journal() if os.environ.get("JOURNAL_STREAM") else None
    if handler is None:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(FieldFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s", "%H:%M:%S"))
    handler.addFilter(Scrubber())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("libav").setLevel(logging.ERROR)  # FFmpeg's chatter about each broken packet; we count them


def _journal() -> logging.Handler | None:
    """Where its socket is; our own few lines, so that fields do not depend on what is installed."""
    if not SOCKET.exists():
        return None
    handler = JournalSocket("vedette", SOCKET)
    handler.setFormatter(FieldFormatter("%(name)s: %(message)s"))  # the fields stand in the line, too: journalctl shows only that
    return handler


@contextmanager
def threads_logged() -> Iterator[None]:
    """An exception that ends a thread of a library goes to the log, scrubbed, and not raw to stderr."""
    before = threading.excepthook
    threading.excepthook = _thread_died
    try:
        yield
    finally:
        threading.excepthook = before


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:
        return
    error = args.exc_value or args.exc_type()
    name = args.thread.name if args.thread else "?"
    log.critical("thread died", extra={"thread_name": name}, exc_info=(args.exc_type, error, args.exc_traceback))
