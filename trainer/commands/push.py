"""vedette-trainer push: what boxes may run: released, listed, withdrawn, and served to them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from contracts.shown import shown

SUMMARY = "what boxes may run: release a bundle, list, withdraw, sign anew, serve"
ACTIONS = {
    "release": "release a bundle of the registry: the champion, or one whose verdict passes; signed, under the release key's passphrase",
    "ls": "list what is released",
    "withdraw": "take a release back: no box begins with it any more, those that run it go on",
    "renew": "sign what is released for as long as if it were new; needs the release key's passphrase",
    "serve": "serve it to boxes over HTTPS until stopped",
    "refresh": "sign snapshot and timestamp anew (`work` does it each day)",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    for name, text in ACTIONS.items():
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        if name == "release":
            action.add_argument("model", nargs="?", help="digest, a beginning of it, or name@version")
            unjudged = "why a model goes out that no gate judged, such as one made elsewhere; is kept in the audit"
            action.add_argument("--unjudged", default="", metavar="WORDS", help=unjudged)
            versions = "least version and the first that is too new, of boxes whose engine that is: others do not fetch it"
            action.add_argument("--tensorrt", nargs=2, metavar=("LEAST", "BEYOND"), help=versions)
            action.add_argument("--config", type=Path, metavar="FILE", help="a configuration instead: what it says counts on boxes")
            action.add_argument("--name", default="fleet", help="of the configuration: its numbers count by name (default fleet)")
        if name == "withdraw":
            action.add_argument("target", help="as `push ls` has it")
        if name == "serve":
            _serve(action)
        home = "the trainer's folder (default: $VEDETTE_TRAINER_HOME, else vedette-trainer-home)"
        action.add_argument("--home", type=Path, default=None, help=home)
        action.add_argument("--json", action="store_true", help="print JSON")


def _serve(action: argparse.ArgumentParser) -> None:
    action.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    action.add_argument("--port", type=int, default=8443, help="TCP port; 0 takes a free one (default 8443)")
    action.add_argument("--tls-cert", type=Path, metavar="PEM", help="certificate with its chain; needed where others reach it")
    action.add_argument("--tls-key", type=Path, metavar="PEM", help="its key, without a passphrase")
    action.add_argument("--client-ca", type=Path, metavar="PEM", help="authority of the boxes: who shows no certificate of it gets nothing")
    action.add_argument("--crl", type=Path, metavar="PEM", help="the authority's list of what was revoked; read anew when it changes")


def run(args: argparse.Namespace) -> int:
    if args.action == "serve":
        return _served(args)
    from trainer.accounts.audit import HERE, Audit
    from trainer.clock import SystemClock
    from trainer.home import Home, home_path
    from trainer.push.place import Place
    from trainer.push.repository import Repository
    from trainer.store.database import Database

    home, clock = Home(home_path(args.home)), SystemClock()
    repository = Repository(Place(home), clock)
    database = Database(home.store)
    try:
        what, done = _did(args, home, repository, database)
        if args.action in {"release", "withdraw", "renew"}:
            Audit(database, clock).note(HERE, f"push {args.action}", what, **done)
    finally:
        database.close()
    released = [model.model_dump() for model in repository.everything().values()]
    said = {**done, "released": released}
    print(json.dumps(said, indent=1) if args.json else shown(_words(args.action, what, released)))
    return 0


def _did(args: argparse.Namespace, home: Any, repository: Any, database: Any) -> tuple[str, dict[str, Any]]:
    from datetime import timedelta

    from contracts.errors import ConfigError
    from trainer.push.configs import release_config
    from trainer.push.keys import targets_key
    from trainer.push.place import Place
    from trainer.push.releasing import release
    from trainer.registry.keys import passphrase
    from trainer.registry.registry import Registry

    if args.action in {"ls", "refresh"}:
        new = args.action == "refresh" and repository.refresh(timedelta(0))
        return "", {"refreshed": bool(new)}
    key = targets_key(Place(home), passphrase(of=" of the release key"))
    if args.action == "release":
        if bool(args.model) == bool(args.config):
            raise ConfigError("push release: name a model, or a configuration with --config FILE")
        if args.config and args.tensorrt:
            raise ConfigError("push release: --tensorrt is of a model; leave it out with --config")
        if args.config:
            revision = release_config(repository, args.config, args.name, key)
            return revision.target, {"sha256": revision.sha256, "rev": revision.rev}
        tensorrt = tuple(args.tensorrt) if args.tensorrt else None
        model = release(repository, Registry(database, home), args.model, key, args.unjudged, tensorrt)
        return model.target, {"digest": model.digest, **({"unjudged": args.unjudged} if args.unjudged else {})}
    if args.action == "withdraw":
        repository.withdraw(args.target, key)
        return args.target, {}
    repository.renew(key)
    return "", {}


def _served(args: argparse.Namespace) -> int:
    import signal
    import threading

    from pydantic import ValidationError

    from contracts.envelope import first_fault
    from contracts.errors import ConfigError
    from trainer import logs
    from trainer.clock import SystemClock
    from trainer.home import Home, home_path
    from trainer.push.place import Place
    from trainer.push.server import FileServer, Options
    from trainer.push.upkeep import Upkeep

    logs.set_up()
    home, clock, stop = Home(home_path(args.home)), SystemClock(), threading.Event()
    place = Place(home)
    place.require()
    try:
        options = Options(
            host=args.host, port=args.port, tls_cert=args.tls_cert, tls_key=args.tls_key, client_ca=args.client_ca, crl=args.crl
        )  # fmt: skip
    except ValidationError as error:
        raise ConfigError(f"push serve: {first_fault(error)}") from error
    server = FileServer(place, clock, options)
    server.start()
    threading.Thread(target=Upkeep(home, clock).run, args=(stop,), name="upkeep", daemon=True).start()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: server.close())
    print(server.address, flush=True)
    server.work()
    stop.set()
    return 0


def _words(action: str, what: str, released: list[dict[str, Any]]) -> str:
    if action == "ls":
        return (
            "\n".join(f"{each['target']}  {each['length']} bytes  {each.get('digest') or each['sha256']}" for each in released)
            or "nothing is released"
        )
    return f"{action}: {what or 'done'}"
