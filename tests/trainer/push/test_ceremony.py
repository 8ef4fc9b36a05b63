"""Keys begun, exchanged and taken back; a box with the old root follows, a thief with an old key does not get anywhere."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from tuf.api._payload import TargetFile, Targets
from tuf.api.metadata import Metadata

from contracts.errors import ConfigError
from contracts.update import ASSIGNMENT_KEYS
from device.update.refusal import Refusal
from device.update.trust import Released, Trust
from tests.device.update.repository import NOW
from tests.trainer.push.yards import ROOT_WORDS, TARGETS_WORDS, HandClock, Yard, released, yard_in
from trainer.home import Home
from trainer.push import ceremony
from trainer.push.ceremony import Brought, init, revoke, rotate
from trainer.push.keys import assignment_key, gone, online_key, signed, targets_key
from trainer.push.place import Place
from trainer.push.repository import Repository
from trainer.registry.keys import SigningKey


class Client:
    """What a box believes, from the root it was provisioned with; its floors stay when it asks again."""

    def __init__(self, yard: Yard) -> None:
        self.yard, self.root, self.floors = yard, yard.root, dict[str, int]()

    def refresh(self) -> Released:
        trust = Trust(
            self.root, self.floors, NOW + timedelta(microseconds=self.yard.clock.wall_ns() // 1000 - int(NOW.timestamp()) * 10**6)
        )
        folder = self.yard.place.metadata
        while (following := folder / f"{trust.root_version + 1}.root.json").exists():
            trust.root(following.read_bytes())
        trust.timestamp((folder / "timestamp.json").read_bytes())
        trust.snapshot((folder / f"{trust.snapshot_wanted[0]}.snapshot.json").read_bytes())
        trust.targets((folder / f"{trust.targets_wanted[0]}.targets.json").read_bytes())
        self.floors |= trust.reached()
        return trust.released()


def keyids(yard: Yard, role: str) -> tuple[str, ...]:
    return next(each.keyids for each in yard.repository.standing() if each.role == role)


def test_a_ceremony_leaves_what_boxes_believe_and_no_root_key_in_the_home(yard: Yard) -> None:
    assert Client(yard).refresh().assignment_keys() == yard.keys
    assert not [path for path in yard.home.path.rglob("*") if path.is_file() and "root" in path.name and path.suffix == ".key"]
    assert {path.suffix for path in yard.roots[0].iterdir()} == {".key", ".pub", ".json"}
    assert oct(next(yard.roots[0].glob("*.key")).stat().st_mode)[-3:] == "600"
    lives = {each.role: (each.expires - NOW).days for each in yard.repository.standing()}
    assert lives == {"root": 730, "targets": 365, "snapshot": 30, "timestamp": 30}


def test_nothing_online_needs_root_or_a_passphrase(yard: Yard) -> None:
    client = Client(yard)
    client.refresh()
    shutil.rmtree(yard.roots[0])
    yard.clock.pass_days(1.5)
    assert yard.repository.refresh()
    assert not yard.repository.refresh()
    client.refresh()
    assert yard.repository.timestamp().signed.version == 2


def test_what_is_not_refreshed_for_a_month_is_a_freeze_and_root_for_two_years_too(yard: Yard) -> None:
    client = Client(yard)
    yard.clock.pass_days(31)
    with pytest.raises(Refusal, match="has expired") as refused:
        client.refresh()
    assert refused.value.code == "E_FREEZE"
    yard.repository.refresh()
    client.refresh()
    yard.clock.pass_days(700)
    yard.repository.renew(targets_key(yard.place, TARGETS_WORDS))
    with pytest.raises(Refusal, match="root: has expired"):
        client.refresh()
    rotate(yard.home, yard.clock, "root", yard.brought)
    client.refresh()


def test_a_second_ceremony_is_refused(yard: Yard) -> None:
    with pytest.raises(ConfigError, match="has its keys already"):
        init(yard.home, yard.clock, yard.brought)


def test_a_ceremony_that_was_broken_off_is_held_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    yard = Yard(Home(tmp_path / "home"), HandClock(), (tmp_path / "safe",))
    with monkeypatch.context() as broken:
        broken.setattr(ceremony, "_trusted", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            init(yard.home, yard.clock, yard.brought)
    assert not yard.place.begun
    again = Yard(yard.home, yard.clock, (tmp_path / "another",))
    init(again.home, again.clock, again.brought)
    assert Client(again).refresh().assignment_keys() == again.keys


def test_root_is_not_kept_in_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(ConfigError, match="in the trainer's folder"):
        init(home, HandClock(), Brought((home.path / "safe",), ROOT_WORDS, TARGETS_WORDS))
    assert not Place(home).begun


@pytest.mark.parametrize("role", ["root", "targets", "online", "assignment"])
def test_a_box_with_the_old_root_follows_each_rotation(yard: Yard, role: str) -> None:
    model = released(yard)
    client = Client(yard)
    client.refresh()
    for _ in range(2):
        gone_ids = rotate(yard.home, yard.clock, role, yard.brought)
        found = client.refresh()
        assert found.release(model).digest == model.digest
        assert found.assignment_keys() == yard.keys
        assert not set(gone_ids) & {keyid for each in yard.repository.standing() for keyid in each.keyids}
        assert len(gone_ids) == 1
    assert yard.repository.root().signed.version == (1 if role == "assignment" else 3)


def test_a_thief_with_the_old_release_key_releases_nothing_after_it_was_revoked(yard: Yard) -> None:
    released(yard)
    client = Client(yard)
    client.refresh()
    stolen = targets_key(yard.place, TARGETS_WORDS)
    assert revoke(yard.home, yard.clock, keyids(yard, "targets")[0][:12], "the laptop was stolen", yard.brought) == "targets"
    client.refresh()
    assert [each.why for each in gone(yard.place)] == ["the laptop was stolen"]
    evil = Metadata(Targets(version=99, expires=NOW + timedelta(days=9), targets={"x": TargetFile.from_data("x", b"evil")}))
    (yard.place.metadata / "99.targets.json").write_bytes(signed(evil, [stolen]))
    yard.repository.freshen(99)
    with pytest.raises(Refusal) as refused:
        client.refresh()
    assert refused.value.code == "E_SIG"


def test_a_thief_with_the_old_online_key_cannot_hold_releases_back_after_it_was_revoked(yard: Yard) -> None:
    client = Client(yard)
    client.refresh()
    stolen = online_key(yard.place)
    (yard.place.metadata / "timestamp.json").write_bytes(_counted_to_the_end(yard, stolen))
    client.refresh()
    revoke(yard.home, yard.clock, stolen.public.keyid, "read by a guest", yard.brought)
    yard.clock.pass_days(2)
    yard.repository.refresh()
    client.refresh()
    (yard.place.metadata / "timestamp.json").write_bytes(_counted_to_the_end(yard, stolen))
    with pytest.raises(Refusal) as refused:
        client.refresh()
    assert refused.value.code == "E_SIG"


def _counted_to_the_end(yard: Yard, key: SigningKey) -> bytes:
    timestamp = yard.repository.timestamp()
    timestamp.signed.version = (1 << 31) - 1
    return signed(timestamp, [key])


def test_a_revoked_assignment_key_assigns_nothing(yard: Yard) -> None:
    old = assignment_key(yard.place).public.keyid
    assert revoke(yard.home, yard.clock, old, "lost", yard.brought) == "assignment"
    keys = Client(yard).refresh().assignment_keys()
    assert keys is not None
    assert keys.version == 2
    assert old not in {key.keyid for key in keys.keys}


def test_two_of_three_root_keys_sign_and_a_lost_one_is_revoked_without_it(tmp_path: Path, template: Home) -> None:
    yard = yard_in(tmp_path, template, roots=3, threshold=2)
    client = Client(yard)
    client.refresh()
    with pytest.raises(ConfigError, match="1 of its keys are here, 2 must sign"):
        rotate(yard.home, yard.clock, "online", Brought(yard.roots[:1], ROOT_WORDS, TARGETS_WORDS))
    two = Brought(yard.roots[1:], ROOT_WORDS, TARGETS_WORDS)
    rotate(yard.home, yard.clock, "online", two)
    lost = next(yard.roots[0].glob("*.pub")).stem.removeprefix("root-")
    assert revoke(yard.home, yard.clock, lost, "the safe was robbed", two) == "root"
    assert len(keyids(yard, "root")) == 2
    rotate(yard.home, yard.clock, "root", two)
    client.refresh()
    with pytest.raises(ConfigError, match="0 of its keys are here"):
        rotate(yard.home, yard.clock, "online", Brought(yard.roots[:1], ROOT_WORDS, TARGETS_WORDS))


def test_a_short_passphrase_and_a_wrong_one_change_nothing(yard: Yard) -> None:
    before = yard.root, keyids(yard, "targets")
    for brought in (Brought(yard.roots, "another word", TARGETS_WORDS), Brought(yard.roots, ROOT_WORDS, "short")):
        with pytest.raises(ConfigError, match="passphrase"):
            rotate(yard.home, yard.clock, "targets", brought)
    assert (yard.root, keyids(yard, "targets")) == before
    Client(yard).refresh()


def test_an_unknown_key_cannot_be_revoked(yard: Yard) -> None:
    for keyid in ("ff" * 32, "ab", ""):
        with pytest.raises(ConfigError, match="is not one that counts"):
            revoke(yard.home, yard.clock, keyid, "why", yard.brought)


def test_an_online_key_that_others_may_read_signs_nothing(yard: Yard) -> None:
    (yard.place.keys / "online.key").chmod(0o644)
    with pytest.raises(ConfigError, match="others may read it"):
        yard.repository.freshen()


def test_keys_of_who_assigns_are_a_target_that_boxes_read(yard: Yard) -> None:
    target = yard.repository.targets().signed.targets[ASSIGNMENT_KEYS]
    body = (yard.place.targets / "keys" / f"{target.hashes['sha256']}.assignment.json").read_bytes()
    target.verify_length_and_hashes(body)


@pytest.mark.parametrize("role", ["targets", "online"])
def test_an_exchange_of_keys_that_was_broken_off_is_gone_on_with(yard: Yard, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, client = released(yard), Client(yard)
    client.refresh()
    with monkeypatch.context() as broken:
        broken.setattr(Repository, "freshen", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            rotate(yard.home, yard.clock, role, yard.brought)
    if role == "targets":  # by whoever holds the next one
        revoke(yard.home, yard.clock, yard.repository.root().signed.roles["root"].keyids[0], "old", yard.brought)
    else:  # by the next round of `push serve`
        assert yard.repository.refresh()
    assert client.refresh().release(model).digest == model.digest
    assert client.refresh().assignment_keys() == yard.keys
