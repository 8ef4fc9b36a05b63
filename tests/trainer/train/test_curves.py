"""Curves: what TensorBoard reads, held against protobuf itself and the CRC32C of another library."""

from __future__ import annotations

import struct
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]  # its stubs are apart

from contracts.run import EpochLine
from trainer.train.curves import Curves

T = datetime(2026, 11, 22, 10, 0, 0, tzinfo=timezone.utc)


def event_class() -> Any:
    """Event of TensorBoard's event.proto, the fields that matter here."""
    file = descriptor_pb2.FileDescriptorProto(name="event.proto", package="tensorboard", syntax="proto3")
    value = file.message_type.add(name="Value")
    value.field.add(name="tag", number=1, type=9, label=1)
    value.field.add(name="simple_value", number=2, type=2, label=1)
    summary = file.message_type.add(name="Summary")
    summary.field.add(name="value", number=1, type=11, label=3, type_name=".tensorboard.Value")
    event = file.message_type.add(name="Event")
    event.field.add(name="wall_time", number=1, type=1, label=1)
    event.field.add(name="step", number=2, type=3, label=1)
    event.field.add(name="file_version", number=3, type=9, label=1)
    event.field.add(name="summary", number=5, type=11, label=1, type_name=".tensorboard.Summary")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorboard.Event"))


def records(data: bytes) -> list[bytes]:
    """The frames of TFRecord, each checksum counted anew."""
    found, at = [], 0
    while at < len(data):
        (size,) = struct.unpack_from("<Q", data, at)
        body = data[at + 12 : at + 12 + size]
        for part, place in ((data[at : at + 8], at + 8), (body, at + 12 + size)):
            crc = google_crc32c.value(part)
            assert struct.unpack_from("<I", data, place)[0] == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
        found.append(body)
        at += 16 + size
    return found


def line(epoch: int, ap: float | None) -> EpochLine:
    return EpochLine(
        epoch=epoch, epochs=3, step=epoch * 10, loss={"total": 2.5 / epoch, "box": None}, rate=1e-3, ap=ap, ap50=ap,
        classes={"ball": ap}, seconds=3.0, left_s=1.0, t=T,
    )  # fmt: skip


def test_another_reader_finds_every_number(tmp_path: Path) -> None:
    curves = Curves(tmp_path / "tensorboard", T.timestamp())
    for epoch in (1, 2, 300):
        curves.add(line(epoch, None if epoch == 1 else 0.25 * epoch))
    curves.close()
    (path,) = (tmp_path / "tensorboard").iterdir()
    assert ".tfevents." in path.name
    events = [event_class().FromString(data) for data in records(path.read_bytes())]
    assert events[0].file_version == "brain.Event:2"
    assert [event.step for event in events] == [0, 1, 2, 300]
    assert all(event.wall_time == T.timestamp() for event in events)
    said = [{value.tag: value.simple_value for value in event.summary.value} for event in events[1:]]
    assert said[0] == {"loss/total": 2.5, "rate": pytest.approx(1e-3)}
    assert said[1]["val/ap50/ball"] == said[1]["val/ap"] == 0.5
