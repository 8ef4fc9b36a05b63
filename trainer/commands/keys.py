"""vedette-trainer keys: who signs bundles."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from contracts.shown import shown

SUMMARY = "keys that say who made a bundle"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    words = {
        "make": "make a key (Ed25519) under a passphrase, asked for or in $VEDETTE_KEY_PASSPHRASE; its public part is printed",
        "ls": "list whose signatures are believed here: every NAME.pub in the home's keys",
    }
    for name, text in words.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == "make":
            action.add_argument("name", help="letters, digits, dots, hyphens and underscores")
        home = "the trainer's folder (default: $VEDETTE_TRAINER_HOME, else vedette-trainer-home)"
        action.add_argument("--home", type=Path, default=None, help=home)
        action.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    from trainer.home import Home, home_path
    from trainer.registry.keys import make_key, passphrase, public_keys

    home = Home(home_path(args.home))
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
