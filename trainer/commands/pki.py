"""vedette-trainer pki: the fleet's own authority: who its broker, its boxes and its trainer are."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.shown import shown

if TYPE_CHECKING:
    from trainer.pki.authority import Issued, Kind

SUMMARY = "certificates of a fleet: make an authority, sign boxes, broker, trainer and its server, renew, revoke"
VARIABLE = "VEDETTE_PKI_PASSPHRASE"
FOLDER = "VEDETTE_PKI"
SERVERS = ("broker", "server")
SOON_DAYS = 60
DAYS = {"broker": 825, "server": 825, "box": 825, "trainer": 825, "client": 825}
NAMED = {"broker": "broker", "server": "push-server", "trainer": "trainer"}  # where no name is given
WORDS = {
    "init": "make an authority; keep its folder off the network, and a copy of it elsewhere",
    "broker": "sign the broker: --host names and addresses under which boxes reach it",
    "server": "sign what the trainer serves over HTTPS: `push serve` and its page; --host names and addresses under which it is reached",
    "box": "sign boxes by their device ids; each gets a folder to be brought to it",
    "trainer": "sign the trainer, who may tell every box what to do",
    "client": "sign homeassistant or node-red, who read what all boxes say and give them commands",
    "renew": "new keys and certificates for those that end within --within days",
    "revoke": "all certificates of a name count no more, once the broker has the list",
    "ls": "what was signed, and what ends soon",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    for name, text in WORDS.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        place = f"the authority's folder (or set {FOLDER}; default pki)"
        action.add_argument("--dir", type=Path, default=Path(os.environ.get(FOLDER) or "pki"), metavar="FOLDER", help=place)
        action.add_argument("--json", action="store_true", help="print JSON")
        if name == "init":
            action.add_argument("--name", default="Vedette fleet", help="what the authority calls itself")
            action.add_argument("--days", type=int, default=3650, help="how long it counts (default: ten years)")
            action.add_argument("--no-passphrase", action="store_true", help="whoever has its folder can sign; for a lab")
        if name in DAYS:
            words = f"its name (default {NAMED[name]})" if name in NAMED else "device ids"
            default = [NAMED[name]] if name in NAMED else None
            action.add_argument("names", nargs="*" if name in NAMED else "+", metavar="NAME", default=default, help=words)
            action.add_argument("--days", type=int, default=DAYS[name], help=f"how long it counts (default {DAYS[name]})")
        if name in SERVERS:
            action.add_argument("--host", action="append", default=[], help="a name or address; may be repeated")
        if name == "renew":
            action.add_argument("--within", type=int, default=SOON_DAYS, metavar="DAYS", help=f"default {SOON_DAYS}")
            action.add_argument("--days", type=int, default=DAYS["box"], help="how long the new ones count")
        if name == "revoke":
            action.add_argument("name")
            action.add_argument("--why", required=True, help="it is kept: lost, sold, key seen by others, ...")


def run(args: argparse.Namespace) -> int:
    from trainer.pki.authority import Authority, make_authority

    now = datetime.now(timezone.utc).replace(microsecond=0)
    if args.action == "init":
        make_authority(args.dir, args.name, args.days, now, _new_passphrase(args.no_passphrase))
        _say(args, {"authority": str(args.dir)}, f"{args.dir}: ca.pem is for everybody, ca.key for nobody else")
        return 0
    authority = Authority(args.dir)
    if args.action == "ls":
        _list(args, authority.issued(), now)
    elif args.action == "revoke":
        count = authority.revoke(args.name, args.why, now, _passphrase(authority.folder))
        mend = f"give {args.dir / 'revoked.pem'} to the broker, which reads it at `systemctl reload mosquitto`, and to `push serve --crl`"
        _say(args, {"revoked": count}, f"{args.name}: {count} certificate(s) revoked; {mend}")
    else:
        _sign(args, authority.issued(), now)
    return 0


def _sign(args: argparse.Namespace, issued: list[Issued], now: datetime) -> None:
    from contracts.topics import SHOWING  # signed as boxes once
    from trainer.pki.authority import Authority

    authority, passphrase = Authority(args.dir), _passphrase(args.dir)
    if args.action == "renew":
        newest = {each.name: each for each in issued if each.revoked is None}
        wanted = [each for each in newest.values() if each.until - now < timedelta(days=args.within)]
        kinds: dict[str, Kind] = {each.name: "client" if each.name in SHOWING else each.kind for each in wanted}
        made = [authority.sign(each.name, kinds[each.name], each.hosts, args.days, now, passphrase) for each in wanted]
    else:
        hosts = args.host if args.action in SERVERS else []
        made = [authority.sign(name, args.action, hosts, args.days, now, passphrase) for name in args.names]
    words = "\n".join(f"{place}: key, certificate and ca.pem of {place.name}" for place in made) or "nothing ends soon"
    _say(args, {"made": [str(place) for place in made]}, words)


def _list(args: argparse.Namespace, issued: list[Issued], now: datetime) -> None:
    if args.json:
        print(json.dumps([each.model_dump(mode="json") for each in issued], ensure_ascii=False))
        return
    for each in issued:
        left = (each.until - now).days
        state = f"revoked: {each.why}" if each.revoked else "over" if left < 0 else f"{left} days left" + (", SOON" * (left < SOON_DAYS))
        print(shown(f"{each.name:24} {each.kind:8} {state}"))


def _say(args: argparse.Namespace, document: dict[str, object], words: str) -> None:
    print(json.dumps(document, ensure_ascii=False) if args.json else "\n".join(shown(line) for line in words.splitlines()))


def _passphrase(folder: Path) -> bytes | None:
    """Asked for only where the key is sealed."""
    sealed = b"ENCRYPTED" in (folder / "ca.key").read_bytes()[:64] if (folder / "ca.key").is_file() else False
    return _given("passphrase of the authority: ") if sealed else None


def _new_passphrase(none: bool) -> bytes | None:
    return None if none else _given("new passphrase of the authority: ", twice=True)


def _given(question: str, twice: bool = False) -> bytes:
    from contracts.errors import ConfigError

    if VARIABLE in os.environ:
        return os.environ[VARIABLE].encode()
    if not sys.stdin.isatty():
        raise ConfigError(f"pki: nobody is there to be asked for the passphrase; set {VARIABLE}")
    said = getpass.getpass(question)
    if twice and getpass.getpass("again: ") != said:
        raise ConfigError("pki: the two passphrases are not the same; begin again")
    return said.encode()
