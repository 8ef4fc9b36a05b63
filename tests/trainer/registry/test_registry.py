"""Models, their history, and the one champion of a name."""

from __future__ import annotations

import multiprocessing
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx")
pytest.importorskip("cryptography")
pytest.importorskip("sqlalchemy")

from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from contracts.errors import BundleError, ConfigError
from tests.trainer.registry.works import RUN, brighter, draft, passed, trained_home, verdict, write_verdict
from tests.trainer.store.conftest import postgres, url
from trainer.home import Home
from trainer.registry.keys import SigningKey
from trainer.registry.model import Model
from trainer.registry.registry import Registry
from trainer.registry.signing import envelope_path, sign_bundle
from trainer.store.database import Database
from trainer.store.registry_tables import model_events
from vision.bundle import read_bundle
from vision.bundle_write import write_bundle

__all__ = ["postgres", "url"]
ADA = SigningKey(b"a" * 32)


class Ticking:
    """A second later each time it is asked."""

    def __init__(self) -> None:
        self._now = 1_770_000_000_000_000_000

    def mono_ns(self) -> int:
        return self._now

    def wall_ns(self) -> int:
        self._now += 1_000_000_000
        return self._now


class Shop:
    """A home with a registry, and short ways to models of it."""

    def __init__(self, url: str, home: Home) -> None:
        self.database, self.home = Database(url), home
        self.registry = Registry(self.database, home, Ticking())

    def add(self, version: str, run: str = RUN, **about: Any) -> Model:
        return self.registry.add(passed(self.home, "boxes", version, run, **about), "Ada", "trained on Sunday")

    def run(self, number: int) -> str:
        return brighter(self.home, f"01KAKV1Q0X000000000000000{number}", 255.0 + number)

    def kinds(self, model: Model) -> list[str]:
        return [each.kind for each in self.registry.history(model.digest)]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_home(tmp_path_factory.mktemp("template") / "home").path


@pytest.fixture
def shop(tmp_path: Path, template: Path) -> Iterator[Shop]:
    shutil.copytree(template, tmp_path / "home")
    made = Shop(str(tmp_path / "store.sqlite"), Home(tmp_path / "home"))
    yield made
    made.database.close()


@pytest.fixture
def anywhere(url: str, tmp_path: Path, template: Path) -> Iterator[Shop]:
    """On SQLite and on PostgreSQL: where it matters to the database."""
    shutil.copytree(template, tmp_path / "home")
    made = Shop(url, Home(tmp_path / "home"))
    yield made
    made.database.close()


def test_a_model_is_entered_once_with_its_lineage_and_its_verdict(shop: Shop) -> None:
    model = shop.add("1.0.0")
    again = shop.registry.add(shop.registry.file(model), "Bob")
    assert again == model and shop.kinds(model) == ["added", "judged"]
    assert (model.name, model.version, model.draft, model.run, model.licence) == ("boxes", "1.0.0", False, RUN, "Apache-2.0")
    assert model.data_root == model.split_root and "# boxes 1.0.0" in model.card
    added, judged = shop.registry.history(model.digest)
    assert (added.who, added.why) == ("Ada", "trained on Sunday") and (judged.answer, judged.takes_title) == ("pass", True)
    assert shop.registry.models() == shop.registry.models("boxes") == [model] and shop.registry.models("other") == []
    said = shop.registry.verdict(model.digest)
    assert said is not None and said.answer == "pass"


def test_a_model_is_found_by_what_is_known_of_it(anywhere: Shop) -> None:
    model = anywhere.add("1.0.0")
    for known in (model.digest, model.digest[7:], model.digest[:15], model.digest[7:13].upper(), "boxes@1.0.0"):
        assert anywhere.registry.get(known) == model
    for unknown in ("boxes@2.0.0", "boxes", "sha256:", "", "%", "sha256:%", "x' OR 1=1 --", "a\0b@1", "f" * 64):
        with pytest.raises(ConfigError, match="no model known"):
            anywhere.registry.get(unknown)


def test_a_folder_becomes_the_one_file_of_its_digest(shop: Shop, tmp_path: Path) -> None:
    path = passed(shop.home)
    stored = read_bundle(path)
    fields = stored.manifest.model_dump(exclude={"model", "files", "chunks"})
    files = {entry.path: stored.read(entry.path) for entry in stored.manifest.files} | {"model.onnx": stored.model()}
    write_bundle(tmp_path / "folder", fields, files)
    data = path.read_bytes()
    path.unlink()
    model = shop.registry.add(tmp_path / "folder", "Ada")
    assert f"sha256:{path.stem}" == model.digest and path.read_bytes() == data


