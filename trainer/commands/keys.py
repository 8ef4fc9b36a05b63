"""vedette-trainer keys: who signs bundles, and the ceremony of those who release and assign them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.shown import shown

if TYPE_CHECKING:
    from trainer.home import Home
    from trainer.push.ceremony import Brought

SUMMARY = "keys: who made a bundle, who releases it, who assigns it to boxes"
BUNDLES = {
    "make": "make a key (Ed25519) under a passphrase, asked for or in $VEDETTE_KEY_PASSPHRASE; its public part is printed",
    "ls": "list whose signatures are believed here: every NAME.pub in the home's keys",
}
CEREMONY = {
    "init": "begin: root keys in folders of their own (taken away afterwards), the release key under a passphrase, the online keys",
    "rotate": "a new key for a role; boxes follow from the root they have",
    "revoke": "take out a key that was stolen or lost, and put another in its place",
    "show": "say which keys count, until when what they signed counts, and which were revoked",
}
ROLES = ("root", "targets", "online", "assignment")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    for name, text in (BUNDLES | CEREMONY).items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        _own(action, name)
        home = "the trainer's folder (default: $VEDETTE_TRAINER_HOME, else vedette-trainer-home)"
        action.add_argument("--home", type=Path, default=None, help=home)
        action.add_argument("--json", action="store_true", help="print JSON")


def _own(action: argparse.ArgumentParser, name: str) -> None:
    if name == "make":
        action.add_argument("name", help="letters, digits, dots, hyphens and underscores")
    if name == "rotate":
        action.add_argument("role", choices=ROLES, help="whose key; online: of snapshot and timestamp")
    if name == "revoke":
        action.add_argument("keyid", help="its id, or the first eight letters of it or more")
        action.add_argument("--why", required=True, help="is kept")
    if name in {"init", "rotate", "revoke"}:
        words = "a folder with a root key; once for each (passphrase of root asked for or in $VEDETTE_ROOT_PASSPHRASE)"
        action.add_argument("--root", type=Path, action="append", default=[], metavar="FOLDER", help=words)
    if name == "init":
        action.add_argument("--threshold", type=int, default=1, help="root keys that must sign (default 1)")
        for role, days, what in (("root", 730, "root"), ("targets", 365, "what is released"), ("fresh", 30, "snapshot and timestamp")):
            action.add_argument(f"--{role}-days", type=int, default=days, help=f"days that {what} counts (default {days})")


def run(args: argparse.Namespace) -> int:
    from trainer.home import Home, home_path

    home = Home(home_path(args.home))
    if args.action in CEREMONY:
        return _ceremony(args, home)
    from trainer.registry.keys import make_key, passphrase, public_keys

    if args.action == "make":
        make_key(home, args.name, passphrase(twice=True))
    known = [(name, key) for name, key in public_keys(home) if args.action == "ls" or name == args.name]
    if args.json:
        print(json.dumps([{"name": name, "keyid": key.keyid, **key.model_dump()} for name, key in known], indent=1))
        return 0
    for name, key in known:
        print(shown(f"{name:20} {key.keyid}  public {key.keyval.public}"))
    if args.action == "make":
        print(f"Keep {home.keys / (args.name + '.key')} and its passphrase; without either nobody can sign with it again.")
    return 0


def _ceremony(args: argparse.Namespace, home: Home) -> int:
    from trainer.accounts.audit import HERE, Audit
    from trainer.clock import SystemClock
    from trainer.push.place import Place
    from trainer.store.database import Database

    clock, place = SystemClock(), Place(home)
    done = {} if args.action == "show" else _held(args, home, clock)
    if done:
        database = Database(home.store)
        try:
            Audit(database, clock).note(HERE, f"keys {args.action}", str(done.get("role", "")), **done)
        finally:
            database.close()
    said = {**done, **_standing(place, clock)}
    print(json.dumps(said, indent=1) if args.json else shown(_words(said)))
    if args.action == "init" and not args.json:
        print(f"Boxes get {place.trust}/root.json and assignment.json. Take {', '.join(map(str, args.root))} away: nothing here needs it.")
    return 0


def _held(args: argparse.Namespace, home: Home, clock: Any) -> dict[str, Any]:
    from trainer.push import ceremony
    from trainer.push.place import Lives

    if args.action == "init":
        lives = Lives(root_days=args.root_days, targets_days=args.targets_days, fresh_days=args.fresh_days)
        ceremony.init(home, clock, _brought(args, root=True, targets=True, twice=True), args.threshold, lives)
        return {"role": "all", "threshold": args.threshold}
    if args.action == "rotate":
        gone = ceremony.rotate(home, clock, args.role, _brought(args, root=bool(args.root), targets=args.role in {"targets", "assignment"}))
        return {"role": args.role, "gone": gone}
    return {"role": ceremony.revoke(home, clock, args.keyid, args.why, _brought(args, root=bool(args.root), targets=True)), "why": args.why}


def _brought(args: argparse.Namespace, *, root: bool, targets: bool, twice: bool = False) -> Brought:
    from trainer.push.ceremony import Brought
    from trainer.push.keys import ROOT_VARIABLE
    from trainer.registry.keys import VARIABLE, passphrase

    return Brought(
        tuple(args.root),
        passphrase(twice, ROOT_VARIABLE, " of root") if root else "",
        passphrase(twice, VARIABLE, " of the release key") if targets else "",
    )


def _standing(place: Any, clock: Any) -> dict[str, Any]:
    from contracts.wire import utc_text
    from trainer.push.keys import gone
    from trainer.push.repository import Repository

    repository = Repository(place, clock)
    roles = [
        {"role": each.role, "version": each.version, "expires": utc_text(each.expires), "keys": each.keyids, "threshold": each.threshold}
        for each in repository.standing()
    ]
    assigning = repository.assignment_keys()
    return {
        "trust": str(place.trust),
        "roles": roles,
        "assignment": {"version": assigning.version, "keys": [key.keyid for key in assigning.keys], "threshold": assigning.threshold},
        "revoked": [each.model_dump(mode="json") for each in gone(place)],
    }


def _words(said: dict[str, Any]) -> str:
    rows = _done(said)
    rows += [
        f"{each['role']:10} version {each['version']:<5} until {each['expires'][:10]}  {each['threshold']} of {', '.join(each['keys'])}"
        for each in said["roles"]
    ]
    rows.append(f"assignment version {said['assignment']['version']:<5} {', '.join(said['assignment']['keys'])}")
    rows += [f"revoked    {each['role']} {each['keyid']} on {each['at'][:10]}: {each['why']}" for each in said["revoked"]]
    return "\n".join(rows)


def _done(said: dict[str, Any]) -> list[str]:
    """What was held just now, in a sentence."""
    if "gone" not in said and "why" not in said:
        return []
    did = "counts no more, another is in its place" if "why" in said else "has a new key"
    return [f"The key of {said['role']} {did}. Boxes and programs follow by themselves; what boxes run goes on running."]
