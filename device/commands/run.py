"""`vedette run`: the appliance, until it is told to stop."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import signal
import threading

from device.app import Appliance
from device.clock import SystemClock
from device.commands.arguments import add_config, load_from
from device.notify import Notify, watchdog_s

log = logging.getLogger(__name__)
ROUND_S = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--seconds", type=float, metavar="N", help="stop after so long (default: run until stopped)")


def run(args: argparse.Namespace) -> int:
    faulthandler.enable()  # the watchdog's SIGABRT then says where each thread was
    loaded = load_from(args)
    notify, stop = Notify(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    appliance = Appliance(loaded, SystemClock())
    appliance.start()
    print(_greeting(appliance), flush=True)
    try:
        _watch(appliance, notify, stop, args.seconds)
    finally:
        notify.stopping()
        appliance.stop()
    return 0


def _greeting(appliance: Appliance) -> str:
    page = f"the page: {appliance.page.address}/" if appliance.page else "no page is configured"
    return f"vedette: {len(appliance.sight.sources)} camera(s), {page}"


def _watch(appliance: Appliance, notify: Notify, stop: threading.Event, seconds: float | None) -> None:
    """READY when every worker has gone round; WATCHDOG only while all of them do."""
    watchdog = watchdog_s()
    round_s = min(ROUND_S, watchdog / 3) if watchdog else ROUND_S
    clock = SystemClock()
    end_ns = clock.mono_ns() + int(seconds * 1e9) if seconds else None
    ready = False
    while not stop.is_set() and not appliance.restart_wanted.is_set():
        if appliance.crew.wait(0):
            return
        if end_ns and clock.mono_ns() >= end_ns:
            return
        if not ready and appliance.crew.ready():
            ready = notify.ready(_greeting(appliance)) or True
        late = appliance.crew.late()
        if late:
            log.error("workers do not answer", extra={"workers": ", ".join(late)})
            notify.status(f"not answering: {', '.join(late)}")
        else:
            notify.watchdog()
        stop.wait(round_s)
