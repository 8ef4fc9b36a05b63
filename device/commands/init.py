"""`vedette init`: writes a device.yaml, by probing this box and by asking its owner."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from contracts.errors import ConfigError, StorageError
from contracts.files import rename_durably, write_durably
from contracts.shown import shown
from contracts.topics import DeviceId
from device import capture, config
from device.capture.local import LocalCamera, local_cameras
from device.capture.v4l2 import V4l2Source
from device.clock import SystemClock
from device.probes import camera as probe_camera
from device.publish.broker import BrokerOptions
from device.scrub import masked, secrets_in

HEAD = "# This box. docs/guide/configure.md says how, docs/guide/options.md has every key; `vedette check` says what is wrong with it.\n"
MQTT_PORT = 1883
RTSP = re.compile(r"rtsps?://(\S*@)?[^\s/@]+(/\S*)?")  # with a host


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, default=Path("device.yaml"), metavar="FILE", help="what to write (default ./device.yaml)")
    parser.add_argument("--device-id", metavar="ID", help="this box on the wire (default: made of the host's name)")
    parser.add_argument("--profile", default="street", metavar="NAME", help="what the box is for (default street)")
    parser.add_argument(
        "--camera",
        action="append",
        default=[],
        metavar="NAME=ADDRESS",
        help="rtsp://..., /dev/video0, a file, a folder, `pattern`; may be repeated. Default: every local camera that gives a picture",
    )
    parser.add_argument("--broker", metavar="HOST[:PORT]", help="MQTT broker; `none` for none (default: one on this host, if there is one)")
    parser.add_argument("--yes", action="store_true", help="ask nothing: take what was given or found")
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON (asks nothing)")


def run(args: argparse.Namespace) -> int:
    if args.output.exists() and not args.force:
        raise ConfigError(f"{args.output}: is there already; choose another --output, or --force to write over it (a copy is kept)")
    if args.output.is_dir():
        raise ConfigError(f"{args.output}: is a folder; give --output the name of a file in it")
    asking = sys.stdin.isatty() and not args.yes and not args.json
    written = answers(args, _ask if asking else _take)
    _write(args.output, HEAD + yaml.safe_dump(written, sort_keys=False, allow_unicode=True))
    said = f"{args.output} written. Next: `vedette check`, then `vedette run`."
    print(json.dumps(masked({"file": str(args.output), **written})) if args.json else said)
    return 0


def _write(path: Path, text: str) -> None:
    """Only a configuration that passes takes the place of what was there, of which a copy is kept.

    With a password in it, others may not read it.
    """
    draft = path.with_name(path.name + ".new")
    write_durably(draft, text.encode())
    try:
        if any(secrets_in(yaml.safe_load(text))):
            draft.chmod(0o600)
        config.load(draft)
        if path.exists():
            shutil.copy2(path, path.with_name(path.name + ".before"))
        rename_durably(draft, path)
    except ConfigError as error:
        raise ConfigError(f"{path} is not written:\n{str(error).replace(str(draft), 'answer')}") from error
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}; choose another --output") from error
    finally:
        draft.unlink(missing_ok=True)


Check = Callable[[str], Any]
Ask = Callable[[str, str, Check], Any]


def _ask(question: str, default: str, check: Check) -> Any:
    """Until the answer will do."""
    while True:
        try:
            answer = input(f"{question} [{default or 'none'}]: ").strip() or default
        except EOFError:
            raise ConfigError("the answers ended; nothing is written: answer every question, or say --yes") from None
        try:
            return check(answer)
        except ConfigError as error:
            print(f"  {error}", file=sys.stderr)


def _take(_question: str, default: str, check: Check) -> Any:
    return check(default)


def answers(args: argparse.Namespace, ask: Ask) -> dict[str, Any]:
    device = ask("Name of this box, 3 to 40 of a-z, 0-9 and -", args.device_id or config.host_id(), checked_id)
    cameras = dict(parse_camera(text) for text in args.camera) or found_cameras()
    if not args.camera:
        question = "Another camera (rtsp://..., /dev/videoN, a file, `pattern`)"
        found = ask(question, "" if cameras else "pattern", lambda text: read_address(text) if text else None)
        if found:
            cameras[ask("Its name", _free("front", cameras), str)] = found
    broker = ask("MQTT broker, host or host:port, or none", args.broker or found_broker(), parse_broker)
    written: dict[str, Any] = {"device_id": device, "profile": args.profile, "cameras": cameras}
    return {**written, "mqtt": broker} if broker else written


def _free(name: str, taken: Mapping[str, Any]) -> str:
    return name if name not in taken else _free(f"{name}2", taken)


def checked_id(text: str) -> str:
    try:
        return TypeAdapter(DeviceId).validate_python(text)
    except ValidationError as error:
        words = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"device id {text!r}: {words}; take 3 to 40 of a-z, 0-9 and -") from error


def parse_camera(text: str) -> tuple[str, dict[str, Any]]:
    name, equals, address = text.partition("=")
    if not equals or not name or not address:
        raise ConfigError(f"--camera {text}: is not NAME=ADDRESS; write for example --camera yard=rtsp://10.0.0.5/stream1")
    return name, read_address(address)


def read_address(address: str) -> dict[str, Any]:
    """What sort of camera an address means, its options checked."""
    if RTSP.fullmatch(address):
        found: dict[str, Any] = {"use": "rtsp", "url": address}
    elif address.startswith("/dev/"):
        found = {"use": "v4l2", "path": address}
    elif address == "pattern":
        found = {"use": "pattern", "pace": "realtime"}
    elif Path(address).is_dir():
        found = {"use": "folder", "path": str(Path(address).absolute())}
    elif Path(address).is_file():
        found = {"use": "file", "path": str(Path(address).absolute()), "pace": "realtime", "loop": True}
    else:
        raise ConfigError(f"camera {address}: is neither rtsp://, /dev/..., a file nor a folder that exists; correct the address")
    _checked(found)
    return found


def _checked(camera: Mapping[str, Any]) -> None:
    module, _, name = capture.SOURCES[camera["use"]].partition(":")
    options: type[BaseModel] = getattr(__import__(module, fromlist=[name]), name).Options
    try:
        options(**{key: value for key, value in camera.items() if key != "use"})
    except ValidationError as error:
        raise ConfigError(f"camera {camera['use']}: {error.errors()[0]['msg']}; correct the address") from error


def found_cameras(cameras: Iterable[LocalCamera] | None = None) -> dict[str, Any]:
    """Local cameras that give a picture, by the id that stays the same whatever is plugged in first."""
    found: dict[str, Any] = {}
    for camera in local_cameras() if cameras is None else cameras:
        name = f"camera{len(found) + 1}"
        finding = probe_camera(V4l2Source(name, V4l2Source.Options(device=camera.id), SystemClock()), 5)
        print(shown(f"{camera.name}, {camera.id}: {finding.text}"), file=sys.stderr)
        if finding.level in {"ok", "note"}:
            found[name] = {"use": "v4l2", "device": camera.id}
    return found


def found_broker() -> str:
    """A broker on this host, if one listens."""
    try:
        with socket.create_connection(("127.0.0.1", MQTT_PORT), 0.5):
            return f"127.0.0.1:{MQTT_PORT}"
    except OSError:
        return "none"


def parse_broker(text: str) -> dict[str, Any] | None:
    """None for `none`."""
    if text in {"", "none"}:
        return None
    host, _, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    found = {"host": host, **({"port": port} if port else {})}
    try:
        options = BrokerOptions.model_validate(found)
    except ValidationError as error:
        raise ConfigError(f"broker {text}: {error.errors()[0]['msg']}; write HOST or HOST:PORT") from error
    return {"host": host, **({"port": options.port} if port else {})}
