"""For every test: hypothesis without a clock, logging as it was, and in CI no test skipped for want of a program or of the footage."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

import vision  # noqa: F401  # before ONNX Runtime: what it would tell its makers is turned off there

STATUS = pytest.StashKey[int]()
NEEDED_IN_CI = {"broker", "postgres", "browser", "rtsp", "footage", "reading"}  # make installs or fetches what they need

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job: what tests start and interrupt would not hear it
    signal.signal(signal.SIGINT, signal.default_int_handler)
OURS = {"bench", "broker", "contracts", "dataset", "device", "serving", "trainer", "vision"}
settings.register_profile("here", deadline=None)  # a busy machine is no fault of ours
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "here")

# pytest rewrites these (they come with a plugin of it) when they are first imported, and CPython 3.11 cannot do that in two threads at once
for late in ("_backends._asyncio", "_core._fileio", "from_thread", "to_thread", "streams.buffered", "streams.memory", "streams.tls"):
    importlib.import_module(f"anyio.{late}")


def _loggers() -> dict[str, logging.Logger]:
    return {name: one for name, one in logging.root.manager.loggerDict.items() if isinstance(one, logging.Logger)}


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command run here logs to the stderr of its test, which is closed afterwards, and quietens loggers that other tests read."""
    root = logging.getLogger()
    handlers, level, off = root.handlers[:], root.level, root.manager.disable
    before = {name: (one.level, one.disabled, one.propagate) for name, one in _loggers().items()}
    yield
    for handler in root.handlers[:]:
        if handler not in handlers:
            root.removeHandler(handler)
    root.setLevel(level)
    logging.disable(off)
    for name, one in _loggers().items():
        if name in before or name.split(".")[0] in OURS:  # what another's library says of its own when it is first imported stays
            was, one.disabled, one.propagate = before.get(name, (logging.NOTSET, False, True))
            one.setLevel(was)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    needed = NEEDED_IN_CI & {marker.name for marker in item.iter_markers()}
    if os.environ.get("CI") == "true" and report.skipped and needed and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where {', '.join(sorted(needed))} must work: {report.longrepr}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[STATUS] = int(exitstatus)


def pytest_unconfigure(config: pytest.Config) -> None:
    """A thread that a test left inside a native library (a hung detector, on purpose) would abort the interpreter on its way out,
    after everything was judged: name it, and go out by the short way with the status that pytest found."""
    left = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    status = config.stash.get(STATUS, None)
    if status is None or not (left or "onnxruntime" in sys.modules):
        return
    if left:
        sys.stdout.write(f"threads left at the end: {', '.join(sorted(set(left)))}\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
