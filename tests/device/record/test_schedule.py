from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.record.schedule import Hours, parse, span_at

VIENNA = ZoneInfo("Europe/Vienna")


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def hours_of(text: str, at: str) -> tuple[str, str] | None:
    """The hours an instant lies in, in UTC."""
    span = span_at([parse(each) for each in text.split("; ")], ns(at), VIENNA)
    return span and (_utc(span.start_ns), _utc(span.end_ns))


def _utc(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // 1_000_000_000, timezone.utc):%m-%d %H:%M}"


def test_days_and_hours_are_read() -> None:
    assert parse("mon-fri 22:00-06:00") == Hours(frozenset(range(5)), 1320, 1800)
    assert parse(" Sat,SUN 00:00-24:00 ") == Hours(frozenset({5, 6}), 0, 1440)
    assert parse("daily 07:30-19:00").days == frozenset(range(7))
    assert parse("fri-mon 01:00-02:00").days == frozenset({4, 5, 6, 0})


@pytest.mark.parametrize(
    "text", ["", "mon", "mon 25:00-26:00", "mon 7:00-8:00", "mun 07:00-08:00", "mon 08:00-08:00", "mon 24:00-06:00",
     "mon-tue-wed 07:00-08:00",      "mon, 07:00-08:00"]
)  # fmt: skip
def test_what_is_not_a_schedule_is_refused_and_said_how_it_should_be(text: str) -> None:
    with pytest.raises(ValueError, match=r"mon-fri|time"):
        parse(text)


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    night = "mon-fri 22:00-06:00"
    assert hours_of(night, "2026-11-20T23:00:00+01:00") == ("11-20 21:00", "11-21 05:00")  # a Friday
    assert hours_of(night, "2026-11-21T05:59:59+01:00") == ("11-20 21:00", "11-21 05:00")
    assert hours_of(night, "2026-11-21T06:00:00+01:00") is None
    assert hours_of(night, "2026-11-21T23:00:00+01:00") is None  # a Saturday


def test_hours_that_touch_are_one() -> None:
    begin, end = hours_of("sat,sun 00:00-24:00", "2026-11-21T12:00:00+01:00") or ("", "")
    assert (begin, end) == ("11-20 23:00", "11-22 23:00")
    assert hours_of("mon 08:00-10:00; mon 10:00-12:00; mon 11:00-13:00", "2026-11-23T09:00:00+01:00") == ("11-23 07:00", "11-23 12:00")
    assert hours_of("mon 08:00-10:00; mon 11:00-12:00", "2026-11-23T10:30:00+01:00") is None


def test_when_clocks_are_put_back_the_hour_shown_twice_is_kept_twice() -> None:
    # 2026-10-25: 03:00 summer time becomes 02:00
    assert hours_of("daily 02:00-03:00", "2026-10-25T02:30:00+02:00") == ("10-25 00:00", "10-25 02:00")
    assert hours_of("daily 02:15-02:30", "2026-10-25T02:20:00+01:00") == ("10-25 00:15", "10-25 01:30")
    assert hours_of("sat 22:00-06:00", "2026-10-25T05:00:00+01:00") == ("10-24 20:00", "10-25 05:00")


def test_when_clocks_are_put_on_hours_begin_and_end_at_the_leap() -> None:
    # 2026-03-29: 02:00 becomes 03:00 summer time, which is 01:00 UTC
    assert hours_of("daily 02:30-04:00", "2026-03-29T03:10:00+02:00") == ("03-29 01:00", "03-29 02:00")
    assert hours_of("daily 01:00-02:30", "2026-03-29T01:30:00+01:00") == ("03-29 00:00", "03-29 01:00")
    assert hours_of("daily 02:10-02:50", "2026-03-29T03:00:00+02:00") is None


def test_the_boxs_own_zone_is_taken_where_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now().astimezone()
    text = f"daily {now - timedelta(minutes=1):%H:%M}-{now + timedelta(minutes=3):%H:%M}"
    assert span_at([parse(text)], int(now.timestamp()) * 1_000_000_000) is not None


@given(
    st.integers(0, 1439), st.integers(1, 1440), st.sets(st.integers(0, 6), min_size=1),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.sampled_from(["UTC", "Europe/Vienna", "America/St_Johns", "Asia/Kolkata"]),
)  # fmt: skip
def test_an_instant_is_in_when_clocks_show_it_but_for_days_on_which_they_change(
    start: int, length: int, days: set[int], at: datetime, zone: str
) -> None:
    where = ZoneInfo(zone)
    moment = at.replace(tzinfo=timezone.utc, microsecond=0)
    span = span_at([Hours(frozenset(days), start, start + length)], int(moment.timestamp()) * 1_000_000_000, where)
    local = moment.astimezone(where)
    offsets = {(moment + timedelta(days=n)).astimezone(where).utcoffset() for n in (-2, -1, 0, 1, 2)}
    minute = local.hour * 60 + local.minute
    shown = any((local.weekday() - back) % 7 in days and start <= minute + 1440 * back < start + length for back in (0, 1, 2))
    assert len(offsets) > 1 or (span is not None) == shown
    if span:
        assert span.start_ns <= int(moment.timestamp()) * 1_000_000_000 < span.end_ns
