"""vedette-trainer users: who may log in to the trainer's page, with which role, and who did what."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from contracts.errors import ConfigError
from contracts.shown import shown

if TYPE_CHECKING:
    from trainer.accounts.accounts import Accounts

SUMMARY = "who may log in to the trainer's page: add, ls, passwd, role, rm; and who did what (audit)"
PASSWORD = "VEDETTE_TRAINER_PASSWORD"  # noqa: S105  the variable's name
BROKEN = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    words = {
        "add": "let somebody in",
        "ls": "who may log in",
        "passwd": "give a user a new password; all sessions of that user end",
        "role": "give a user another role",
        "rm": "let somebody in no more",
        "audit": "who did what, newest first; with --check whether anything in it was changed (exit code 3)",
    }
    for name, text in words.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("--home", type=Path, metavar="FOLDER", help="the trainer's folder (or set VEDETTE_TRAINER_HOME)")
        action.add_argument("--store", metavar="STORE", help="another store than that of the home (or set VEDETTE_STORE)")
        action.add_argument("--json", action="store_true", help="print JSON")
        if name in {"add", "passwd", "role", "rm"}:
            action.add_argument("name", metavar="NAME")
        if name in {"add", "role"}:
            roles = "viewer looks, labeller also labels, admin does everything"
            action.add_argument("--role", required=True, metavar="ROLE", help=f"viewer, labeller or admin: {roles}")
        if name in {"add", "passwd"}:
            action.add_argument("--password-stdin", action="store_true", help=f"one line from stdin (or set {PASSWORD}); else it is asked")
        if name == "audit":
            action.add_argument("--check", action="store_true", help="go through all of it")
            action.add_argument("--limit", type=int, default=50, help="lines (default 50)")


def run(args: argparse.Namespace) -> int:
    from trainer.accounts.accounts import Accounts
    from trainer.clock import SystemClock
    from trainer.home import Home, home_path
    from trainer.store.database import Database

    database = Database(args.store or Home(home_path(args.home)).store)
    try:
        return _ACTIONS[args.action](Accounts(database, SystemClock()), args)
    finally:
        database.close()


def _add(accounts: Accounts, args: argparse.Namespace) -> int:
    from trainer.accounts.audit import HERE

    accounts.users.add(args.name, args.role, _password(args), HERE)
    return _say(args, {"added": args.name, "role": args.role})


def _passwd(accounts: Accounts, args: argparse.Namespace) -> int:
    from trainer.accounts.audit import HERE

    accounts.users.change_password(args.name, _password(args), HERE)
    return _say(args, {"changed": args.name})


def _role(accounts: Accounts, args: argparse.Namespace) -> int:
    from trainer.accounts.audit import HERE

    accounts.users.change_role(args.name, args.role, HERE)
    return _say(args, {"changed": args.name, "role": args.role})


def _rm(accounts: Accounts, args: argparse.Namespace) -> int:
    from trainer.accounts.audit import HERE

    accounts.users.remove(args.name, HERE)
    return _say(args, {"removed": args.name})


def _ls(accounts: Accounts, args: argparse.Namespace) -> int:
    found = accounts.users.all()
    if args.json:
        print(json.dumps([{"name": each.name, "role": each.role, "created_us": each.created_us} for each in found]))
        return 0
    for each in found:
        print(f"{each.name:30} {each.role}")
    return 0


def _audit(accounts: Accounts, args: argparse.Namespace) -> int:
    from contracts.wire import utc_from_ns, utc_text

    if args.check:
        broken = accounts.audit.broken()
        good = "no line of the audit was changed or taken out; what was cut off at its end cannot be seen"
        words = good if broken is None else f"the audit was changed, from line {broken} on"
        print(json.dumps({"whole": broken is None, "first_changed_line": broken}) if args.json else words)
        return 0 if broken is None else BROKEN
    for deed in accounts.audit.page(limit=max(1, min(args.limit, 1000))):
        row = {"time": utc_text(utc_from_ns(deed.t_us * 1000)), "who": deed.who, "address": deed.address, "action": deed.action}
        row |= {"what": deed.what, "detail": deed.detail}
        print(json.dumps(row, ensure_ascii=False) if args.json else shown("  ".join(row.values())))
    return 0


def _password(args: argparse.Namespace) -> str:
    """Never from the command line, which every user of this machine can read."""
    if args.password_stdin:
        return sys.stdin.readline(1024).rstrip("\r\n")
    if PASSWORD in os.environ:
        return os.environ[PASSWORD]
    if not sys.stdin.isatty():
        raise ConfigError(f"users {args.action}: nobody is there to be asked; give --password-stdin, or set {PASSWORD}")
    first = getpass.getpass(f"password of {args.name}: ")
    if first != getpass.getpass("once more: "):
        raise ConfigError("the two passwords differ; try again")
    return first


def _say(args: argparse.Namespace, said: dict[str, object]) -> int:
    print(json.dumps(said) if args.json else shown(", ".join(f"{name} {value}" for name, value in said.items())))
    return 0


_ACTIONS = {"add": _add, "ls": _ls, "passwd": _passwd, "role": _role, "rm": _rm, "audit": _audit}
