"""A trainer with a queue, and people in front of its labelling page in real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy")

from tests.trainer.web.static.label.person import Person
from tests.trainer.web.static.label.scenes import Scene, street
from tests.trainer.web.static.label.served import Desk, Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--mute-audio"]
PICTURES = 40
Come = Callable[..., Person]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Of a module: Playwright's loop must be over when other tests begin theirs."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all tests that leave it alive; each takes pictures of its own."""
    served = Served(tmp_path_factory.mktemp("trainer"), [street(n) for n in range(PICTURES)])
    yield served
    served.close()


@pytest.fixture(scope="session")
def unused(trainer: Served) -> list[str]:
    desk = Desk(trainer)
    found = desk.ids()
    desk.close()
    assert len(found) == PICTURES
    return found


@pytest.fixture
def item(unused: list[str], desk: Desk) -> str:
    """A picture that no test has touched."""
    waiting = set(desk.ids())
    while unused[-1] not in waiting or desk.item(unused[-1])["draft"]:  # some tests work on pictures that they choose themselves
        unused.pop()
    return unused.pop()


@pytest.fixture
def desk(trainer: Served) -> Iterator[Desk]:
    made = Desk(trainer)
    yield made
    made.close()


@pytest.fixture
def come(chromium: Browser) -> Iterator[Come]:
    """People who leave at the end, and had nothing to complain of."""
    people: list[Person] = []

    def opened(served: Served, name: str = "lea", **options: Any) -> Person:
        people.append(Person(chromium, served.base, name, **options))
        return people[-1]

    yield opened
    for person in people:
        person.close()
    assert [person.complaints for person in people if person.complaints] == []


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Trainers of one's own, to kill."""
    made: list[Served] = []

    def served(scenes: list[Scene]) -> Served:
        made.append(Served(tmp_path / f"trainer{len(made)}", scenes))
        return made[-1]

    yield served
    for each in made:
        each.close()
