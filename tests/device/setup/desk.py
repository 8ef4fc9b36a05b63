"""The page of a box without an owner, in this process: the real owner's desk over a real configuration."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from device.clock import SystemClock
from device.config import load
from device.setup.opening import owners_desk
from device.setup.owner import OwnersDesk
from tests.device.setup.newbox import BOX, PASSWORD, device_yaml
from tests.device.web.conftest import Running
from tests.device.web.demo import Demo


class Desk:
    """`again` is set when the page asks for a new start."""

    def __init__(self, folder: Path, options: dict[str, Any] | None = None, **more: Any) -> None:
        self.folder, self.data, self.again = folder, folder / "data", threading.Event()
        loaded = load(device_yaml(folder, **more))
        demo = Demo(folder / "demo")
        self.board = demo.desk.board
        self.owner: OwnersDesk = owners_desk(loaded, SystemClock(), self.board, self.again.set)
        demo.desk = replace(demo.desk, owner=self.owner, device_id=BOX, data=self.data)
        self.desk = demo.desk
        self.page = Running(demo, **(options or {}))
        self.http = self.page.http
        self.same = {"origin": self.page.base}

    @property
    def code(self) -> str:
        return (self.data / "config" / "setup-code").read_text()

    def claim(self, code: str = "", **headers: str) -> Any:
        form = {"code": code or self.code, "password": PASSWORD, "again": PASSWORD}
        return self.http.post("/setup", data=form, headers={**self.same, **headers})

    def set(self, path: str, said: Any, **headers: str) -> Any:
        return self.http.post(f"/api/v1/settings/{path}", json=said, headers={**self.same, **headers})

    def close(self) -> None:
        self.page.close()
        assert self.page.error is None
