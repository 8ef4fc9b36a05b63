"""A process that forks boxes: each does what the appliance does and says what it has acknowledged, until it is killed.

Orders come on standard input, one JSON document a line; what is acknowledged goes out the same way, each line in one write.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import wraps
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any
from zlib import crc32

from contracts.errors import VedetteError
from contracts.shipment import Acknowledge, PageHead
from contracts.wire import utc_from_ns
from dataset.offer import Offer
from dataset.receipts import Receipts
from dataset.store import Store
from device.app import Appliance
from device.clock import SystemClock
from device.commands import clips, dataset, verify_export  # noqa: F401 - loaded before the fork: each box is quick
from device.config import load
from device.export import finisher
from device.keep.sessions import SessionShelf
from device.logs import set_up
from device.main import main as vedette
from device.publish.outbox import Outbox
from device.record import pictures, takes
from device.record.clip import ClipWriter
from device.record.index import Index
from device.record.recorder import Recorder
from device.record.take import Take
from device.record.take_video import Writing
from tests.hostile.power_box import Sees, Tape, device_yaml, film

OUT = 1
RECEIVER = "7" * 32
STEPS = (
    (ClipWriter, "close"), (Writing, "close"), (Store, "commit"), (Store, "bury"), (Index, "remove"), (finisher, "make_files"),
    (pictures, "write_durably"), (takes.Sessions, "place"), (SessionShelf, "remove"),
)  # fmt: skip
LONGEST_S = 50
ATOMIC = 4000  # bytes that a pipe takes whole; a line that is torn by a kill could not be told from another


def say(what: str, **facts: Any) -> None:
    """With the time at which it is said: what was acknowledged after the cut is nobody's promise."""
    line = json.dumps({"a": what, "t": time.monotonic_ns(), **facts}, separators=(",", ":")).encode() + b"\n"
    assert len(line) <= ATOMIC, what
    os.write(OUT, line)


def after(cls: Any, name: str, then: Callable[..., None]) -> None:
    """Call `then(answer, *arguments)` whenever the real method has returned."""
    real = getattr(cls, name)

    @wraps(real)
    def both(*args: Any, **kwargs: Any) -> Any:
        answer = real(*args, **kwargs)
        then(answer, *args, **kwargs)
        return answer

    setattr(cls, name, both)


def before(owner: Any, name: str) -> None:
    """Say it when the real one is called: who cuts the power may want to do it just then."""
    real = getattr(owner, name)

    @wraps(real)
    def both(*args: Any, **kwargs: Any) -> Any:
        say("about", to=real.__qualname__)
        return real(*args, **kwargs)

    setattr(owner, name, both)


def listen(chance: random.Random) -> None:
    """Whatever the appliance may rely on from now on is told, at the instant at which it may."""
    Tape.told = staticmethod(lambda p: say("packet", camera=p.camera, end=p.pts_ns + p.duration_ns, t=time.monotonic_ns()))
    for owner, name in STEPS:
        before(owner, name)
    after(Index, "add", lambda _none, _self, clip, video: say("clip", video=video, bytes=clip.bytes, sha256=clip.sha256))
    after(Sees, "__call__", lambda _scene, _self, scene: say("seen", camera=scene.frame.camera))
    after(Recorder, "step", lambda _busy, _self: say("turn", t=time.monotonic_ns()))
    after(pictures, "write_durably", lambda _none, path, data, *_: say("picture", name=path.name, sha256=sha256(data).hexdigest()))
    after(Store, "commit", _committed)
    after(Store, "acknowledge", lambda _none, _self, found, *_: say("has", images=[known.id for known in found]))
    after(Store, "bury", lambda _count, _self, found, *_: say("buried", images=[known.id for known in found]))
    after(Take, "close", _take)
    after(takes.Sessions, "end", lambda name, _self, _why: say("session", name=name))
    after(finisher, "make_files", lambda made, folder, _frames: say("files", take=folder.name, made=made is not None))
    after(Outbox, "_settle", lambda _none, self, _written, acked: _outbox(self, acked, chance))


def _committed(_none: None, _self: Store, batch: Any) -> None:
    for each in batch:
        say("record", id=str(each.record.id), image=each.record.image_id)


def _take(clips_of_it: Any, self: Take) -> None:
    say("take", folder=f"{self.folder.parent.name}/{self.folder.name}", clips={clip.file: clip.sha256 for clip in clips_of_it})


def _outbox(outbox: Outbox, acked: dict[int, int], chance: random.Random) -> None:
    """What is in the journal now; and a broker that has some of it, whose word the journal may forget."""
    told = outbox.__dict__.setdefault("told", None)
    if told is None:
        outbox.__dict__["told"] = outbox.last_seq
        return
    for row in outbox.pending(told, outbox.last_seq, 1000):
        say("event", seq=row.seq, crc=crc32(row.body.encode()))
    outbox.__dict__["told"] = outbox.last_seq
    for row in outbox.pending(0, outbox.last_seq, 8):
        if chance.random() < 0.5 and row.seq not in acked:
            say("delivered", seq=row.seq)  # from now on it may be gone
            outbox.acknowledge(row.seq)


