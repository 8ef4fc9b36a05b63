"""The road over HTTPS with a fleet's authority: who is not who he should be brings nothing; the box says whose matter it is, and waits."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from contracts.update import Model
from device.update.https import Https, tls_of
from tests.device.update.box import HandClock, a_box, bundle
from tests.trainer.push.test_server import Serving
from tests.trainer.push.yards import Yard, copied, released
from trainer.pki.authority import Authority, make_authority
from vision.bundle import StoredBundle

NOW = datetime.now(timezone.utc)
LONG_AGO = NOW - timedelta(days=40)


@dataclass(frozen=True)
class Papers:
    """Certificates of two authorities, those that count and those that do not."""

    folder: Path

    def pair(self, name: str) -> tuple[Path, Path]:
        return self.folder / name / "it.pem", self.folder / name / "it.key"

    def ca(self, whose: str = "fleet") -> Path:
        return self.folder / whose / "ca.pem"


def sign(authority: Authority, name: str, kind: str, hosts: list[str], when: datetime, days: int, place: Path) -> None:
    made = authority.sign(name, kind, hosts, days, when, None)  # type: ignore[arg-type]  # a word of its kinds
    place.mkdir()
    for ending in ("pem", "key"):
        shutil.copy(made / f"{name}.{ending}", place / f"it.{ending}")


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    fleet = make_authority(folder / "fleet", "fleet", 400, LONG_AGO, None)
    stranger = make_authority(folder / "stranger", "stranger", 400, LONG_AGO, None)
    here = ["127.0.0.1"]
    for name, hosts, when, days in (
        ("server", here, NOW, 10),
        ("expired", here, LONG_AGO, 10),
        ("elsewhere", ["trainer.example"], NOW, 10),
    ):
        sign(fleet, "push", "broker", hosts, when, days, folder / name)
    sign(fleet, "edge01", "box", [], NOW, 10, folder / "box")
    sign(fleet, "edge01", "box", [], LONG_AGO, 10, folder / "expired-box")
    sign(stranger, "edge01", "box", [], NOW, 10, folder / "stranger-box")
    return Papers(folder)


@dataclass(frozen=True)
class Case:
    server: str = "server"
    ca: str = "fleet"
    box: str = "box"
    words: str = ""


CASES = {
    "another authority's server": Case(ca="stranger", words="see update.ca"),
    "a certificate that is over": Case(server="expired", words="certificate has expired; see update.ca"),
    "a server of another name": Case(server="elsewhere", words="IP address mismatch"),
    "a box without a certificate": Case(box="", words="see update.cert"),
    "a box of another authority": Case(box="stranger-box", words="see update.cert"),
    "a box whose certificate is over": Case(box="expired-box", words="see update.cert"),
}


@dataclass
class World:
    yard: Yard
    model: Model
    factory: StoredBundle
    right: Serving


@pytest.fixture(scope="module")
def world(held: Yard, papers: Papers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    yard = copied(held, folder)
    cert, key = papers.pair("server")
    right = Serving(yard, tls_cert=cert, tls_key=key, client_ca=papers.ca())
    yield World(yard, released(yard), bundle(folder / "factory", "1.0.0"), right)
    right.close()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_whoever_is_not_who_he_should_be_brings_nothing_until_that_is_mended(
    world: World, papers: Papers, tmp_path: Path, case: Case
) -> None:
    clock, factory, model = HandClock(), world.factory.digest, world.model
    cert, key = papers.pair(case.server)
    serving = world.right if case.server == "server" else Serving(world.yard, tls_cert=cert, tls_key=key, client_ca=papers.ca())
    mine = papers.pair(case.box) if case.box else (None, None)
    roads = [Https(serving.url, clock, context=tls_of(papers.ca(case.ca), *mine), timeout_s=10)]
    with a_box(tmp_path / "box", world.yard, world.factory, roads=roads, clock=clock) as box:
        report = box.told(world.yard.assign(model, 1))
        assert (report.state, report.code, report.current) == ("offered", "E_FETCH", factory), report.words
        assert case.words in report.words
        roads[:] = [Https(world.right.url, clock, context=tls_of(papers.ca(), *papers.pair("box")), timeout_s=10)]
        report = box.go()
        assert (report.state, report.code, report.current) == ("committed", None, model.digest), report.words
    if serving is not world.right:
        serving.close()
