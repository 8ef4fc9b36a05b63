"""vedette-trainer gate: whether a model may be promoted, by the rules of a gates file."""

from __future__ import annotations

import argparse
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contracts.verdict import Cost, Incident, Override
    from trainer.gates.rules_file import GatesFile
    from trainer.judge.answers_file import Contestant

SUMMARY = "judge whether a model may be promoted: limits, champion and parent, past incidents, cost"
CODES = {"pass": 0, "fail": 3, "not_enough_data": 4}  # 1 is for what could not be judged, 2 for wrong arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("gates", type=Path, metavar="GATES", help="the rules, a YAML file (see docs/guide/gates.md)")
    parser.add_argument("--check", action="store_true", help="only examine the gates file")
    parser.add_argument("--data", type=Path, metavar="SET", help="the data set")
    parser.add_argument("--format", default=None, help="what it is (default: what it looks like)")
    parser.add_argument("--split", default="test", help="the part of it to judge on (default: test; empty: all)")
    parser.add_argument("--sides", type=Path, metavar="FILE", help="what `dataset split` wrote: says what is test, in place of the set")
    model = "a bundle, or a file of answers (evaluate --save)"
    parser.add_argument("--candidate", type=Path, metavar="MODEL", help=f"who wants to be promoted: {model}")
    parser.add_argument("--champion", type=Path, metavar="MODEL", help=f"the best so far: {model}")
    parser.add_argument("--parent", type=Path, metavar="MODEL", help=f"whom it was trained from: {model}")
    parser.add_argument("--cost", type=Path, action="append", default=[], metavar="FILE", help="figures a box measured; may be repeated")
    parser.add_argument("--override", action="append", default=[], metavar="RULE", help="set a rule aside; may be repeated")
    parser.add_argument("--reason", default="", help="why, with --override; it is kept")
    parser.add_argument("--name", default="", help="who says so, with --override; it is kept")
    parser.add_argument("--uses", type=Path, default=None, metavar="FILE", help=f"ledger of test sets (default: {uses_path()})")
    parser.add_argument("--threads", type=int, default=1, help="of the networks (default: 1)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="the verdict as JSON")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")


def uses_path() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state) / "vedette" / "test-sets.jsonl"


def run(args: argparse.Namespace) -> int:
    from contracts.errors import ConfigError
    from trainer.gates.rules_file import read_gates

    file = read_gates(args.gates)
    if args.check:
        print(f"{args.gates}: {len(file.gates.rules)} rules, no fault")
        return 0
    if args.data is None or args.candidate is None:
        raise ConfigError("gate: give --data SET and --candidate MODEL, or --check to examine the file alone")
    return _judge(args, file)


def _judge(args: argparse.Namespace, file: GatesFile) -> int:
    from contracts.files import write_durably
    from contracts.shown import shown
    from trainer.gates.court import Evidence, decide
    from trainer.gates.told import told
    from trainer.gates.trial import Trial
    from trainer.gates.uses import Uses
    from trainer.judge.answers_file import contestant
    from trainer.judge.asked import Asked
    from trainer.judge.loading import judged_root

    now = datetime.now(timezone.utc)
    overrides, incidents, costs = _overrides(args, now), _incidents(file), _costs(args)
    asked = Asked(args.data, args.format, args.split, file.gates.utc_offset_h, args.threads, args.sides)
    root = judged_root(asked.ground)
    golden = [incident.picture for each in incidents.values() for incident in each]
    paths = {"candidate": args.candidate, "champion": args.champion, "parent": args.parent}
    models = {who: contestant(asked.answers(path, golden), asked.ground) for who, path in paths.items() if path is not None}
    _refuse_flattered(models, root)
    trial = Trial(asked.ground, models, file.gates)
    ledger = Uses(args.uses or uses_path().expanduser())
    test_set = ledger.count(root, models["candidate"].model, now, file.gates.test_set)
    verdict = decide(file, trial, Evidence(test_set, incidents, costs, overrides), now)
    if args.out is not None:
        write_durably(args.out, verdict.model_dump_json(indent=1).encode() + b"\n")
    if args.json:
        print(verdict.model_dump_json(indent=1))
    else:
        for line in told(verdict):
            print(shown(line))
    return CODES[verdict.answer]


def _overrides(args: argparse.Namespace, now: datetime) -> list[Override]:
    from pydantic import ValidationError

    from contracts.errors import ConfigError
    from contracts.verdict import Override

    if not args.override and (args.reason or args.name):
        raise ConfigError("gate: --reason and --name belong to --override RULE; name the rule")
    try:
        return [Override(rule=rule, reason=args.reason.strip(), name=args.name.strip(), t=now) for rule in args.override]
    except ValidationError as error:
        raise ConfigError("gate --override: needs --name and a --reason of at least 10 letters; both are kept in the verdict") from error


def _incidents(file: GatesFile) -> dict[str, tuple[Incident, ...]]:
    from contracts.files import inside
    from trainer.gates.golden_checks import read_incidents
    from trainer.gates.rules import Golden

    folder = file.path.parent
    return {name: read_incidents(inside(folder, rule.file)) for name, rule in file.gates.rules.items() if isinstance(rule, Golden)}


def _costs(args: argparse.Namespace) -> list[Cost]:
    from trainer.gates.cost_checks import read_cost

    return [read_cost(path) for path in args.cost]


def _refuse_flattered(models: dict[str, Contestant], root: str) -> None:
    """Operating points that were chosen on the test set itself."""
    from contracts.errors import ConfigError

    for who, model in models.items():
        if model.points_root == root:
            raise ConfigError(f"{who} {model.model}: its operating points were chosen on these very pictures; choose them on val")
