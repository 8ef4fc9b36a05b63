"""`vedette setup-code`: the one-time code with which the first-boot page lets somebody in."""

from __future__ import annotations

import argparse
import json

from contracts.errors import ConfigError
from device.commands.arguments import add_config, load_from
from device.record.tenancy import running
from device.setup.code import SetupCode
from device.setup.standing import unclaimed
from device.web.certificate import fingerprint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def run(args: argparse.Namespace) -> int:
    """The running box made it; who asks before that is told so, and makes no file that the service could not read."""
    loaded = load_from(args)
    if not unclaimed(loaded):
        raise ConfigError("this box has an owner: log in on its page; to give it to another, `vedette factory-reset`")
    data = loaded.settings.data
    code = SetupCode(data).read()
    if not code:
        state = "has just begun" if running(data) else "does not run"
        raise ConfigError(f"{data}: there is no code yet, the box {state}; start it (systemctl start vedette) and ask again")
    known = fingerprint(data)
    said = [code, *([f"the page's certificate, SHA-256: {known}"] if known else [])]
    print(json.dumps({"code": code, **({"fingerprint": known} if known else {})}) if args.json else "\n".join(said))
    return 0
