"""Following: builds what follows pushed models, and gives it a place in the crew."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from broker.letters import Letter
from contracts.envelope import first_fault
from contracts.errors import BundleError, ConfigError, StorageError
from contracts.topics import Topics
from contracts.update import AssignmentKeys, ChunkAsk, UpdateReport
from contracts.wire import utc_from_ns
from device.bundles import shipped_bundle
from device.clock import Clock
from device.config import Loaded
from device.configuring import configuring
from device.findings import Finding, from_message
from device.pipeline.board import Board
from device.pipeline.channel import nothing
from device.pipeline.crew import Crew
from device.pipeline.protocols import Tick
from device.pipeline.tally import Tally
from device.proving import Seeing, prover
from device.publish.notices import Notices
from device.publish.stamp import Stamp
from device.roads import Roads, https_of
from device.update.assigned import Recipient
from device.update.attempt import Parts
from device.update.boots import Boots
from device.update.floors import Floors
from device.update.identity import Identity
from device.update.ledger import Ledger
from device.update.marking import Marking
from device.update.metadata import Metadata
from device.update.mqtt_chunks import MqttChunks
from device.update.options import Options
from device.update.orders import Orders
from device.update.pin import Pin
from device.update.preflight import Box
from device.update.refusal import Refusal
from device.update.reports import Reports
from device.update.slots import Slots
from device.update.state import State
from device.update.taken_back import taken_back
from device.update.trust import MAX_BYTES, Trust
from device.update.updater import PART, Updater
from device.updating import Updating
from vision.bundle import StoredBundle, read_bundle

log = logging.getLogger(__name__)
DEADLINE_S = 3900.0  # a model that is tried may take model.trial_s, an hour at most
ASK_EXPIRY_S = 60
LARGEST_KEYS = 64 << 10


class Around(NamedTuple):
    """What of the appliance the updater works with. `restart` ends this process in order, for a configuration."""

    crew: Crew
    clock: Clock
    board: Board
    tally: Tally
    notices: Notices
    stamp: Stamp
    seeing: Seeing | None = None
    restart: Callable[[], None] = nothing


def follow(loaded: Loaded, options: Options, around: Around) -> Updating | None:
    """None where its state cannot be read, or the disk takes nothing: the box then runs what it has, and says so. ConfigError for
    trust that cannot be used."""
    root, keys = trusted(options.trust, around.clock)
    factory = _factory(loaded)
    with ExitStack() as undo:
        try:
            state = State(loaded.settings.data / "update" / "state.sqlite")
            undo.callback(state.close)
            updating = _following(loaded, options, around, state, root, keys, factory)
        except StorageError as error:
            log.error("no updates: %s", error)
            around.board.part(PART, "failed", str(error), around.clock.wall_ns())
            return None
        undo.pop_all()
    return updating


def _following(
    loaded: Loaded, options: Options, around: Around, state: State, root: bytes, keys: AssignmentKeys, factory: StoredBundle
) -> Updating:
    settings, (crew, clock, board, tally, *_) = loaded.settings, around
    identity, slots = Identity(settings.data / "update" / "device.key"), Slots(settings.data / "models")
    slots.adopt(factory)
    floors, ledger, boots, marking = Floors(state), Ledger(state), Boots(settings.data), Marking()
    taken_back(boots, ledger, clock)
    topics, said = Topics(settings.device_id), Said()
    roads = Roads(options, clock, MqttChunks(_asking(topics, around), lambda: os.urandom(8).hex(), options.timeout_s))
    box = configuring(loaded, options.config, crew, board=board, tally=tally, clock=clock, restart=around.restart)
    parts = Parts(
        device=settings.device_id, backend=settings.model.engine, incoming=settings.data / "update" / "incoming",
        reserve_bytes=options.reserve_mb * 1_000_000, state=state, floors=floors, ledger=ledger,
        orders=Orders(state, floors, ledger, clock, Recipient(settings.device_id, frozenset(options.cohorts)), keys),
        slots=slots, metadata=Metadata(settings.data / "update" / "metadata", root, floors, clock),
        prover=prover(settings, options, around.seeing, slots, boots, marking, crew, clock=clock, tally=tally), identity=identity,
        reports=Reports(_posting(topics, around, said), ledger, slots, clock, lambda: box.revisions.linked("current")), configuring=box,
        clock=clock, tally=tally, box=_box(loaded, options, slots, factory),
        roads=lambda: roads.open(broker=settings.mqtt is not None), hang_up=roads.hang_up,
    )  # fmt: skip
    updater = Updater(
        parts, board, folders=roads.sticks, retry_s=(options.retry_min_s, max(options.retry_min_s, options.retry_max_s)),
        refresh_s=options.refresh_h * 3600,
    )  # fmt: skip
    _man(crew, updater, state)
    board.part(PART, "ok", "", clock.wall_ns())
    over_mqtt = options.over_mqtt == "on"
    return Updating(
        updater.receive, roads.chunks.receive, identity.public, over_mqtt, marking, lambda: said.last, lambda digest: _called(slots, digest)
    )


def _called(slots: Slots, digest: str) -> str:
    label = slots.label(digest)
    return f"{label.name} {label.version}" if label else ""


def _man(crew: Crew, updater: Updater, state: State) -> None:
    def work(tick: Tick) -> None:
        try:
            updater.run(tick)
        finally:
            state.close()

    crew.add(PART, work, deadline_s=DEADLINE_S)
    crew.on_stop(updater.close)


def trusted(folder: Path, clock: Clock) -> tuple[bytes, AssignmentKeys]:
    """What was provisioned; ConfigError when it cannot be used, now and not at the first update."""
    try:
        root = (folder / "root.json").read_bytes()[: MAX_BYTES["root"] + 1]
        keys = AssignmentKeys.model_validate_json((folder / "assignment.json").read_bytes()[:LARGEST_KEYS])
    except OSError as error:
        mend = "copy root.json and assignment.json from the trainer there, or change update.trust"
        raise ConfigError(f"update.trust: {folder}: {error.strerror or error}; {mend}") from error
    except ValidationError as error:
        raise ConfigError(f"update.trust: {folder / 'assignment.json'}: {first_fault(error)}; copy it from the trainer again") from error
    try:
        Trust(root, {}, utc_from_ns(clock.wall_ns()))
    except BundleError as error:
        raise ConfigError(f"update.trust: {folder / 'root.json'}: {error}; copy it from the trainer again") from error
    return root, keys


def checked(loaded: Loaded, options: Options, clock: Clock) -> list[Finding]:
    """Whether what is configured can be used."""
    try:
        _, keys = trusted(options.trust, clock)
        name = served(loaded)
        https_of(options, clock)
    except ConfigError as error:
        return [from_message("update", str(error).removeprefix("update: "))]
    found = [Finding("update", "ok", f"{name} may be replaced; {keys.threshold} of {len(keys.keys)} keys assign")]
    if not (loaded.settings.export.enabled and loaded.settings.export.review.per_day):
        lost = "pictures that a new model and the one in force see differently are not kept for people to label"
        found.append(Finding("update", "note", lost, "set export.enabled and export.review.per_day where somebody labels"))
    return found


def served(loaded: Loaded) -> str:
    """The bundle that updates are for: that of the first stage which has one."""
    name = str(getattr(_looking(loaded), "bundle", ""))
    if "/" in name or name.endswith(".vdb"):
        raise ConfigError(f"update: the pipeline names the file {name}; name the bundle, which then may be a newer one")
    return name


def _looking(loaded: Loaded) -> object:
    """The options of that stage."""
    for _, options in loaded.stages.values():
        if isinstance(getattr(options, "bundle", None), str):
            return options
    raise ConfigError("update: no stage of the pipeline has a bundle; add one, or remove `update`")


def _factory(loaded: Loaded) -> StoredBundle:
    return read_bundle(shipped_bundle(served(loaded), loaded.settings))


def _box(loaded: Loaded, options: Options, slots: Slots, factory: StoredBundle) -> Callable[[], Box]:
    settings = loaded.settings
    wanted = getattr(_looking(loaded), "classes", None) or ()

    def box() -> Box:
        if pinned := Pin(settings.data).digest():
            raise Refusal("E_CONFIG", f"the owner of this box keeps {pinned}; `vedette models pin --off` there takes what is pushed")
        digest = slots.linked("current")
        label = slots.label(digest) if digest else None
        return Box(
            name=factory.manifest.name, task=factory.manifest.task, labels=tuple(label.labels if label else factory.manifest.labels),
            wanted=tuple(wanted), classes=options.classes, engine=settings.model.engine, tensorrt=_tensorrt(),
            software=version("vedette"), memory_mb=settings.model.trial_memory_mb, max_pixels=options.max_pixels,
        )  # fmt: skip

    return box


def _tensorrt() -> str | None:
    try:
        return version("tensorrt")
    except PackageNotFoundError:
        return None


class Said:
    """The last report, for the page; written by the updater alone."""

    def __init__(self) -> None:
        self.last: UpdateReport | None = None


def _posting(topics: Topics, around: Around, said: Said) -> Callable[[UpdateReport], None]:
    def post(report: UpdateReport) -> None:
        said.last = report
        around.notices.post_state(Letter(topics.up("update"), around.stamp.wrap("update", report).model_dump_json().encode(), retain=True))

    return post


def _asking(topics: Topics, around: Around) -> Callable[[ChunkAsk], None]:
    def ask(chunk: ChunkAsk) -> None:
        payload = around.stamp.wrap("chunk", chunk).model_dump_json().encode()
        around.notices.post_reply(Letter(topics.up("chunk"), payload, expiry_s=ASK_EXPIRY_S))

    return ask
