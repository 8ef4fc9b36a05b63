from __future__ import annotations

import json
import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from contracts.errors import ConfigError
from trainer.home import Home
from trainer.registry import keys
from trainer.registry.keys import key_path, make_key, open_key, passphrase, public_keys, read_public

WORDS = "correct horse battery"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_key_signs_and_only_its_owner_reads_it(home: Home) -> None:
    public = make_key(home, "ada", WORDS)
    path = key_path(home, "ada")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.keys.stat().st_mode) == 0o700
    key = open_key(path, WORDS)
    assert key.public == public == read_public(home.keys / "ada.pub")
    assert len(key.sign(b"x")) == 64
    assert dict(public_keys(home)) == {"ada": public}


def test_the_id_of_a_key_is_that_of_the_update_framework(home: Home) -> None:
    """SHA-256 of its canonical JSON, as securesystemslib computes it."""
    public = make_key(home, "ada", WORDS)
    text = f'{{"keytype":"ed25519","keyval":{{"public":"{public.keyval.public}"}},"scheme":"ed25519"}}'
    assert public.keyid == sha256(text.encode()).hexdigest()


def test_the_secret_is_not_in_the_file(home: Home) -> None:
    parts = iter([b"S" * 32, b"a" * 16, b"n" * 12])
    make_key(home, "ada", WORDS, lambda _: next(parts))
    raw = key_path(home, "ada").read_bytes()
    assert b"S" * 8 not in raw and b"U1NT" not in raw and (b"S" * 8).hex().encode() not in raw


def test_another_passphrase_does_not_open_it(home: Home) -> None:
    make_key(home, "ada", WORDS)
    with pytest.raises(ConfigError, match="does not open with this passphrase") as refused:
        open_key(key_path(home, "ada"), "another passphrase")
    assert "another passphrase" not in str(refused.value)


def test_a_key_is_never_replaced_and_a_short_passphrase_refused(home: Home) -> None:
    make_key(home, "ada", WORDS)
    with pytest.raises(ConfigError, match="is there already"):
        make_key(home, "ada", WORDS)
    with pytest.raises(ConfigError, match="has 5 letters"):
        make_key(home, "bob", "short")
    with pytest.raises(ConfigError, match="is no name"):
        make_key(home, "../bob", WORDS)
    assert [path.name for path in sorted(home.keys.iterdir())] == ["ada.key", "ada.pub"]


def test_a_key_that_others_may_read_is_not_used(home: Home) -> None:
    make_key(home, "ada", WORDS)
    key_path(home, "ada").chmod(0o640)
    with pytest.raises(ConfigError, match="others may read it"):
        open_key(key_path(home, "ada"), WORDS)


@pytest.mark.parametrize(
    "change",
    [{"n": 1 << 30}, {"n": 2}, {"r": 1 << 20}, {"p": 100}, {"salt": "not base64!"}, {"public": "00"}, {"kind": "x"}],
    ids=lambda change: str(change),
)
def test_a_planted_key_takes_neither_memory_nor_time(home: Home, change: dict[str, object]) -> None:
    make_key(home, "ada", WORDS)
    path = key_path(home, "ada")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConfigError, match="is none"):
        open_key(path, WORDS)


def test_a_key_whose_public_part_was_changed_does_not_open(home: Home) -> None:
    make_key(home, "ada", WORDS)
    path = key_path(home, "ada")
    path.write_text(json.dumps({**json.loads(path.read_text()), "public": "0" * 64}))
    with pytest.raises(ConfigError, match="does not open"):
        open_key(path, WORDS)


def test_the_passphrase_comes_from_the_environment_or_somebody_who_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.VARIABLE, WORDS)
    assert passphrase() == WORDS
    monkeypatch.delenv(keys.VARIABLE)
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read) as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        with pytest.raises(ConfigError, match="nobody is here to type it"):
            passphrase()


def test_a_key_that_is_not_there_is_said(home: Home) -> None:
    with pytest.raises(ConfigError, match="keys make bob"):
        key_path(home, "bob")
