"""vedette-trainer models, its other actions: the registry: which models there are, the champion of each name, what ran where."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.shown import shown

if TYPE_CHECKING:
    from trainer.registry.registry import Registry
    from trainer.registry.stays import Stay

ACTIONS = {
    "ls": "list models, newest first: their state, when they were added, their licence",
    "show": "say everything that is known of a model: its history, where it runs, its card",
    "history": "list what was decided: of one model, of a name, or of all; nothing of it is ever changed",
    "add": "enter a bundle: checked, kept under its digest",
    "judge": "enter a verdict of `gate` about a model",
    "champion": "say who the champion of a name is, or make one (--take): only one whose verdict takes the title",
    "retire": "offer a model no more, and say why",
    "where": "list the boxes a model ran on, and when",
    "ran": "list what ran on a box: ever, or at one time",
}
MODEL = "its digest, a beginning of it, or NAME@VERSION"


def add_arguments(actions: Any) -> None:
    for name, text in ACTIONS.items():
        parser = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        _subject(parser, name)
        home = "the trainer's folder (default: $VEDETTE_TRAINER_HOME, else vedette-trainer-home)"
        parser.add_argument("--home", type=Path, default=None, help=home)
        parser.add_argument(
            "--store", default=None, help="a SQLite file or postgresql://user@host/name (default: $VEDETTE_STORE, else the home's)"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")
        if name in {"add", "judge", "champion", "retire"}:
            parser.add_argument("--who", default=None, help="who says so; it is kept (default: the user)")
        if name in {"add", "champion", "retire"}:
            parser.add_argument("--why", default="", required=name == "retire", help="why; it is kept")


def _subject(parser: argparse.ArgumentParser, action: str) -> None:
    if action in {"show", "judge", "retire", "where"}:
        parser.add_argument(
            "model", metavar="MODEL", help=MODEL if action != "where" else f"{MODEL}; of one that is not here its whole digest"
        )
    elif action == "history":
        parser.add_argument("model", metavar="MODEL", nargs="?", help=f"{MODEL}, or a name (default: all)")
    elif action == "add":
        parser.add_argument("bundle", metavar="BUNDLE", help="a file or folder, or the digest of one of the home's")
    elif action == "champion":
        parser.add_argument("name", metavar="NAME", help="name of the models")
        parser.add_argument("--take", metavar="MODEL", help=f"make this one the champion: {MODEL}")
    elif action == "ran":
        parser.add_argument("device", metavar="BOX", help="id of a box")
        parser.add_argument("--at", default=None, metavar="TIME", help="such as 2026-11-22T03:36:26Z; without a zone it is UTC")
    else:
        parser.add_argument("--name", default=None, help="only models of this name")
    if action == "judge":
        parser.add_argument("--verdict", type=Path, required=True, metavar="FILE", help="what `gate --out` wrote")


def run(args: argparse.Namespace) -> int:
    from trainer.home import Home, home_path
    from trainer.registry.registry import Registry
    from trainer.store.database import Database

    home = Home(home_path(args.home))
    database = Database(args.store or home.store)
    try:
        said, text = RUN[args.action](args, Registry(database, home))
    finally:
        database.close()
    print(json.dumps(said, indent=1, ensure_ascii=False) if args.json else shown(text))
    return 0


def _ls(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    from trainer.registry.words import told_models

    found = registry.models(args.name)
    champions = frozenset(each.digest for name in {model.name for model in found} if (each := registry.champion(name)))
    answers = {change.model: str(change.answer) for change in registry.history() if change.kind == "judged"}
    said = [{**_model(each), "champion": each.digest in champions, "answer": answers.get(each.digest)} for each in found]
    return said, "\n".join(told_models(found, champions, answers))


def _show(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    from trainer.registry.words import told_bundle, told_history, told_stays
    from vision.bundle import read_bundle

    model = registry.get(args.model)
    history, stays = registry.history(model.digest), registry.where(model.digest)
    champion = registry.champion(model.name)
    said = {**_model(model), "champion": champion == model, "history": [asdict(each) for each in history], "where": _stays(stays)}
    parts = ["\n".join(told_history(history)), "\n".join(told_stays(stays, {})), told_bundle(read_bundle(registry.file(model)))]
    return said, "\n\n".join(parts if champion != model else ["It is the champion.", *parts])


def _history(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    from trainer.registry.words import told_history

    if args.model is None:
        found = registry.history()
    elif any(model.name == args.model for model in registry.models()):
        found = registry.history(name=args.model)
    else:
        found = registry.history(registry.get(args.model).digest)
    return [asdict(each) for each in found], "\n".join(told_history(found))


def _add(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    from trainer.commands.bundle import find_bundle

    model = registry.add(find_bundle(registry.home, args.bundle), _who(args), args.why)
    judged = [change for change in registry.history(model.digest) if change.kind == "judged"]
    verdict = (
        f"judged: {judged[-1].answer}" if judged else "a draft" if model.draft else "not judged: no verdict that is known here is in it"
    )
    return {**_model(model), "answer": judged[-1].answer if judged else None}, f"{model.name} {model.version} {model.digest}\n{verdict}"


def _judge(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    model = registry.get(args.model)
    verdict = registry.judge(model.digest, args.verdict, _who(args))
    said = {"digest": model.digest, "answer": verdict.verdict.answer, "takes_the_title": verdict.takes_the_title}
    return said, f"{model.name} {model.version}: {said['answer']}{', may become the champion' if verdict.takes_the_title else ''}"


def _champion(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    if args.take is not None:
        model = registry.get(args.take)
        _same_name(args.name, model.name)
        registry.crown(model.digest, _who(args), args.why)
    champion = registry.champion(args.name)
    if champion is None:
        return None, f"{args.name}: has no champion"
    return _model(champion), f"{champion.name} {champion.version} {champion.digest}"


def _retire(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    model = registry.get(args.model)
    registry.retire(model.digest, _who(args), args.why)
    return _model(model), f"{model.name} {model.version}: retired; boxes keep what they have"


def _where(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    whole = args.model.startswith("sha256:") and len(args.model) == 71
    found = registry.where(args.model if whole else registry.get(args.model).digest)
    return _stays(found), _lines(registry, found) if found else "no box named it yet"


def _ran(args: argparse.Namespace, registry: Registry) -> tuple[Any, str]:
    found = registry.ran(args.device, None if args.at is None else _time(args.at))
    return _stays(found), _lines(
        registry, found
    ) if found else f"{args.device}: nothing is known to have run there{' then' if args.at else ''}"


RUN: Mapping[str, Callable[[argparse.Namespace, Any], tuple[Any, str]]] = {
    "ls": _ls, "show": _show, "history": _history, "add": _add, "judge": _judge, "champion": _champion, "retire": _retire,
    "where": _where, "ran": _ran,
}  # fmt: skip


def _lines(registry: Registry, found: list[Stay]) -> str:
    from trainer.registry.words import told_stays

    names = {model.digest: f"{model.name} {model.version}" for model in registry.models()}
    return "\n".join(told_stays(found, names))


def _stays(found: list[Stay]) -> list[dict[str, Any]]:
    return [asdict(each) for each in found]


def _model(model: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(model).items() if name not in {"card", "manifest"}}


def _who(args: argparse.Namespace) -> str:
    return args.who if args.who is not None else getpass.getuser()


def _same_name(wanted: str, name: str) -> None:
    from contracts.errors import ConfigError

    if wanted != name:
        raise ConfigError(f"champion {wanted}: that model is called {name}; a champion is one of its own name")


def _time(text: str) -> int:
    from contracts.errors import ConfigError

    try:
        said = datetime.fromisoformat(text.replace("Z", "+00:00"))
        known = said if said.tzinfo else said.replace(tzinfo=timezone.utc)
        return int(known.timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"--at {text[:40]!r}: is no time; write it as 2026-11-22T03:36:26Z") from error
