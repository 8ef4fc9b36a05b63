"""DeviceId: what a local camera is called for good: model and serial number, or the socket it is plugged into; never /dev/videoN."""

from __future__ import annotations

import re
from dataclasses import dataclass

SERIAL = r"[A-Za-z0-9._-]{1,64}"
PORT = r"[A-Za-z0-9:._-]{1,80}"
NTH = r"(/(?P<nth>\d{1,2}))?"
USB = re.compile(rf"usb:(?P<vendor>[0-9a-f]{{4}}):(?P<product>[0-9a-f]{{4}})(:(?P<serial>{SERIAL}))?(@(?P<port>{PORT}))?{NTH}", re.ASCII)
BUS = re.compile(rf"bus:(?P<port>{PORT}){NTH}", re.ASCII)


@dataclass(frozen=True, slots=True)
class DeviceId:
    """`usb:046d:0892:1A2B3C`, `usb:046d:0892@0000:00:14.0-2.3` (in that socket), `bus:platform:vivid-000`; `/1`: its second camera."""

    vendor: str = ""
    product: str = ""
    serial: str = ""
    port: str = ""
    nth: int = 0

    @classmethod
    def parse(cls, text: str) -> DeviceId:
        """ValueError says how it is written."""
        found = USB.fullmatch(text) or BUS.fullmatch(text)
        if found is None:
            raise ValueError("is no camera's id such as usb:046d:0892:1A2B3C; `vedette cameras` lists those that are plugged in")
        parts = {name: value for name, value in found.groupdict().items() if value is not None and name != "nth"}
        return cls(**parts, nth=int(found["nth"] or 0))

    def __str__(self) -> str:
        nth = f"/{self.nth}" if self.nth else ""
        if not self.vendor:
            return f"bus:{self.port}{nth}"
        serial, port = f":{self.serial}" if self.serial else "", f"@{self.port}" if self.port else ""
        return f"usb:{self.vendor}:{self.product}{serial}{port}{nth}"

    def means(self, other: DeviceId) -> bool:
        """Whether a camera with all of `other` is one of those that this names: what is not said here may be anything."""
        if self.nth != other.nth or bool(self.vendor) != bool(other.vendor):
            return False
        pairs = ((mine, theirs) for mine, theirs in zip(self._parts(), other._parts(), strict=True) if mine)
        return all(mine == theirs for mine, theirs in pairs)

    def same_model(self, other: DeviceId) -> bool:
        return bool(self.vendor) and (self.vendor, self.product) == (other.vendor, other.product)

    def _parts(self) -> tuple[str, str, str, str]:
        return self.vendor, self.product, self.serial, self.port


def cleaned(text: str, longest: int = 64) -> str:
    """What a device says of itself, as it may stand in an id: it may say anything."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text.strip())[:longest]
