"""No password leaves in a log or a message."""

import pytest

from device.capture.address import redact


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("rtsp://owner:hush@10.0.0.9:554/h264", "rtsp://***@10.0.0.9:554/h264"),
        ("cannot open 'rtsp://owner:hu@sh@cam/x'", "cannot open 'rtsp://***@cam/x'"),
        ("rtsp://cam/x", "rtsp://cam/x"),
        ('rtspsrc location=rtsp://a:b@c/d user-pw="hu sh" ! x', "rtspsrc location=rtsp://***@c/d user-pw=*** ! x"),
        ("http://cam/video?user=a&password=hush&size=1", "http://cam/video?user=a&password=***&size=1"),
    ],
)
def test_what_is_secret_becomes_stars(text: str, clean: str) -> None:
    assert redact(text) == clean
