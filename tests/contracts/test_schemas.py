"""The JSON Schemas in contracts/schemas: generated, complete, and true of what is really written."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator
from datetime import datetime, timezone
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

import contracts
from contracts.envelope import Envelope
from contracts.event import Event, event_id
from contracts.status import Alert, Status
from contracts.wire import Wire
from scripts import schemas

WHEN = datetime(2026, 11, 22, 3, 36, 26, 123456, tzinfo=timezone.utc)
EVENT = Event(
    id=event_id("file", "object", 100), life="new", kind="object", camera="yard", label="person", confidence=0.5, start=WHEN, t=WHEN,
    start_pts_ns=100, pts_ns=200, box=(1.0, 2.0, 3.0, 4.0), frame_size=(640, 480),
)  # fmt: skip
WRITTEN = {
    "event": EVENT,
    "envelope": Envelope(
        id="01KAKV1Q0X0000000000000000", seq=1, boot="b", t=WHEN, mono=1.5, clk="ntp", type="event.v1", profile="street",
        data=EVENT.model_dump(mode="json"),
    ),
    "status": Status(state="online", session="01KAKV1Q0X0000000000000000"),
    "alert": Alert(id="disk-full", level="error", text="the disk is full", since=WHEN),
}  # fmt: skip


def every_model() -> Iterator[type[Wire]]:
    for module in pkgutil.iter_modules(contracts.__path__):
        for value in vars(import_module(f"contracts.{module.name}")).values():
            if isinstance(value, type) and issubclass(value, Wire) and value.__module__ == f"contracts.{module.name}":
                yield value


def test_the_schemas_are_what_contracts_says() -> None:
    assert schemas.stale(schemas.rendered()) == [], "run `make schemas`"


def test_a_changed_model_is_noticed() -> None:
    texts = {**schemas.rendered(), "event.json": "{}\n"}
    assert schemas.stale(texts) == ["event.json"]


def test_a_schema_that_is_nobodys_is_noticed() -> None:
    texts = schemas.rendered()
    del texts["reply.json"]
    assert schemas.stale(texts) == ["reply.json"]


def test_every_model_has_a_schema_or_is_part_of_one() -> None:
    covered = set(schemas.models().values())
    titles = {title for model in covered for title in (model.__name__, *model.model_json_schema().get("$defs", {}))}
    public = {model for model in every_model() if model is not Wire and not model.__name__.startswith("_")}
    assert {model.__name__ for model in public} <= titles


@pytest.mark.parametrize("name", sorted(schemas.WHOLE))
def test_a_schema_is_a_valid_schema_with_a_name_of_its_own(name: str) -> None:
    read = json.loads((schemas.FOLDER / f"{name}.json").read_text())
    Draft202012Validator.check_schema(read)
    assert read["$id"] == f"urn:vedette:schema:{name}:v1"


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_what_is_written_satisfies_its_schema(name: str) -> None:
    assert faults(name, json.loads(WRITTEN[name].model_dump_json())) == []


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_an_unknown_key_is_no_fault(name: str) -> None:
    assert faults(name, {**json.loads(WRITTEN[name].model_dump_json()), "later": 1}) == []


def test_what_is_wrong_breaks_the_schema() -> None:
    good = json.loads(EVENT.model_dump_json())
    assert UUID(good["id"])
    assert len(faults("event", {**good, "life": "gone"})) == 1
    assert len(faults("event", {**good, "confidence": 1.5})) == 1
    assert len(faults("event", {key: value for key, value in good.items() if key != "camera"})) == 1


def faults(name: str, value: Any) -> list[str]:
    read = json.loads((schemas.FOLDER / f"{name}.json").read_text())
    return [fault.message for fault in Draft202012Validator(read).iter_errors(value)]
