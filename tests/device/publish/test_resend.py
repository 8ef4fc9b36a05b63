from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.errors import ProtocolError
from contracts.topics import Topics
from device.pipeline.board import Board
from device.pipeline.tally import Tally
from device.publish.notices import Notices
from device.publish.outbox import Outbox
from device.publish.outbox_options import Options
from device.publish.resend import Resend
from device.publish.stamp import Stamp
from tests.clocks import HandClock
from tests.device.publish.fakes import DEVICE, Box, event, eventually
from tests.device.publish.mosquitto import Broker, envelopes, listening, needs_mosquitto


def full(folder: Path, count: int, kept: int = 1000) -> tuple[Outbox, Notices, Resend]:
    clock, tally = HandClock(), Tally()
    options = Options(messages=kept)
    outbox = Outbox(folder / "o.db", Stamp(clock, 'a "quoted","data": profile', boot="b"), Board(), tally, options=options)
    for number in range(1, count + 1):
        outbox.add(event(number), clock.mono_ns())
        outbox.commit()
    notices = Notices(tally)
    return outbox, notices, Resend(outbox, notices, Topics(DEVICE), 60)


def sent(notices: Notices) -> list[dict[str, object]]:
    found = []
    while letter := notices.take():
        assert (letter.topic, letter.expiry_s) == (f"vedette/v1/{DEVICE}/up/event", 60)
        found.append(json.loads(letter.payload))
    return found


def test_a_message_that_is_sent_again_is_the_one_that_was_sent(tmp_path: Path) -> None:
    outbox, notices, resend = full(tmp_path, 5)
    before = [json.loads(row.payload(replay=True)) for row in outbox.pending(0, 5, 10)]
    for seq in range(1, 6):
        outbox.acknowledge(seq)
    outbox.commit()
    assert outbox.pending(0, 5, 10) == []
    assert resend({"first": 2, "last": 4}) == {"sent": 3, "next": None, "gone": [], "last_seq": 5}
    assert sent(notices) == before[1:4]
    outbox.close()


def test_many_are_asked_for_in_parts_and_what_is_kept_no_more_is_said(tmp_path: Path) -> None:
    outbox, notices, resend = full(tmp_path, 300, kept=200)
    first = outbox.first_kept()
    assert 1 < first < 110
    assert resend({"first": 1, "last": 1000}) == {"sent": 100, "next": first + 100, "gone": [[1, first - 1]], "last_seq": 300}
    assert [each["seq"] for each in sent(notices)] == list(range(first, first + 100))
    assert resend({"first": 400, "last": 500})["sent"] == 0
    assert resend({"first": 299, "last": 500}) == {"sent": 2, "next": None, "gone": [], "last_seq": 300}
    outbox.close()


@pytest.mark.parametrize(
    "args", [{}, {"first": 1}, {"first": 0, "last": 1}, {"first": 2, "last": 1}, {"first": True, "last": 2}, {"first": "1", "last": 2}]
)
def test_a_question_that_is_none_is_refused(tmp_path: Path, args: dict[str, object]) -> None:
    outbox, notices, resend = full(tmp_path, 1)
    with pytest.raises(ProtocolError, match="resend"):
        resend(args)  # type: ignore[arg-type]
    assert notices.empty()
    outbox.close()


@pytest.mark.broker
@needs_mosquitto
def test_a_receiver_that_was_away_asks_for_what_it_missed(tmp_path: Path, broker: Broker) -> None:
    with Box(tmp_path, broker) as box:
        box.put(*(event(number) for number in range(1, 8)))
        eventually(lambda: box.outbox.last_seq == 7 and box.outbox.health().depth == 0)
        assert box.commands
        box.commands._handlers = {**box.commands._handlers, "resend": Resend(box.outbox, box.notices, Topics(DEVICE), 60)}
        with listening(broker, f"vedette/v1/{DEVICE}/up/+") as late:
            box.put(event(8))
            late.wait(lambda came: any(e["seq"] == 8 for e in envelopes(came)))
            late.publish(
                f"vedette/v1/{DEVICE}/dn/cmd", json.dumps({"v": 1, "id": "1", "cmd": "resend", "args": {"first": 1, "last": 7}}).encode()
            )
            came = late.wait(lambda came: {e["seq"] for e in envelopes(came)} == set(range(1, 9)))
            answers = late.wait(lambda came: envelopes(came, "res"))
    assert envelopes(answers, "res")[0]["data"]["data"]["sent"] == 7
    assert all(e["replay"] for e in envelopes(came) if e["seq"] < 8)
