"""Looking: cameras tried, one at a time, before they are part of this box."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from contracts.errors import ConfigError, HardwareError
from device import capture
from device.clock import Clock
from device.pipeline.packets import Outlines
from device.plugs import Plug, resolved
from device.problems import Origins, Problem
from device.scrub import remember, secrets_in
from device.setup.preview import Preview
from device.web.setup_owner import Tried

TRY_S = 14.0  # an RTSP camera may take eight to answer, and a key frame may take some more


class Looking:
    """Holds the camera that was tried last, as long as somebody asks for its picture."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._preview: Preview | None = None

    def tried(self, name: str, options: Mapping[str, Any], hides: Outlines = ()) -> Tried:
        """Opened, and its first picture waited for. ConfigError while another is being tried."""
        if not self._turn.acquire(blocking=False):
            raise ConfigError("a camera is being tried; wait for it")
        try:
            self.close()  # most cameras take one reader
            self._preview = self._opened(name, options, hides)
            stream = self._preview.first(TRY_S)
        except HardwareError as error:
            text, _, mend = str(error).partition("; ")
            return Tried(False, text.removeprefix(f"camera {name}: "), mend)
        finally:
            self._turn.release()
        return Tried(True, stream.codec, "", stream.width, stream.height)

    def _opened(self, name: str, options: Mapping[str, Any], hides: Outlines) -> Preview:
        remember(secrets_in(dict(options)))
        problems: list[Problem] = []
        found = resolved({name: Plug.model_validate(options)}, "cameras", capture.SOURCES, Origins(last_file="typed"), problems)
        if problems:
            raise ConfigError(f"camera {name}: {problems[0].what}; {problems[0].mend}")
        cls, checked = found[name]
        return Preview(cls(name, checked, self._clock), self._clock, hides)

    def sees(self, name: str) -> bool:
        return self._preview is not None and self._preview.camera == name and not self._preview.over

    def picture(self) -> bytes | None:
        """Of the camera that was tried last."""
        return self._preview.picture() if self._preview else None

    def picture_of(self, name: str, options: Mapping[str, Any], hides: Outlines = ()) -> bytes | None:
        """ConfigError says why there is none."""
        if not self.sees(name):
            tried = self.tried(name, options, hides)
            if not tried.ok:
                raise ConfigError(f"camera {name}: {tried.text}; {tried.mend}")
        return self.picture()

    def close(self) -> None:
        preview, self._preview = self._preview, None
        if preview is not None:
            preview.close()
