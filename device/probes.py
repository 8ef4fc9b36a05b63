"""Probes: try what the configuration names, for real: each camera's pictures, the broker, the bundles, the data folder, the clock."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

from contracts.errors import BundleError, ConfigError, VedetteError
from device.bundles import find_bundle
from device.capture.decoder import Decoder
from device.clock import Clock
from device.config import Loaded, Settings
from device.findings import Finding, from_message
from device.pipeline.files import write_durably
from device.pipeline.protocols import Source
from device.publish.link import Link
from vision.bundle import read_bundle
from vision.detector import open_detector
from vision.golden import check_golden

LEAST_FREE_BYTES = 1 << 30
ENOUGH_PACKETS = 400  # a picture must come within these; key frames can be ten seconds apart


def cameras(loaded: Loaded, clock: Clock, seconds: float) -> list[Finding]:
    """A decoded picture from each camera within `seconds`, all at once."""
    if not loaded.sources:
        return [Finding("cameras", "error", "none is configured", "run `vedette init`, or add cameras to device.yaml")]
    sources = [cls(name, options, clock) for name, (cls, options) in loaded.sources.items()]
    with ThreadPoolExecutor(len(sources)) as pool:
        return list(pool.map(lambda source: camera(source, seconds), sources))


def camera(source: Source, seconds: float) -> Finding:
    what = f"camera {source.camera}"
    watchman = threading.Timer(seconds, source.close)  # closing unblocks a reader that hangs in the network
    watchman.start()
    try:
        return _first_picture(what, source, seconds)
    except VedetteError as error:
        return from_message(what, str(error).removeprefix(f"{what}: "))
    finally:
        watchman.cancel()
        source.close()


def _first_picture(what: str, source: Source, seconds: float) -> Finding:
    decoder: Decoder | None = None
    for number, packet in enumerate(source.packets()):
        decoder = decoder or Decoder(packet.stream, False)
        if decoder.decode(packet) or decoder.flush():
            return Finding(what, "ok", f"{packet.stream.codec} {packet.stream.width}x{packet.stream.height}")
        if number > ENOUGH_PACKETS:
            text = f"no picture in {ENOUGH_PACKETS} packets of {packet.stream.codec}"
            return Finding(what, "error", text, "see the camera's own settings")
    mend = "see that it is switched on and that its address is right"
    return Finding(what, "error", f"no picture within {seconds:g} s", mend)


def broker(settings: Settings, clock: Clock) -> Finding:
    options = settings.mqtt
    if options is None:
        return Finding("broker", "note", "none is configured: events stay on this box, its page, log and WebSocket show them")
    try:
        link = Link(options, f"vedette-{settings.device_id}-check", None, clock, clean_start=True)
        link.connect()
        while not link.up and link.lost is None:
            link.spin(0.2)
    except ConfigError as error:
        return from_message("broker", str(error))
    if link.lost is not None:
        return Finding("broker", "error", link.lost, "start the broker, or change mqtt in device.yaml")
    link.close(True)
    return Finding("broker", "ok", f"{options.where()} takes this box")


def bundles(loaded: Loaded) -> list[Finding]:
    """Each bundle the pipeline names is whole, loads, and answers its golden pictures as it should."""
    names = [(stage, options.bundle) for stage, (_, options) in loaded.stages.items() if hasattr(options, "bundle")]
    return [_bundle(stage, name, loaded.settings) for stage, name in names]


def _bundle(stage: str, name: str, settings: Settings) -> Finding:
    what = f"bundle {name}"
    try:
        stored = read_bundle(find_bundle(name, settings))
        detector = open_detector(stored, settings.model.engine, work=settings.data / "engines")
        try:
            check_golden(detector, stored)
        finally:
            detector.close()
    except (BundleError, ConfigError) as error:
        return from_message(what, str(error).removeprefix(f"{what}: "))
    golden = f"{len(stored.manifest.golden)} golden pictures answered" if stored.manifest.golden else "it carries no golden pictures"
    return Finding(what, "ok", f"{stored.manifest.name} {stored.manifest.version} for {stage}; {golden}")


def data(settings: Settings) -> Finding:
    """The data folder takes a durable file, and there is room."""
    probe = settings.data / ".check"
    try:
        write_durably(probe, b"vedette")
        probe.unlink()
        free = shutil.disk_usage(settings.data).free
    except (VedetteError, OSError) as error:
        return Finding("data", "error", f"{settings.data}: {error}", "give the service's user the folder, or change `data`")
    if free < LEAST_FREE_BYTES:
        return Finding("data", "warning", f"{settings.data}: {free >> 20} MB free", "make room: recording stops when the disk is full")
    return Finding("data", "ok", f"{settings.data}: {free / 1e9:.1f} GB free")


def clock_state(clock: Clock) -> Finding:
    state = clock.state()
    if state == "ntp":
        return Finding("clock", "ok", "synchronised")
    text = "kept by the real-time clock, not synchronised" if state == "rtc" else "not set: times of events cannot be trusted"
    return Finding("clock", "warning", text, "let the box reach a time server (timedatectl set-ntp true); events are marked until then")


def memory() -> Finding:
    pages = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if pages < 400 << 20:
        return Finding("memory", "warning", f"{pages >> 20} MB free", "the appliance wants about 300 MB; stop something else")
    return Finding("memory", "ok", f"{pages >> 20} MB free")
