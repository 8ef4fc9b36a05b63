"""People in the store: on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import select, text, update

from contracts.errors import ConfigError
from tests.clocks import HandClock
from trainer.accounts.accounts import Accounts, TooMany
from trainer.accounts.audit import HERE
from trainer.accounts.guesses import Guesses
from trainer.accounts.passwords import Cost, hashed, same
from trainer.store.account_tables import audit, logins, users
from trainer.store.database import Database

LIGHT = Cost(10, 8, 1)
PASSWORD = "correct horse battery"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def accounts(url: str, clock: HandClock) -> Iterator[Accounts]:
    database = Database(url)
    made = Accounts(database, clock, hours=1, cost=LIGHT)
    made.users.add("ada", "admin", PASSWORD, HERE)
    yield made
    database.close()


def cookie_of(accounts: Accounts, name: str = "ada", password: str = PASSWORD) -> str:
    found = accounts.enter(name, password, "192.0.2.1")
    assert isinstance(found, str)
    return found


def test_a_session_says_whose_it_is_until_its_hours_are_over(accounts: Accounts, clock: HandClock) -> None:
    cookie = cookie_of(accounts)
    person = accounts.logins.person(cookie)
    assert person
    assert (person.name, person.role, person.may("labeller")) == ("ada", "admin", True)
    assert accounts.logins.person(cookie + "x") is None
    clock.advance(3599)
    assert accounts.logins.person(cookie)
    clock.advance(2)
    assert accounts.logins.person(cookie) is None


def test_the_store_has_neither_password_nor_cookie(accounts: Accounts) -> None:
    cookie = cookie_of(accounts)
    with accounts._database.read() as connection:
        kept = [str(tuple(row)) for table in (users, logins) for row in connection.execute(select(table))]
    assert not [row for row in kept if PASSWORD in row or cookie in row]


def test_a_twenty_first_session_ends_the_oldest(accounts: Accounts, clock: HandClock) -> None:
    cookies = []
    for _ in range(21):
        clock.advance(1)
        cookies.append(cookie_of(accounts))
    assert accounts.logins.person(cookies[0]) is None
    assert all(accounts.logins.person(cookie) for cookie in cookies[1:])


def test_a_role_that_changes_and_a_user_who_goes_are_felt_at_once(accounts: Accounts) -> None:
    accounts.users.add("lea", "labeller", PASSWORD, HERE)
    cookie = cookie_of(accounts, "lea")
    accounts.users.change_role("lea", "viewer", HERE)
    person = accounts.logins.person(cookie)
    assert person
    assert not person.may("labeller")
    accounts.users.remove("lea", HERE)
    assert accounts.logins.person(cookie) is None


def test_the_last_admin_stays(accounts: Accounts) -> None:
    for change in (lambda: accounts.users.remove("ada", HERE), lambda: accounts.users.change_role("ada", "viewer", HERE)):
        with pytest.raises(ConfigError, match="last admin stays"):
            change()
    accounts.users.add("bo", "admin", PASSWORD, HERE)
    accounts.users.remove("ada", HERE)
    assert [user.name for user in accounts.users.all()] == ["bo"]


@pytest.mark.parametrize("name", ["", " ada", "a b", "x" * 65, "../x", "<b>", "ada\n"])
def test_a_strange_name_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(ConfigError, match="is no name"):
        accounts.users.add(name, "viewer", PASSWORD, HERE)


def test_short_passwords_unknown_roles_and_names_that_are_taken_are_refused(accounts: Accounts) -> None:
    for name, role, password, words in (
        ("bo", "viewer", "short", "has 5 characters"), ("bo", "viewer", "a" * 20, "four different"), ("bo", "boss", PASSWORD, "role"),
        ("ada", "viewer", PASSWORD, "there already"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=words):
            accounts.users.add(name, role, password, HERE)
    with pytest.raises(ConfigError, match="there is none"):
        accounts.users.remove("nobody", HERE)


def test_what_was_typed_as_a_name_by_mistake_is_not_written_down(accounts: Accounts) -> None:
    assert accounts.enter("my secret password", "ada", "192.0.2.1") is None
    assert accounts.audit.page()[0].what == "an unknown name"


def test_guesses_wait_longer_and_longer_by_address_and_by_name(accounts: Accounts, clock: HandClock) -> None:
    for _ in range(5):
        assert accounts.enter("ada", "wrong", "192.0.2.7") is None
    assert isinstance(accounts.enter("ada", PASSWORD, "192.0.2.7"), TooMany)
    assert isinstance(accounts.enter("ada", PASSWORD, "192.0.2.8"), str)
    clock.advance(2)
    assert isinstance(accounts.enter("ada", PASSWORD, "192.0.2.7"), str)


def test_guesses_from_many_addresses_are_slowed_down_by_name_and_an_ipv6_network_is_one_address() -> None:
    clock = HandClock()
    guesses = Guesses(clock)
    for n in range(40):
        guesses.wrong(f"192.0.2.{n}", "Ada")
    assert 0 < guesses.wait_s("198.51.100.1", "ada") <= 60
    for n in range(6):
        guesses.wrong(f"2001:db8::{n}", f"user{n}")
    assert guesses.wait_s("2001:db8::ffff", "somebody") > 0
    assert guesses.wait_s("2001:db8:1::1", "somebody") == 0


def test_a_password_is_compared_with_what_was_kept_of_it() -> None:
    kept = hashed(PASSWORD, LIGHT)
    assert same(PASSWORD, kept)
    assert not same(PASSWORD + " ", kept)
    assert hashed(PASSWORD, LIGHT) != kept


def test_the_audit_says_who_did_what_and_a_line_that_was_changed_is_found(accounts: Accounts) -> None:
    cookie_of(accounts)
    accounts.users.add("bo", "viewer", PASSWORD, HERE)
    accounts.audit.note(HERE, "looked", "at <b>it</b>", count=3)
    assert [deed.action for deed in accounts.audit.page()] == ["looked", "user added", "logged in", "user added"]
    assert [deed.number for deed in accounts.audit.page(before=3, limit=1)] == [2]
    assert [deed.who for deed in accounts.audit.page(who="ada")] == ["ada"]
    assert accounts.audit.broken() is None
    with accounts._database.write() as connection:
        connection.execute(update(audit).where(audit.c.number == 2).values(who="bo"))
    assert accounts.audit.broken() == 2
    with accounts._database.write() as connection:
        connection.execute(update(audit).where(audit.c.number == 2).values(who="ada"))
        connection.execute(text("DELETE FROM audit WHERE number = 3"))
    assert accounts.audit.broken() == 3


def test_two_admins_who_remove_each_other_leave_one(accounts: Accounts) -> None:
    for n in range(8):
        accounts.users.add(f"bo{n}", "admin", PASSWORD, HERE)
        names = [user.name for user in accounts.users.all()]
        both = threading.Barrier(2, timeout=30)

        def demote(name: str, both: threading.Barrier = both) -> str:
            both.wait()
            try:
                accounts.users.change_role(name, "viewer", HERE)
            except ConfigError as error:
                return str(error)
            return ""

        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(demote, names))
        left = [user.name for user in accounts.users.all() if user.role == "admin"]
        assert (len(left), sorted(map(bool, said))) == (1, [False, True])
        for name in set(names) - set(left):
            accounts.users.remove(name, HERE)


def test_many_guesses_at_once_are_no_more_than_those_one_after_the_other(accounts: Accounts) -> None:
    with ThreadPoolExecutor(24) as pool:
        said = list(pool.map(lambda n: accounts.enter("ada", f"wrong {n}", "192.0.2.1"), range(24)))
    assert 5 <= said.count(None) <= 7  # five are free, and two are compared at a time
    assert all(isinstance(each, TooMany) for each in said if each is not None)


@pytest.mark.parametrize("change", ["password", "removed"])
def test_who_knew_the_old_password_is_not_let_in_while_it_changes(accounts: Accounts, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    accounts.users.add("bo", "viewer", PASSWORD, HERE)

    def meanwhile(password: str, kept: str) -> bool:
        right = same(password, kept)
        if change == "password":
            accounts.users.change_password("bo", "another horse battery", HERE)
        else:
            accounts.users.remove("bo", HERE)
        return right

    monkeypatch.setattr("trainer.accounts.accounts.same", meanwhile)
    assert accounts.enter("bo", PASSWORD, "192.0.2.1") is None
    with accounts._database.read() as connection:
        assert connection.execute(select(logins)).all() == []
