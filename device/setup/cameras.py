"""Cameras: what an owner types about one, made into its options; which are plugged in; what may be asked for and what not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from contracts.errors import ConfigError
from device.capture.local import local_cameras
from device.web.setup_owner import CameraGiven

SCHEMES = ("rtsp", "rtsps")
HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")  # names and addresses, those of IPv6 without brackets
CAN_BE_TYPED = re.compile(r"[\x21-\x7e]*")
TEST = {"use": "pattern", "pace": "realtime", "seconds": 0}


def plugged_in() -> list[dict[str, str]]:
    """By the ids that stay the same whatever is plugged in first, and what they call themselves."""
    return [{"id": camera.id, "name": camera.name, "fault": camera.fault} for camera in local_cameras()]


def options_of(given: CameraGiven, before: Mapping[str, Any]) -> dict[str, Any]:
    """As it stands in a configuration. `before`: what is kept under that name, whose password may be meant."""
    if given.kind == "test":
        return dict(TEST)
    if given.kind == "usb":
        same = given.address and given.address == before.get("device")  # it may be unplugged at this moment
        if not same and given.address not in {camera.id for camera in local_cameras()}:
            raise ConfigError(f"camera {given.name}: that one is not plugged in; plug it in and look again")
        return {"use": "v4l2", "device": given.address}
    return {"use": "rtsp", "url": _url(given, before), "transport": given.transport}


def _url(given: CameraGiven, before: Mapping[str, Any]) -> str:
    what = f"camera {given.name}"
    parts = _split(given.address.strip(), what)
    user = given.user or unquote(parts.username or "")
    password = given.password.get_secret_value() if given.password is not None else unquote(parts.password or "")
    if given.password is None and not password:
        password = _kept(parts, user, before)
    if password and not user:
        raise ConfigError(f"{what}: a password without a user; type the user too")
    who = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "") + "@" if user else ""
    return f"{parts.scheme}://{who}{_where(parts)}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _split(address: str, what: str) -> SplitResult:
    """Only what an RTSP camera can be: this program opens no file and no other service that is typed here."""
    if "://" not in address:
        address = f"rtsp://{address}"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"{what}: the address is not one ({error}); write rtsp://192.0.2.10/stream1") from error
    if parts.scheme not in SCHEMES:
        mend = "give the camera's RTSP address, rtsp://..., which its own page or its manual says"
        raise ConfigError(f"{what}: {parts.scheme}:// is not what a camera is reached by here; {mend}")
    half = parts.netloc.endswith((":", "@"))
    if half or not HOST.fullmatch(parts.hostname or "") or port == 0 or not CAN_BE_TYPED.fullmatch(address):
        raise ConfigError(f"{what}: the address has no host, or a character that none has; write rtsp://192.0.2.10/stream1")
    return parts


def _where(parts: SplitResult) -> str:
    host = str(parts.hostname)
    return (f"[{host}]" if ":" in host else host) + (f":{parts.port}" if parts.port else "")


def _kept(parts: SplitResult, user: str, before: Mapping[str, Any]) -> str:
    """The password that is kept, for the same user of the same camera only: it is not sent to another."""
    old = urlsplit(str(before.get("url", "")))
    same = (old.scheme, old.hostname, old.port, unquote(old.username or "")) == (parts.scheme, parts.hostname, parts.port, user)
    return unquote(old.password or "") if same else ""


def shown(options: Mapping[str, Any]) -> dict[str, Any]:
    """A camera as the page may say it: whether there is a password, never which."""
    use = str(options.get("use", ""))
    if use != "rtsp":
        kind = {"v4l2": "usb", "pattern": "test"}.get(use, "other")
        address = str(options.get("device") or options.get("path") or "")
        return {"kind": kind, "use": use, "address": address, "user": "", "has_password": False, "transport": "tcp"}
    parts = urlsplit(str(options.get("url", "")))
    address = f"{parts.scheme}://{_where(parts)}{parts.path}" + (f"?{parts.query}" if parts.query else "")
    known = {"user": unquote(parts.username or ""), "has_password": bool(parts.password), "transport": str(options.get("transport", "tcp"))}
    return {"kind": "rtsp", "use": use, "address": address, **known}
