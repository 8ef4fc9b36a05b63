"""`vedette models`: the models on this box: which there are, which is in force, another by hand."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from contracts.errors import ConfigError
from contracts.files import storage
from device.commands.arguments import add_config, load_from
from device.commands.models_log import log
from device.update.boots import Boots
from device.update.pin import Pin
from device.update.slots import LINKS, SlotLabel, Slots
from vision.bundle import StoredBundle

AFTER = "the box runs it from its next start on (`systemctl restart vedette`)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", help="what to do")
    for name, words in (
        ("ls", "what is here, and which is current, previous and factory"),
        ("show", "one in full"),
        ("use", "this one is current from the next start on, also when it was rejected"),
        ("rollback", "the previous one is current from the next start on"),
        ("pin", "keep the current one, whatever is pushed"),
        ("log", "what became of what was pushed, step by step, the newest last"),
    ):
        action = actions.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        if name in {"show", "use"}:
            action.add_argument("model", help="its digest or the beginning of it, its version, or current, previous, factory")
        if name == "pin":
            action.add_argument("--off", action="store_true", help="take what is pushed again")
        if name == "log":
            action.add_argument("--most", type=int, default=40, metavar="N", help="so many steps (default 40)")
        action.add_argument("--json", action="store_true", help="print as JSON")
        add_config(action, again=True)


def run(args: argparse.Namespace) -> int:
    data = load_from(args).settings.data
    slots, boots, pin = Slots(data / "models"), Boots(data), Pin(data)
    if args.action == "ls":
        return _list(slots, boots, pin, as_json=args.json)
    if args.action == "log":
        return log(data, max(1, args.most), as_json=args.json)
    if args.action == "pin":
        return _pin(slots, pin, off=args.off, as_json=args.json)
    if args.action == "rollback":
        digest = slots.linked("previous")
        if digest is None:
            raise ConfigError("models: there is no previous one; see `vedette models ls`, and name one with `vedette models use`")
        return _use(slots, boots, digest, as_json=args.json)
    digest = _meant(slots, args.model)
    return (_use if args.action == "use" else _show)(slots, boots, digest, as_json=args.json)


def _list(slots: Slots, boots: Boots, pin: Pin, *, as_json: bool) -> int:
    rows = [_row(slots, boots, pin, digest) for digest in slots.digests()]
    if as_json:
        print(json.dumps(rows, indent=1))
        return 0
    for row in rows:
        notes = [*row["links"], *(["pinned"] if row["pinned"] else []), *(["rejected"] if row["rejected"] else [])]
        print(f"{row['digest'][:19]}  {row['name']} {row['version']}  {', '.join(notes)}".rstrip())
    if not rows:
        print("no model was pushed to this box; it runs the one it came with", file=sys.stderr)
    return 0


def _row(slots: Slots, boots: Boots, pin: Pin, digest: str) -> dict[str, Any]:
    label = slots.label(digest)
    return {
        "digest": digest, "name": label.name if label else "?", "version": label.version if label else "?",
        "links": [name for name in LINKS if slots.linked(name) == digest], "pinned": pin.digest() == digest,
        "rejected": boots.rejects(digest),
    }  # fmt: skip


def _show(slots: Slots, boots: Boots, digest: str, *, as_json: bool) -> int:
    bundle: StoredBundle = slots.open(digest)
    known = {
        "digest": digest, "path": str(bundle.path), "links": [name for name in LINKS if slots.linked(name) == digest],
        "rejected": boots.rejects(digest), **bundle.manifest.model_dump(mode="json", exclude={"chunks", "files", "golden"}),
    }  # fmt: skip
    print(json.dumps(known, indent=1) if as_json else "\n".join(f"{name}: {value}" for name, value in known.items() if value))
    return 0


def _use(slots: Slots, boots: Boots, digest: str, *, as_json: bool) -> int:
    """Every byte is checked before the link goes there."""
    slots.open(digest)
    with storage(boots.path):
        boots.pardon(digest)
    slots.flip(digest)
    label = slots.label(digest)
    name = f"{label.name} {label.version}, " if label else ""
    print(json.dumps({"current": digest}) if as_json else f"{name}{digest} is current; {AFTER}")
    return 0


def _pin(slots: Slots, pin: Pin, *, off: bool, as_json: bool) -> int:
    if off:
        pin.off()
        print(json.dumps({"pinned": None}) if as_json else "what is pushed is taken again")
        return 0
    digest = slots.linked("current")
    if digest is None:
        raise ConfigError("models: none is current; `update` must be configured and the box have run once")
    pin.on(digest)
    print(json.dumps({"pinned": digest}) if as_json else f"{digest} stays, whatever is pushed; `vedette models pin --off` ends that")
    return 0


def _meant(slots: Slots, said: str) -> str:
    """ConfigError when it is none, or could be several."""
    for link in LINKS:
        if said == link and (digest := slots.linked(link)) is not None:
            return digest
    labels: dict[str, SlotLabel | None] = {digest: slots.label(digest) for digest in slots.digests()}
    begin = said.removeprefix("sha256:")
    found = [
        digest for digest, label in labels.items()
        if (len(begin) >= 6 and digest.removeprefix("sha256:").startswith(begin)) or (label is not None and label.version == said)
    ]  # fmt: skip
    if len(found) == 1:
        return found[0]
    what = "could be several" if found else "is not on this box"
    raise ConfigError(f"models: {said} {what}; `vedette models ls` shows what there is: give its digest, six letters at least")
