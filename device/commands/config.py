"""`vedette config`: the configurations that were pushed to this box: which there are, what is in one, the one before by hand."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from contracts.errors import ConfigError
from contracts.files import storage
from device.commands.arguments import add_config
from device.commands.configured import configured
from device.config import load
from device.problems import BadConfig
from device.update.config_slots import LINKS, Revisions
from device.update.config_starts import Starts

AFTER = "the box has it from its next start on (`systemctl restart vedette`)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", help="what to do")
    for name, words in (
        ("ls", "what was pushed, and which is current, good and previous"),
        ("show", "one as it came; without a name the one that is in force"),
        ("use", "this one is current from the next start on, also when it was rejected; it is not put on trial"),
        ("rollback", "the previous one, or none, is current from the next start on"),
    ):
        action = actions.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        if name in {"show", "use"}:
            action.add_argument("revision", nargs="?" if name == "show" else None, help="its hash or the beginning of it, or its number")
        action.add_argument("--json", action="store_true", help="print as JSON")
        add_config(action, again=True)


def run(args: argparse.Namespace) -> int:
    data = configured(args).settings.data
    revisions, starts = Revisions(data), Starts(data)
    if args.action == "ls":
        return _list(revisions, starts, as_json=args.json)
    if args.action == "show":
        return _show(revisions, starts, args.revision, as_json=args.json)
    with storage(revisions.folder):
        if args.action == "rollback":
            return _rollback(revisions, as_json=args.json)
        return _use(args, revisions, starts, _meant(revisions, args.revision))


def _row(revisions: Revisions, starts: Starts, digest: str) -> dict[str, Any]:
    label = revisions.label(digest)
    links = [name for name in LINKS if revisions.linked(name) == digest]
    return {
        "digest": digest,
        "rev": label.get("rev"),
        "target": label.get("target", "?"),
        "links": links,
        "rejected": starts.rejects(digest),
    }


def _list(revisions: Revisions, starts: Starts, *, as_json: bool) -> int:
    rows = [_row(revisions, starts, digest) for digest in revisions.digests()]
    if as_json:
        print(json.dumps(rows, indent=1))
        return 0
    for row in rows:
        on_trial = ["on trial"] if "current" in row["links"] and "good" not in row["links"] else []
        notes = [*row["links"], *on_trial, *(["rejected"] if row["rejected"] else [])]
        print(f"{row['digest'][:12]}  {row['target']}  {', '.join(notes)}".rstrip())
    if not rows:
        print("no configuration was pushed to this box", file=sys.stderr)
    return 0


def _show(revisions: Revisions, starts: Starts, said: str | None, *, as_json: bool) -> int:
    digest = _meant(revisions, said) if said else revisions.linked("current")
    if digest is None:
        raise ConfigError("config: no pushed configuration is in force; `vedette check --layers` shows what counts on this box")
    text = revisions.path(digest).read_text()
    if as_json:
        print(json.dumps({**_row(revisions, starts, digest), "text": text}, indent=1))
    else:
        print(text, end="" if text.endswith("\n") else "\n")
    return 0


def _rollback(revisions: Revisions, *, as_json: bool) -> int:
    if revisions.on_trial:
        revisions.back()
    elif revisions.linked("current") is None and revisions.linked("previous") is None:
        raise ConfigError("config: no pushed configuration is in force, and none was before; there is nothing to go back from")
    else:
        revisions.rollback()
    now = revisions.linked("current")
    words = f"{f'configuration {now[:12]} is' if now else 'no pushed configuration is'} in force; {AFTER}"
    print(json.dumps({"current": now}) if as_json else words)
    return 0


def _use(args: argparse.Namespace, revisions: Revisions, starts: Starts, digest: str) -> int:
    try:
        load(args.config, args.profile, revision=revisions.path(digest))
    except BadConfig as error:
        raise ConfigError(f"config: {digest[:12]} cannot be used on this box: {error}") from error
    starts.pardon(digest)
    if revisions.linked("good") != digest:
        revisions.link("previous", revisions.linked("good"))
        revisions.link("good", digest)
    revisions.link("current", digest)
    print(json.dumps({"current": digest}) if args.json else f"configuration {digest[:12]} is in force; {AFTER}")
    return 0


def _meant(revisions: Revisions, said: str) -> str:
    """ConfigError when it is none, or could be several."""
    found = [
        digest for digest in revisions.digests()
        if (len(said) >= 6 and digest.startswith(said)) or str(revisions.label(digest).get("rev")) == said
    ]  # fmt: skip
    if len(found) == 1:
        return found[0]
    what = "could be several" if found else "is not on this box"
    raise ConfigError(f"config: {said[:80]} {what}; `vedette config ls` shows what there is: give its hash, six letters at least")
