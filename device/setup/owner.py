"""Owning: what the page may do with this box: look, try, write owner.yaml, and ask for a new start."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import SecretStr

from contracts.errors import ConfigError
from device.clock import Clock
from device.config import Loaded, load
from device.documents import read_yaml
from device.layers import OWNER
from device.masks import masks_of
from device.overlay import later, write_owner
from device.pipeline.board import Board
from device.problems import BadConfig, Loc, Origins
from device.scrub import remember, secrets_in
from device.settings import Settings
from device.setup import areas, broker, cameras, handover, reset
from device.setup.code import SetupCode
from device.setup.looking import Looking
from device.setup.profiles import name_of, profiles
from device.setup.standing import ANYWHERE, host_is_said, unclaimed
from device.setup.trial import trial
from device.web import passwords
from device.web.setup_owner import AreasGiven, BrokerGiven, CameraGiven, Tried

log = logging.getLogger(__name__)
Nearby = Callable[[], Sequence[Mapping[str, Any]]]


class OwnersDesk:
    """`restart` asks this program to begin anew. Called from several threads; one writes at a time."""

    def __init__(self, loaded: Loaded, clock: Clock, board: Board, restart: Callable[[], None], nearby: Nearby) -> None:
        self._running = self._now = loaded
        self._clock, self._board, self._restart, self.brokers = clock, board, restart, nearby
        self._data, self._boot = loaded.settings.data, uuid.uuid4().hex
        self._code, self._looking = SetupCode(self._data), Looking(clock)
        self._unclaimed, self._writing = unclaimed(loaded), threading.Lock()

    def _write(self, changes: Mapping[str, Any], forget: Iterable[Loc] = ()) -> None:
        """On the disk when it returns; what counts then is read again, as a start would."""
        said = self._now.said
        write_owner(self._data, changes, forget=forget, said=said)
        self._now = load(said.device_file, said.profile, said.overrides, revision=said.revision)
        remember(secrets_in(self._now.settings))
        log.info("settings changed on the page", extra={"sections": ", ".join({*changes, *(str(loc[0]) for loc in forget)})})

    @property
    def loaded(self) -> Loaded:
        """What counts at the next start."""
        return self._now

    # ---- whose it is

    @property
    def unclaimed(self) -> bool:
        return self._unclaimed

    def code_fits(self, code: str) -> bool:
        return self._code.fits(code)

    def claim(self, password: SecretStr, code: str | None = None) -> SecretStr:
        """The page is then reached from other machines, unless somebody said from where."""
        with self._writing:
            if code is not None and not (self._unclaimed and self._code.fits(code)):
                raise ConfigError("this box has an owner already; log in")
            kept = passwords.hashed(password.get_secret_value())
            first, page = self._unclaimed, self._now.settings.page
            said: dict[str, Any] = {"password_hash": kept}
            if page is not None and page.password is not None:
                said["password"] = None
            if first and not host_is_said(self._now):
                said["host"] = ANYWHERE
            self._write({"page": said})
            self._unclaimed = False
            if first:
                self._code.void()
                self._board.part("setup", "ok", "", self._clock.wall_ns())
            return SecretStr(kept)

    # ---- what is set

    def state(self) -> Mapping[str, Any]:
        now, held = self._now.settings, later(self._now)
        known = [{"name": name, "words": words} for name, words in profiles(self._now.said.device_file).items()]
        return {
            "boot": self._boot,
            "device": now.device_id,
            "cameras": [self._camera(name, held) for name in now.cameras],
            "running": list(self._running.settings.cameras),
            "profile": {"name": name_of(now.profile), "held": _held(held, "profile"), "gate": areas.gate_of(now), "known": known},
            "broker": broker.shown(now.mqtt),
            "broker_held": _held(held, "mqtt"),
            "pending": _apart(now) != _apart(self._running.settings),
        }

    def _camera(self, name: str, held: Mapping[str, str]) -> dict[str, Any]:
        now = self._now.settings
        return {"name": name, "held": _held(held, f"cameras.{name}"), **cameras.shown(self._options(name)), **areas.shown(now, name)}

    def _options(self, name: str) -> dict[str, Any]:
        camera = self._now.settings.cameras.get(name)
        return {"use": camera.use, **(camera.model_extra or {})} if camera else {}

    # ---- cameras

    def local_cameras(self) -> Sequence[Mapping[str, str]]:
        return cameras.plugged_in()

    def try_camera(self, given: CameraGiven) -> Tried:
        options = cameras.options_of(given, self._options(given.name))
        return self._looking.tried(given.name, options, masks_of(self._now.settings, given.name))

    def picture(self, camera: str) -> bytes | None:
        if self._looking.sees(camera):
            return self._looking.picture()
        options = self._options(camera)
        return self._looking.picture_of(camera, options, masks_of(self._now.settings, camera)) if options else None

    def save_camera(self, given: CameraGiven) -> None:
        with self._writing:
            before = self._options(given.name)
            options: dict[str, Any] = cameras.options_of(given, before)
            gone = dict.fromkeys(set(before) - set(options))  # null: also where another file says it
            if before and before["use"] != options["use"]:
                options |= areas.of_the_place(self._now.settings, given.name)
            self._write({"cameras": {given.name: {**gone, **options}}})

    def remove_camera(self, name: str) -> None:
        with self._writing:
            self._require(name)
            self._write(areas.without(self._now.settings, name))

    def save_areas(self, camera: str, given: AreasGiven) -> None:
        with self._writing:
            self._require(camera)
            try:
                changes = areas.changes(self._now.settings, camera, given)
            except ValueError as error:
                raise ConfigError(str(error)) from error
            if changes:
                self._write(changes)

    def _require(self, camera: str) -> None:
        if camera not in self._now.settings.cameras:
            raise ConfigError(f"camera {camera}: there is none of that name; look at the list of cameras again")

    # ---- what it is for, whom it talks to

    def save_profile(self, name: str) -> None:
        with self._writing:
            if name not in profiles(self._now.said.device_file):
                raise ConfigError(f"profile {name}: there is none of that name; choose one of the list")
            if name == name_of(self._now.settings.profile):
                return
            path = self._data / OWNER
            said = read_yaml(path, Origins()) if path.is_file() else {}
            try:
                self._write({"profile": name})
            except BadConfig:  # what was said of a stage is of one that this profile does not have
                self._write({"profile": name}, areas.of_profile(said))

    def try_broker(self, given: BrokerGiven) -> Tried:
        now = self._now.settings
        return broker.tried(broker.options_of(given, now.mqtt, self._data), now.device_id, self._clock)

    def save_broker(self, given: BrokerGiven | None) -> None:
        with self._writing:
            before = self._now.settings.mqtt
            said = broker.options_of(given, before, self._data) if given else None
            self._write({"mqtt": said})
            broker.sweep(self._data, self._now.settings.mqtt)

    # ---- the box as a whole

    def restart(self, sessions: Mapping[str, int]) -> None:
        self._looking.close()
        if self._now is not self._running:
            trial(self._now, self._clock)
        handover.leave(self._data, sessions)
        self._restart()

    def reset(self, keep_recordings: bool) -> None:
        self._looking.close()
        reset.order(self._data, keep_recordings)
        self._restart()

    def logins(self) -> Mapping[str, int]:
        return handover.take(self._data)


def _apart(settings: Settings) -> Settings:
    """All but the password, which counts at once."""
    page = settings.page and settings.page.model_copy(update={"password": None, "password_hash": None, "host": ""})
    return settings.model_copy(update={"page": page})


def _held(held: Mapping[str, str], key: str) -> str:
    """Why a later layer has the last word on a key, or on something in it."""
    return next((why for name, why in held.items() if name == key or name.startswith(f"{key}.") or key.startswith(f"{name}.")), "")
