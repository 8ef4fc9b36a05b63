"""What may be typed about a camera, and what of it is shown again."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.errors import ConfigError
from device.capture.rtsp import RtspSource
from device.setup.cameras import options_of, shown
from device.web.setup_owner import CameraGiven

KEPT = {"use": "rtsp", "url": "rtsp://joe:s3cr%40t@192.0.2.10:554/one"}


def typed(address: str, **more: Any) -> CameraGiven:
    return CameraGiven(name="yard", kind="rtsp", address=address, **more)


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd", "http://192.0.2.1/x", "https://192.0.2.1/", "concat:/etc/passwd|x", "/etc/passwd", "gopher://192.0.2.1/",
        "rtsp:///etc/passwd", "rtsp://", "", "rtsp://a b/", "rtsp://h/\nx", "rtsp://h:99999/", "rtsp://h:0/", "rtsp://[::1/", "udp://h:1",
        "rtmp://h/x", "data:video/mp4;base64,AAAA", "rtsp://ho\u0000st/", "pipe:0", "subfile,,start,0,end,9,,:/etc/passwd", "rtsp://h%0d%0a/",
    ],
)  # fmt: skip
def test_only_an_rtsp_camera_on_some_host_is_opened(address: str) -> None:
    with pytest.raises(ConfigError, match=r"^camera yard: "):
        options_of(typed(address), {})


def test_user_and_password_go_into_the_address_whatever_is_in_them() -> None:
    found = options_of(typed("192.0.2.10/one?x=1", user="jo:e", password=SecretStr("s3cr@t/ä")), {})
    assert found == {"use": "rtsp", "url": "rtsp://jo%3Ae:s3cr%40t%2F%C3%A4@192.0.2.10/one?x=1", "transport": "tcp"}
    assert shown(found) | {"transport": ""} == {
        "kind": "rtsp", "use": "rtsp", "address": "rtsp://192.0.2.10/one?x=1", "user": "jo:e", "has_password": True, "transport": "",
    }  # fmt: skip
    assert options_of(typed("rtsp://joe:pw@[2001:db8::1]:8554/"), {})["url"] == "rtsp://joe:pw@[2001:db8::1]:8554/"


def test_a_kept_password_is_sent_to_no_other_host() -> None:
    same = options_of(typed("rtsp://192.0.2.10:554/two", user="joe"), KEPT)
    assert same["url"] == "rtsp://joe:s3cr%40t@192.0.2.10:554/two"
    for address, user in (("rtsp://192.0.2.11:554/one", "joe"), ("rtsp://192.0.2.10:555/one", "joe"), ("rtsp://192.0.2.10:554/one", "ann")):
        assert "s3cr" not in options_of(typed(address, user=user), KEPT)["url"]


def test_a_plugged_in_camera_is_one_of_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("device.setup.cameras.local_cameras", list)
    given_ = CameraGiven(name="yard", kind="usb", address="/etc/passwd")
    with pytest.raises(ConfigError, match="not plugged in"):
        options_of(given_, {})
    again = CameraGiven(name="yard", kind="usb", address="usb:046d:0825")
    assert options_of(again, {"use": "v4l2", "device": "usb:046d:0825"}) == {"use": "v4l2", "device": "usb:046d:0825"}


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_what_passes_is_an_address_that_the_source_takes(address: str, user: str, password: str) -> None:
    try:
        found = options_of(typed(address, user=user, password=SecretStr(password)), {})
    except ConfigError:
        return
    url = RtspSource.Options(url=found["url"]).url
    assert url.startswith(("rtsp://", "rtsps://")) and url.isprintable() and " " not in url
    assert "@" not in shown(found)["address"].partition("?")[0].partition("://")[2].partition("/")[0]


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "\u202ea", "x" * 65])
def test_names_that_cannot_be_read_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        CameraGiven(name=name, kind="test")
