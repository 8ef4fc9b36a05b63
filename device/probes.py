"""Probes: try what the configuration names, for real: each camera's pictures, the broker, the bundles, the data folder, the clock."""

from __future__ import annotations

import logging
import os
import queue
import shlex
import shutil
import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from contracts.errors import VedetteError
from contracts.files import write_durably
from device.bundles import find_bundle
from device.capture.decoder import Decoder
from device.clock import Clock
from device.config import Loaded, Settings
from device.findings import Finding, from_message
from device.neighbours import knock
from device.pipeline.packets import StreamInfo
from device.pipeline.protocols import Source
from device.standing import open_to_others
from device.tried import Tried, key_of, limits
from vision.bundle import read_bundle
from vision.tryout import try_bundle

log = logging.getLogger(__name__)
LEAST_FREE_BYTES = 1 << 30
WANTED_BYTES = 400 << 20
MEMINFO = Path("/proc/meminfo")
ENOUGH_PACKETS = 400  # a picture must come within these; key frames can be ten seconds apart
GRACE_S = 2.0  # for a source to let go after it was closed; a driver that hangs does not


def cameras(loaded: Loaded, clock: Clock, seconds: float) -> list[Finding]:
    """A decoded picture from each camera within `seconds`, all at once."""
    if not loaded.sources:
        mend = "open the page of the box, or run `vedette init`, or add cameras to device.yaml"
        return [Finding("cameras", "warning" if loaded.settings.page else "error", "none is set up: nothing is watched", mend)]
    return in_time([(name, _opening(name, loaded, clock, seconds)) for name in loaded.sources], seconds)


def _opening(name: str, loaded: Loaded, clock: Clock, seconds: float) -> Callable[[], Finding]:
    cls, options = loaded.sources[name]
    return lambda: _first_picture(cls(name, options, clock), seconds)


def camera(source: Source, seconds: float) -> Finding:
    """One source; it is closed afterwards."""
    return in_time([(source.camera, lambda: _first_picture(source, seconds))], seconds)[0]


def in_time(tries: Sequence[tuple[str, Callable[[], Finding]]], seconds: float) -> list[Finding]:
    """Each camera's try in a thread of its own; one that hangs in a driver is left behind and said."""
    answers: queue.Queue[tuple[int, Finding]] = queue.Queue()

    def attempt(number: int, name: str, look: Callable[[], Finding]) -> None:
        answers.put((number, _answered(f"camera {name}", look)))

    for number, (name, look) in enumerate(tries):
        threading.Thread(target=attempt, args=(number, name, look), name=f"probe {name}", daemon=True).start()
    found: dict[int, Finding] = {}
    patience = threading.Timer(seconds + GRACE_S, lambda: answers.put((-1, Finding("", "ok", ""))))
    patience.daemon = True
    patience.start()
    while len(found) < len(tries):
        number, finding = answers.get()
        if number < 0:
            break
        found[number] = finding
    patience.cancel()
    return [found.get(number) or _hangs(name, seconds) for number, (name, _) in enumerate(tries)]


def _hangs(name: str, seconds: float) -> Finding:
    mend = "unplug it or switch it off and on again; see dmesg for a local one"
    return Finding(f"camera {name}", "error", f"hangs: it gave no answer in {seconds:g} s and does not let go", mend)