def ship(root: Path, clock: SystemClock) -> None:
    """The trainer fetches a page and acknowledges it, for ever."""
    offer = Offer(root, "box-01", "dataset")
    while not threading.Event().wait(0.15):
        try:
            if offer.state().dataset is None:
                continue
            receipts = Receipts(offer)
            page = offer.page(receipts.positions().get(RECEIVER, 0), 5)
            head = PageHead.model_validate_json(page.partition(b"\n")[0])
            if head.upto == head.after:
                continue
            taken = {"device": "box-01", "dataset": head.dataset, "receiver": RECEIVER, "after": head.after, "upto": head.upto}
            receipts.take(Acknowledge(**taken, sha256=head.sha256), utc_from_ns(clock.wall_ns()))
            say("receipt", upto=head.upto)
        except VedetteError as error:  # the disk is gone
            say("shipping", reason=str(error)[:200])


def play(order: dict[str, Any]) -> None:
    """The appliance, for ever."""
    listen(random.Random(order["seed"]))
    data, clock = Path(order["data"]), SystemClock()
    box = Appliance(load(device_yaml(Path(order["yaml"]), data, fps=order["fps"])), clock)
    box.start()
    say("started")
    threading.Thread(target=ship, args=(data / "dataset", clock), daemon=True).start()
    box.crew.wait(None)
    name, crash = box.crew.crash or ("", None)
    say("crashed", t=time.monotonic_ns(), worker=name, reason=repr(crash)[:500])
    threading.Event().wait()


def recover(order: dict[str, Any]) -> None:
    """The next start, by which everything is mended; then what the owner's own commands say."""
    data = Path(order["data"])
    path = device_yaml(Path(order["yaml"]), data, silent=True)
    mend(path, data)
    for _ in range(order.get("again", 0)):
        before = tree_of(data)
        mend(path, data)
        now = tree_of(data)
        say("again", changed=sorted(name for name in {*before, *now} if before.get(name) != now.get(name))[:10])
    say("verdict", **verdict(path, data))


def mend(path: Path, data: Path) -> None:
    box = Appliance(load(path), SystemClock())
    box.start()
    try:
        deadline = time.monotonic() + LONGEST_S
        while not (box.index.complete and "storage" in box.board.parts()) or unmade(data):
            assert not box.crew.wait(0.01), box.crew.crash
            assert time.monotonic() < deadline, f"{box.board.parts()}, {unmade(data)}"
        if box.training and (data / "dataset" / "manifest.jsonl").exists():
            box.training.opened()
    finally:
        box.stop(60)
    say("word", parts={name: f"{part.state}: {part.reason[:300]}" for name, part in box.board.parts().items() if name != "mqtt"})


def unmade(data: Path) -> list[Path]:
    """Takes whose files the worker still makes."""
    return list((data / "recordings").glob("*/*/take.jsonl.part"))


def tree_of(data: Path) -> dict[str, tuple[int, int, int]]:
    """What a second start has to leave exactly as it is; databases, locks and figures are not what was recorded."""
    found = {}
    for top in ("clips", "recordings", "dataset", "salvage", "events"):
        for path in (data / top).rglob("*"):
            if path.is_file() and not path.name.startswith(("index.sqlite", "lock", "metadata.json")):
                status = path.stat()
                found[path.relative_to(data).as_posix()] = (status.st_size, status.st_mtime_ns, status.st_ino)
    return found


def verdict(path: Path, data: Path) -> dict[str, Any]:
    """Exit code of each command and what it found, as an owner would run them."""
    found = {"clips check": run(["clips", "check", "--json", "--config", str(path)])}
    if (data / "dataset" / "manifest.jsonl").exists():
        found["dataset check"] = run(["dataset", "check", str(data / "dataset"), "--decode", "--json"])
    for session in sorted((data / "recordings").glob("session-*")) if (data / "recordings").exists() else ():
        found[f"verify-export {session.name}"] = exported(session)
    return {"wrong": {name: text[:800] for name, (code, text) in found.items() if code}, "asked": len(found)}


def exported(session: Path) -> tuple[int, str]:
    """A take that was cut may be without a camera of which nothing was safe yet, and its manifest says so; one right after a start, on
    a machine that is busy, without the pre-roll. Else all is there."""
    code, said = run(["verify-export", str(session), "--json"])
    wrong = [each for each in json.loads(said)["findings"] if each["level"] == "error"]
    wrong_code = bool(wrong)
    wrong = [each for each in wrong if "later than the pre-roll asks" not in each["text"]]
    left = [each for each in wrong if not (each["text"].startswith("has 0 clips") and recovered(session / each["what"]))]
    assert code == wrong_code
    return len(left), json.dumps(left)[:800]


def recovered(manifest: Path) -> bool:
    return bool(json.loads(manifest.read_bytes())["state"] == "recovered")


def run(words: list[str]) -> tuple[int, str]:
    said = StringIO()
    with redirect_stdout(said):
        code = vedette(["--log", "ERROR", *words])
    return code, said.getvalue()


def child(order: dict[str, Any]) -> None:
    if log := order.get("log"):
        logging.basicConfig(filename=log, level=logging.INFO, force=True)
    try:
        (play if order["do"] == "play" else recover)(order)
    except BaseException as error:
        logging.getLogger().critical("ended", exc_info=True)
        say("ended", t=time.monotonic_ns(), reason=f"{type(error).__name__}: {error}"[:1000])
        os._exit(1)
    os._exit(0)


def main() -> None:
    set_up("WARNING")
    film()
    gc.collect()
    gc.freeze()
    say("ready")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            child(json.loads(line))
        say("pid", pid=pid)
        _, status = os.waitpid(pid, 0)
        say("over", status=status)


if __name__ == "__main__":
    main()