def test_a_name_and_a_version_are_one_model_for_ever(anywhere: Shop) -> None:
    model = anywhere.add("1.0.0")
    with pytest.raises(ConfigError, match=f"boxes 1.0.0: is {model.digest} already"):
        anywhere.add("1.0.0", anywhere.run(1))
    first, second = (anywhere.registry.add(draft(anywhere.home, version="1.0.0", run=run), "Ada") for run in (RUN, anywhere.run(2)))
    assert first.draft and second.draft and first != second


def test_the_first_that_passes_becomes_the_champion_and_then_only_one_judged_against_it(anywhere: Shop) -> None:
    first, second = anywhere.add("1.0.0"), anywhere.add("1.1.0", anywhere.run(1))
    assert anywhere.registry.champion("boxes") is None
    anywhere.registry.crown(first.digest, "Ada", "the first")
    assert anywhere.registry.champion("boxes") == first
    with pytest.raises(ConfigError, match=r"was judged against no champion, but sha256:.* is the champion since 2026-.* \(by Ada\)"):
        anywhere.registry.crown(second.digest, "Bob")
    third = anywhere.add("1.2.0", anywhere.run(2), champion=first.digest)
    change = anywhere.registry.crown(third.digest, "Bob", "finds more")
    assert anywhere.registry.champion("boxes") == third and (change.reign, change.who, change.why) == (2, "Bob", "finds more")
    assert anywhere.registry.crown(third.digest, "Eve").number == change.number
    assert [each.model for each in anywhere.registry.history(name="boxes") if each.kind == "champion"] == [first.digest, third.digest]


def test_only_a_verdict_that_takes_the_title_makes_a_champion(shop: Shop) -> None:
    refusals = {
        "equal": ({"takes_the_title": False}, "does not take the title"),
        "set-aside": ({"aside": True}, "does not take the title"),
        "boasting": ({"aside": True, "takes_the_title": True}, "does not take the title"),
    }
    for number, (about, message) in enumerate(refusals.values()):
        model = shop.add(f"1.{number}.0", shop.run(number), **about)
        with pytest.raises(ConfigError, match=message):
            shop.registry.crown(model.digest, "Ada")
    rough = shop.registry.add(draft(shop.home, version="2.0.0"), "Ada")
    with pytest.raises(ConfigError, match="is a draft"):
        shop.registry.crown(rough.digest, "Ada")
    assert shop.registry.champion("boxes") is None
    overridden = [each for each in shop.registry.history(name="boxes") if each.kind == "overridden"]
    assert {(each.who, each.why) for each in overridden} == {("Ada", "slow: no box is here to measure")}


def test_a_verdict_of_somebody_unknown_counts_for_nothing(shop: Shop, tmp_path: Path) -> None:
    path = passed(shop.home)
    shutil.copy(path, tmp_path / "stranger.vdb")
    for each in shop.home.verdicts.iterdir():
        each.unlink()
    model = shop.registry.add(tmp_path / "stranger.vdb", "Ada")
    assert shop.kinds(model) == ["added"]
    with pytest.raises(ConfigError, match=r"no verdict of it is known here; `vedette-trainer models judge sha256:"):
        shop.registry.crown(model.digest, "Ada")
    other = write_verdict(tmp_path / "other.json", verdict("sha256:" + "0" * 64))
    with pytest.raises(ConfigError, match="is about sha256:0000"):
        shop.registry.judge(model.digest, other, "Ada")
    mine = write_verdict(tmp_path / "mine.json", verdict(model.digest))
    shop.registry.judge(model.digest, mine, "Ada")
    shop.registry.judge(model.digest, mine, "Ada")
    assert shop.kinds(model) == ["added", "judged"] and shop.registry.crown(model.digest, "Ada").reign == 1


def test_a_verdict_signed_by_somebody_known_counts(shop: Shop, tmp_path: Path) -> None:
    stored = read_bundle(passed(shop.home))
    shutil.copy(stored.path, tmp_path / "signed.vdb")
    sign_bundle(read_bundle(tmp_path / "signed.vdb"), ADA)
    for each in (*shop.home.verdicts.iterdir(), *shop.home.bundles.iterdir()):
        each.unlink()
    with pytest.raises(BundleError, match="unknown signer"):
        shop.registry.add(tmp_path / "signed.vdb", "Ada")
    (shop.home.keys / "ada.pub").write_text(ADA.public.model_dump_json())
    model = shop.registry.add(tmp_path / "signed.vdb", "Ada")
    assert shop.kinds(model) == ["added", "judged"]
    assert envelope_path(shop.registry.file(model)).name == f"{model.digest[7:]}.dsse.json"


