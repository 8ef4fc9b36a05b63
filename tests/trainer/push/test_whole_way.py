"""Everything real but the network between: released here, assigned over a broker, fetched over HTTP, proved on a box, accepted here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broker.address import Address
from contracts.topics import Topics
from contracts.update import Model, UpdateReport
from tests.device.publish.mosquitto import Broker, Listener, broker_in, needs_mosquitto
from tests.device.update.box import HandClock as BoxClock
from tests.device.update.box import TestBox, a_box, bundle, golden_prover
from tests.trainer.ingest.boxes import came, envelope
from tests.trainer.push.test_pusher import Running as Pushing
from tests.trainer.push.test_server import Serving
from tests.trainer.push.yards import Yard, released
from trainer.accounts.audit import HERE
from trainer.ingest.messages import read_message
from trainer.ingest.options import Options
from trainer.ingest.writer import Writer
from trainer.push.pusher import Pusher
from trainer.push.pushing import progress_of
from trainer.push.rollout import Rollouts
from trainer.push.waves import Rules
from trainer.store.database import Database

pytestmark = [pytest.mark.broker, needs_mosquitto]
BOX = "edge01"


class Site:
    """A trainer with its broker and its server, and one box."""

    def __init__(self, yard: Yard, database: Database, broker: Broker, box: TestBox) -> None:
        self.yard, self.database, self.box = yard, database, box
        self.rollouts = Rollouts(database, yard.clock)
        self.writer = Writer(database, Options(), Counter())
        self.heard = Listener(broker, Topics(BOX).dn("desired"))
        progress = progress_of(yard.home, database, yard.clock)
        self.pushing = Pushing(Pusher(database, yard.place, progress, Address(broker.host, broker.port, "push", setting="--")))
        self.took = 0
        self._number = 0

    def say(self, data: dict[str, object], kind: str) -> None:
        self._number += 1
        raw = envelope(BOX, None, data, kind, boot=f"b{self._number}")
        self.writer.write([read_message(came(BOX, raw, kind))], self.yard.clock.now_ns // 1000)

    def introduce(self) -> None:
        self.say({"state": "online", "session": "s1", "software": "0.1.0"}, "status")
        with self.database.write() as connection:
            from trainer.store.tables import devices

            key = self.box.parts.identity.public.model_dump_json()
            connection.execute(devices.update().values(info=f'{{"data": {{"key": {key}}}}}'))

    def follow(self) -> UpdateReport:
        """The next message under dn/desired goes to the box, and all that it says of it into the store."""
        messages = self.heard.wait(lambda found: len(found) > self.took)
        raw = bytes(messages[self.took].payload)
        self.took += 1
        before = len(self.box.reports)
        last = self.box.told(raw)
        for report in [*self.box.reports[before:], last]:
            self.say(report.model_dump(mode="json"), "update")
        return last

    def state(self, name: str, wanted: str) -> None:
        found = self.rollouts.get(name)
        while found.state != wanted:
            assert not self.pushing.stop.wait(0.02)
            found = self.rollouts.get(name)

    def roll(self, name: str, model: Model) -> None:
        self.rollouts.start(name, model, [BOX], [BOX], Rules(), HERE)


@contextmanager
def site_in(yard: Yard, folder: Path) -> Iterator[Site]:
    (folder / "broker").mkdir()
    database = Database(yard.home.store)
    serving = Serving(yard)
    factory = bundle(folder / "factory", "1.0.0")
    boxes = a_box(folder / "box", yard, factory, serving.url, prover=golden_prover(), clock=BoxClock(), device=BOX)
    try:
        with broker_in(folder / "broker") as broker, boxes as box:
            site = Site(yard, database, broker, box)
            site.introduce()
            yield site
            site.heard.close()
            site.pushing.close()
    finally:
        serving.close()
        database.close()


def test_two_versions_go_out_and_an_emergency_stop_brings_the_first_back(yard: Yard, tmp_path: Path) -> None:
    first, second = released(yard, "2.0.0"), released(yard, "2.1.0", 1)
    with site_in(yard, tmp_path) as site:
        site.roll("first", first)
        assert site.follow().state == "committed"
        site.state("first", "done")
        assert [row["signed"] for row in site.rollouts.boxes("first")] == [1]
        site.roll("second", second)
        assert site.follow().current == second.digest
        site.state("second", "done")
        site.rollouts.stop("second", "blind at night", HERE)
        site.state("second", "stopped")
        report = site.follow()
        assert (report.state, report.code, report.current) == ("committed", None, first.digest), report.words
        assert site.box.current == first.digest
