"""Logging: one line an event with its fields, to the journal under systemd and to stderr elsewhere; secrets never get in."""

from __future__ import annotations

import logging
import os
import re
import sys

PLAIN = frozenset(logging.LogRecord("", 0, "", 0, "", (), None).__dict__) | {"message", "asctime", "taskName"}
SECRETS = re.compile(r"(?i)(?P<key>password|passwd|token|secret|authorization)(?P<sep>['\"]?\s*[=:]\s*)(?P<value>\S+)")
USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


def scrub(text: str) -> str:
    """The text without passwords, tokens and the users of URLs."""
    return USERINFO.sub("***@", SECRETS.sub(r"\g<key>\g<sep>***", text))


class FieldFormatter(logging.Formatter):
    """`12:03:04 WARNING capture.camera: lost camera=left reason="no packets for 5 s"`"""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        fields = " ".join(f"{k}={_quoted(v)}" for k, v in record.__dict__.items() if k not in PLAIN)
        head, newline, trace = line.partition("\n")
        return scrub(f"{head} {fields}".rstrip() + newline + trace)


def _quoted(value: object) -> str:
    text = str(value)
    return f'"{text}"' if " " in text or not text else text


class Scrubber(logging.Filter):
    """For handlers that do not format lines of ours (the journal's)."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = scrub(record.getMessage()), None
        for key in set(record.__dict__) - PLAIN:
            if isinstance(record.__dict__[key], str):
                record.__dict__[key] = scrub(record.__dict__[key])
        return True


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
    try:
        from systemd.journal import JournalHandler
    except ImportError:
        return None
    handler: logging.Handler = JournalHandler(SYSLOG_IDENTIFIER="vedette")
    return handler
