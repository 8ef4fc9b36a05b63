"""`vedette run`: the appliance, until it is told to stop."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from contracts.errors import StorageError, VedetteError
from device.app import Appliance
from device.clock import SystemClock
from device.commands.arguments import add_config, seconds, settled
from device.commands.boot_guard import START, guard
from device.commands.configured import configured
from device.config import Loaded
from device.notify import Notify, watchdog_s
from device.pipeline.crew import ZombieThread
from device.setup.reset import finish, ordered
from device.update.boots import Boots
from device.watch import Watch, patience

log = logging.getLogger(__name__)
ROUND_S = 0.5
SWITCH_S = 0.001  # a thread that has an event to pass on waits no longer than that for one that computes (Python's own: 5 ms)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--seconds", type=seconds, metavar="N", help="stop after so long (default: run until stopped)")


def run(args: argparse.Namespace) -> int:
    sys.setswitchinterval(SWITCH_S)
    faulthandler.enable()  # the watchdog's SIGABRT then says where each thread was
    stop, notify = threading.Event(), Notify()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _count_this_start()
    _reset(args, notify)
    loaded = configured(args)
    appliance = _built(loaded, notify)
    appliance.start()
    greeting = _greeting(appliance)
    print(greeting, flush=True)
    try:
        watch = Watch(appliance.crew, appliance.board, notify, greeting, lambda: _came_up(loaded), watchdog_s())
        _watch(appliance, watch, stop, args.seconds, loaded.settings.data)
    finally:
        notify.stopping("stopping")
        code = _end(appliance)
    if appliance.again.is_set() and not code and not stop.is_set():
        _begin_anew()
    return code


def _count_this_start() -> None:
    """Where the boot guard could not: systemd 247 starts nothing before a service that has credentials."""
    start, state = os.environ.get(START, ""), os.environ.get("STATE_DIRECTORY", "")
    if start and state:
        for words in guard(Path(state.split(":")[0]), start):
            log.warning("boot guard: %s", words)


def _reset(args: argparse.Namespace, notify: Notify) -> None:
    """What was ordered comes before all else: what it removes may be what cannot be read."""
    data = settled(args).settings.data
    if ordered(data):
        with patience(notify):
            finish(data)


def _begin_anew() -> None:
    """By systemd; where nothing starts this program again, it takes its own place, and keeps its number."""
    if os.environ.get("NOTIFY_SOCKET"):
        return
    logging.shutdown()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - itself, with its own arguments


def _built(loaded: Loaded, notify: Notify) -> Appliance:
    """On the first start with a bundle it is tried, and TensorRT compiles its engine."""
    _opening(loaded)
    with patience(notify):
        return Appliance(loaded, SystemClock())


def _opening(loaded: Loaded) -> None:
    """The boot guard blames no model for a configuration that cannot be read."""
    try:
        Boots(loaded.settings.data).opening()
    except StorageError as error:
        log.warning("should this start fail, the model is not blamed: %s", error)


def _came_up(loaded: Loaded) -> None:
    """The boot guard counts the starts that do not get here."""
    try:
        Boots(loaded.settings.data).ready()
    except StorageError as error:
        log.warning("this start counts as failed: %s", error)


def _greeting(appliance: Appliance) -> str:
    page = f"the page: {appliance.page.address}/" if appliance.page else "no page is configured"
    return f"vedette: {len(appliance.sight.sources)} camera(s), {page}"


def _watch(appliance: Appliance, watch: Watch, stop: threading.Event, for_s: float | None, data: Path) -> None:
    """Until a signal, a command, the time that was given, the end of every file, an order to reset, or a crash."""
    watchdog = watchdog_s()
    round_s = min(ROUND_S, watchdog / 3) if watchdog else ROUND_S
    clock = SystemClock()
    end_ns = clock.mono_ns() + int(for_s * 1e9) if for_s else None
    wanted = (stop, appliance.restart_wanted, appliance.again)
    while not any(each.is_set() for each in wanted) and not appliance.crew.wait(0):
        if ordered(data):
            appliance.again.set()
        if end_ns and clock.mono_ns() >= end_ns:
            return
        watch.step()
        stop.wait(round_s)


def _end(appliance: Appliance) -> int:
    """Close everything. A crash was logged with its traceback when it happened; here it becomes a word and an exit code."""
    try:
        appliance.stop()
    except VedetteError:
        raise
    except ZombieThread as error:
        log.critical("a worker hangs", extra={"reason": str(error)})
        faulthandler.dump_traceback()
        _leave(1)
    except Exception as error:
        if appliance.crew.crash is None:
            raise
        name = appliance.crew.crash[0]
        print(f"vedette run: worker {name} crashed: {type(error).__name__}; the log says where", file=sys.stderr)
        return 1
    return 0


def _leave(code: int) -> None:
    """Without waiting for threads that will never end; the interpreter's own exit would."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