def _answered(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except VedetteError as error:
        return from_message(what, str(error).removeprefix(f"{what}: "))
    except Exception as error:  # a site's own source may raise anything; to the owner that is a camera that does not work
        log.debug("the source failed", exc_info=True)
        return Finding(what, "error", f"its source failed: {type(error).__name__}: {error}", "mend that source; `--log DEBUG` shows where")


def _first_picture(source: Source, seconds: float) -> Finding:
    """Closing unblocks a reader that hangs in the network."""
    watchman = threading.Timer(seconds, source.close)
    watchman.daemon = True
    watchman.start()
    try:
        return _look(f"camera {source.camera}", source, seconds)
    finally:
        watchman.cancel()
        source.close()


def _look(what: str, source: Source, seconds: float) -> Finding:
    decoder: Decoder | None = None
    for number, packet in enumerate(source.packets()):
        decoder = decoder or Decoder(packet.stream, False)
        if decoder.decode(packet) or decoder.flush():
            return _seen(what, packet.stream)
        if number > ENOUGH_PACKETS:
            text = f"no picture in {ENOUGH_PACKETS} packets of {packet.stream.codec}"
            return Finding(what, "error", text, "see the camera's own settings")
    mend = "see that it is switched on and that its address is right"
    return Finding(what, "error", f"no picture within {seconds:g} s", mend)


def _seen(what: str, stream: StreamInfo) -> Finding:
    text = f"{stream.codec} {stream.width}x{stream.height}"
    if stream.codec != "mjpeg":
        return Finding(what, "ok", text)
    mend = "set `pixels: h264`, or `yuyv422` for our own encoder, of a V4L2 camera; other cameras have a setting for it"
    return Finding(what, "note", f"{text}: no browser plays clips of that, they have to be downloaded", mend)


def broker(settings: Settings, clock: Clock) -> Finding:
    options = settings.mqtt
    if options is None:
        return Finding("broker", "note", "none is configured: events stay on this box, its page, log and WebSocket show them")
    try:
        reason = knock(options, settings.device_id, clock)
    except VedetteError as error:
        reason = str(error)
    if reason:
        return from_message("broker", reason if "; " in reason else f"{reason}; see the broker's log")
    return Finding("broker", "ok", f"{options.where()} takes this box")


def bundles(loaded: Loaded) -> list[Finding]:
    """Each bundle the pipeline names is whole, loads, and answers its golden pictures as it should; in a process of its own."""
    named = {stage: getattr(options, "bundles", ()) or (getattr(options, "bundle", None),) for stage, (_, options) in loaded.stages.items()}
    names = [(stage, name) for stage, several in named.items() for name in several if name is not None]
    return [_bundle(stage, str(name), loaded.settings) for stage, name in names]


def _bundle(stage: str, name: str, settings: Settings) -> Finding:
    what = f"bundle {name}"
    try:
        stored = read_bundle(find_bundle(name, settings))
        model, work = settings.model, settings.data / "engines"
        try_bundle(stored, model.engine, limits=limits(settings), golden=True, work=work, options=model.options)
        Tried(settings.data).add(key_of(stored, model))
    except VedetteError as error:
        return from_message(what, str(error).removeprefix(f"{what}: "))
    pictures = len(stored.manifest.golden) + len(stored.manifest.golden_text)
    golden = f"{pictures} golden pictures answered" if pictures else "it carries no golden pictures"
    return Finding(what, "ok", f"{stored.manifest.name} {stored.manifest.version} for {stage}; {golden}")


def data(settings: Settings) -> Finding:
    """The data folder takes a durable file, and there is room. A folder that is not there yet is not made: it would be this user's."""
    folder = settings.data
    mend = "give the service's user the folder, or change `data`"
    try:
        if folder.exists():
            probe = folder / ".check"
            write_durably(probe, b"vedette")
            probe.unlink()
            where = folder
        else:
            where = nearest(folder)
            if not os.access(where, os.W_OK | os.X_OK):
                return Finding("data", "error", f"{folder}: is not there, and this user may not make it in {where}", mend)
        free = shutil.disk_usage(where).free
    except (VedetteError, OSError) as error:
        return _data_refused(folder, error, mend)
    if free < LEAST_FREE_BYTES:
        return Finding("data", "warning", f"{folder}: {free >> 20} MB free", "make room: recording stops when the disk is full")
    return Finding("data", "ok", f"{folder}: {free / 1e9:.1f} GB free{'' if where == folder else ', will be made'}")


def privacy(settings: Settings) -> list[Finding]:
    """Whether every user of this machine can look at the data; nothing where there are none yet."""
    folder = settings.data
    if not folder.is_dir() or not open_to_others(folder):
        return []
    mend = f"chmod -R o-rwx {shlex.quote(str(folder))}"
    mode = stat.S_IMODE(folder.stat().st_mode)
    return [Finding("data", "warning", f"{folder}: every user of this machine can look into it (mode {mode:o})", mend)]


def nearest(folder: Path) -> Path:
    """The folder itself, or the nearest one around it that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _data_refused(folder: Path, error: Exception, mend: str) -> Finding:
    """The file system's own words; what to do about a full disk is another thing than about rights."""
    words = error.strerror or str(error) if isinstance(error, OSError) else str(error).rpartition(": ")[2]
    reason, _, known = words.partition("; ")
    return Finding("data", "error", f"{folder}: {reason}", known if known and not known.startswith("see the") else mend)


def clock_state(clock: Clock) -> Finding:
    state = clock.state()
    if state == "ntp":
        return Finding("clock", "ok", "synchronised")
    text = "kept by the real-time clock, not synchronised" if state == "rtc" else "not set: times of events cannot be trusted"
    return Finding("clock", "warning", text, "let the box reach a time server (timedatectl set-ntp true); events are marked until then")


def memory() -> Finding:
    """What the kernel would give to a new program, its caches included."""
    lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines() if ":" in line)
    available = int(lines["MemAvailable"].split()[0]) << 10
    if available < WANTED_BYTES:
        mend = f"the appliance wants about {WANTED_BYTES >> 20} MB; stop something else"
        return Finding("memory", "warning", f"{available >> 20} MB available", mend)
    return Finding("memory", "ok", f"{available >> 20} MB available")
