"""vedette-trainer bundle: a model with all that belongs to it, made of a run, shown, checked, signed."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from contracts.shown import shown

if TYPE_CHECKING:
    from contracts.dsse import PublicKey
    from trainer.home import Home

SUMMARY = "bundles: made of a run and its verdict, shown, checked, signed"
BUNDLE = "a file or folder, or one of the home's by its digest, a beginning of it, or NAME@VERSION"
FORMS = ("onnx", "int8", "fp16")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do; each has its own --help")
    _make(_action(actions, "make", "make a bundle of a run: with a verdict that passes, or a draft to be judged"))
    show = _action(actions, "show", "say what is in a bundle")
    verify = _action(
        actions, "verify", "check structure, hashes, network, golden answers and signature; exit code 1 when something is wrong"
    )
    sign = _action(actions, "sign", "say that this bundle was made here, in a signed envelope beside it")
    for parser_of in (show, verify, sign):
        parser_of.add_argument("bundle", metavar="BUNDLE", help=BUNDLE)
    key = "a public key; the bundle must be signed by one that is given; may be repeated (default: those in the home's keys)"
    verify.add_argument("--key", type=Path, action="append", default=[], metavar="PUB", help=key)
    sign.add_argument("--key", required=True, metavar="NAME", help="a key of the home, or its file")


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument(
        "--home", type=Path, default=None, help="the trainer's folder (default: $VEDETTE_TRAINER_HOME, else vedette-trainer-home)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _make(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("of", metavar="RUN", help="id of a run, or a folder with an export.json (a path with a slash)")
    parser.add_argument("--name", required=True, help="small letters, digits and hyphens; champions are per name")
    parser.add_argument("--version", required=True, help="three numbers, such as 1.2.0")
    parser.add_argument("--verdict", type=Path, metavar="FILE", help="what `gate --out` wrote about the draft of this run")
    parser.add_argument(
        "--draft", action="store_true", help="without a verdict that passes: to be judged; it says so and becomes no champion"
    )
    parser.add_argument("--parent", metavar="BUNDLE", help="what it was trained from: a bundle or its digest (default: what the run says)")
    parser.add_argument("--form", choices=FORMS, default="onnx", help="which of the exported files (default: onnx)")
    parser.add_argument(
        "--points", type=Path, metavar="FILE", help="confidences chosen by `evaluate --split val --choose --save`; of a draft"
    )
    parser.add_argument(
        "--golden", type=Path, nargs="+", default=[], metavar="IMAGE", help="golden pictures, in place of choosing them; of a draft"
    )
    parser.add_argument("--license", default="", help="of the model (default: what the export says)")
    parser.add_argument("--source", default="", help="where it comes from, a sentence for its card")


def run(args: argparse.Namespace) -> int:
    from trainer.home import Home, home_path

    home = Home(home_path(args.home))
    said, text = {"make": _made, "show": _shown, "verify": _verified, "sign": _signed}[args.action](args, home)
    print(json.dumps(said, indent=1, ensure_ascii=False) if args.json else shown(text))
    return 0


def _made(args: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    from trainer.registry.making import Request, make_bundle
    from trainer.registry.words import Saying

    request = Request(
        name=args.name,
        version=args.version,
        form=args.form,
        parent=args.parent,
        licence=args.license,
        source=args.source,
        draft=args.draft,
        points=args.points,
        golden=tuple(args.golden),
    )
    path = make_bundle(home, args.of, request, args.verdict, Saying())
    digest = f"sha256:{path.stem}"
    return {"bundle": str(path), "digest": digest, "draft": args.draft}, f"{path}\n{digest}"


def _shown(args: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    from trainer.registry.words import told_bundle
    from vision.bundle import read_bundle

    stored = read_bundle(find_bundle(home, args.bundle))
    manifest = stored.manifest.model_dump(mode="json")
    return {"bundle": str(stored.path), "digest": stored.digest, "manifest": manifest}, told_bundle(stored)


def _verified(args: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    from trainer.registry.checking import check_bundle
    from trainer.registry.words import told_checked

    trusted, names = _trusted(args.key, home)
    checked = check_bundle(find_bundle(home, args.bundle), trusted, signed=bool(args.key))
    who = [names[keyid] for keyid in checked.signers]
    verdict = checked.verdict.verdict.answer if checked.verdict else None
    said = {
        "bundle": str(checked.bundle.path), "digest": checked.bundle.digest, "golden": checked.golden, "signers": who, "verdict": verdict,
        "draft": checked.bundle.manifest.draft,
    }  # fmt: skip
    return said, told_checked(checked, who)


def _signed(args: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    from trainer.registry.keys import key_path, open_key, passphrase
    from trainer.registry.signing import sign_bundle
    from vision.bundle import read_bundle

    stored = read_bundle(find_bundle(home, args.bundle))
    key = open_key(key_path(home, args.key), passphrase())
    path = sign_bundle(stored, key)
    said = {"bundle": str(stored.path), "digest": stored.digest, "signature": str(path), "keyid": key.public.keyid}
    return said, f"{path}\nsigned by {key.public.keyid}"


def _trusted(files: list[Path], home: Home) -> tuple[Mapping[str, PublicKey], dict[str, str]]:
    """By id: the keys, and what they are called."""
    from trainer.registry.keys import public_keys, read_public

    named = [(path.stem, read_public(path)) for path in files] if files else [*public_keys(home)]
    return {key.keyid: key for _, key in named}, {key.keyid: name for name, key in named}


def find_bundle(home: Home, text: str) -> Path:
    """A path, or a bundle of the home by its digest, a beginning of it, or name@version."""
    from trainer.registry.registry import Registry
    from trainer.registry.verdicts import bundle_path
    from trainer.store.database import Database

    named = text.removeprefix("sha256:")
    if len(named) == 64 and set(named) <= set("0123456789abcdef") and bundle_path(home, named).is_file():
        return bundle_path(home, named)
    if Path(text).exists() or not re.fullmatch(r"[a-z0-9-]+@[0-9.]+|(sha256:)?[0-9a-f]{6,64}", text):
        return Path(text)
    database = Database(home.store)
    try:
        registry = Registry(database, home)
        return registry.file(registry.get(text))
    finally:
        database.close()
