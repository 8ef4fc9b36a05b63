"""Fetch as a job: what a box offers, into a data set of the home; goes on where it was when it is begun again."""

from __future__ import annotations

import os
from dataclasses import asdict

from pydantic import Field

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Name
from vision.strict import Strict

TOKEN = "VEDETTE_EXPORT_TOKEN"  # noqa: S105  the variable's name
LARGEST_TOKEN = 4096


class Arguments(Strict):
    box: str = Field(pattern=r"^https?://[^\s/?#@]{1,253}/?$", description="address of the box's page, such as http://box:8088")
    into: Name
    token: Name | None = Field(default=None, description="name of a file in the home's keys/ with the box's page.export_token")
    ca: Name | None = Field(default=None, description="name of a PEM file in the home's keys/: who signed the box's certificate")
    only: tuple[str, ...] = Field(default=(), max_length=100, description="these data sets of the box alone")
    parallel: int = Field(default=4, ge=1, le=64, description="pictures at a time")


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from trainer.home import named
    from trainer.jobs.works.fetch_told import Fetching
    from trainer.receive import Receiver
    from trainer.receive_http import HttpBox
    from trainer.receive_report import Report

    ca = named(given.home.keys, arguments.ca) if arguments.ca else None
    box = HttpBox(arguments.box, _token(arguments, given), ca=ca, parallel=arguments.parallel)
    report = Report()
    with Fetching(told) as fetching:
        try:
            into = named(given.home.sets, arguments.into)
            receiver = Receiver(into, parallel=arguments.parallel, progress=fetching, stop=fetching.stop)
            receiver.round(box, report, only=arguments.only)
        finally:
            box.close()
    return asdict(report)


def _token(arguments: Arguments, given: Given) -> str | None:
    """Never among the arguments, which everybody may read."""
    from contracts.errors import ConfigError
    from trainer.home import named

    if arguments.token is None:
        return os.environ.get(TOKEN) or None
    path = named(given.home.keys, arguments.token)
    try:
        with path.open("rb") as file:
            token = file.read(LARGEST_TOKEN).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"token {arguments.token}: cannot be read ({error}); put the box's page.export_token into {path}") from error
    if not token or not token.isprintable():
        raise ConfigError(f"token {arguments.token}: is empty; put the box's page.export_token into {path}, one line")
    return token