def test_a_later_verdict_counts_more_than_an_earlier_one(shop: Shop, tmp_path: Path) -> None:
    model = shop.add("1.0.0")
    shop.registry.judge(model.digest, write_verdict(tmp_path / "v.json", verdict(model.digest, "fail")), "Bob")
    with pytest.raises(ConfigError, match=r"its verdict \(fail\) does not take the title"):
        shop.registry.crown(model.digest, "Ada")


def test_a_retired_champion_leaves_its_title_to_who_was_judged_against_it(shop: Shop) -> None:
    first = shop.add("1.0.0")
    shop.registry.crown(first.digest, "Ada")
    second = shop.add("1.1.0", shop.run(1), champion=first.digest)
    with pytest.raises(ConfigError, match="say why"):
        shop.registry.retire(first.digest, "Ada", " ")
    shop.registry.retire(first.digest, "Ada", "learnt from pictures that must not be used")
    assert shop.registry.champion("boxes") is None
    with pytest.raises(ConfigError, match="was retired"):
        shop.registry.crown(first.digest, "Ada")
    shop.registry.crown(second.digest, "Ada")
    assert shop.registry.champion("boxes") == second


def test_the_history_is_only_added_to(anywhere: Shop) -> None:
    model = anywhere.add("1.0.0")
    for change in (update(model_events).values(who="Eve"), delete(model_events), text("DELETE FROM model_events WHERE kind = 'judged'")):
        with pytest.raises(DBAPIError, match="only added to"), anywhere.database.write() as connection:
            connection.execute(change)
    assert anywhere.kinds(model) == ["added", "judged"]


def test_a_bundle_that_is_not_as_it_was_entered_is_no_champion(shop: Shop) -> None:
    model = shop.add("1.0.0")
    path = shop.registry.file(model)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(BundleError, match="not there as it was entered"):
        shop.registry.crown(model.digest, "Ada")
    path.unlink()
    with pytest.raises(BundleError, match="not there as it was entered"):
        shop.registry.file(model)


def test_who_says_so_is_always_known(shop: Shop) -> None:
    model = shop.add("1.0.0")
    for who, why in (("", ""), ("  ", ""), ("x" * 300, ""), ("Ada", "x" * 3000), ("a\0b", "")):
        with pytest.raises(ConfigError, match=r"who|why"):
            shop.registry.crown(model.digest, who, why)
    assert shop.kinds(model) == ["added", "judged"]


def crown_in_a_process(url: str, home: str, digest: str, who: str, start: Any, answers: Any) -> None:
    database = Database(url)
    registry = Registry(database, Home(Path(home)))
    start.wait(60)
    try:
        registry.crown(digest, who)
        answers.put((who, "champion"))
    except ConfigError as error:
        answers.put((who, str(error)))
    database.close()


def test_of_two_processes_that_promote_at_once_one_wins_and_both_are_told(url: str, tmp_path: Path, template: Path) -> None:
    shutil.copytree(template, tmp_path / "home")
    shop = Shop(url, Home(tmp_path / "home"))
    two = {"Ada": shop.add("1.0.0"), "Bob": shop.add("1.1.0", shop.run(1))}
    shop.database.close()
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(2), context.Queue()
    arguments = [(url, str(shop.home.path), model.digest, who, start, answers) for who, model in two.items()]
    processes = [context.Process(target=crown_in_a_process, args=each) for each in arguments]
    for process in processes:
        process.start()
    told = dict(answers.get(timeout=100) for _ in processes)
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    again = Shop(url, shop.home)
    winner = again.registry.champion("boxes")
    assert winner is not None
    name = next(who for who, model in two.items() if model == winner)
    (loser,) = set(two) - {name}
    assert told[name] == "champion"
    assert f"but {winner.digest} is the champion since" in told[loser] and f"(by {name})" in told[loser]
    assert [each.reign for each in again.registry.history(name="boxes") if each.kind == "champion"] == [1]
    again.database.close()


def test_of_many_threads_that_promote_at_once_one_wins(url: str, tmp_path: Path, template: Path) -> None:
    shutil.copytree(template, tmp_path / "home")
    shop = Shop(url, Home(tmp_path / "home"))
    two = [shop.add("1.0.0"), shop.add("1.1.0", shop.run(1))]
    start, won, lost = threading.Barrier(6), [], []

    def go(model: Model) -> None:
        start.wait(60)
        try:
            won.append(shop.registry.crown(model.digest, "Ada").model)
        except ConfigError:
            lost.append(model.digest)

    threads = [threading.Thread(target=go, args=(two[n % 2],)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(set(won)) == 1 and len(won) == 3 and len(lost) == 3  # who is the champion already is told so
    assert [each.reign for each in shop.registry.history(name="boxes") if each.kind == "champion"] == [1]
    shop.database.close()
