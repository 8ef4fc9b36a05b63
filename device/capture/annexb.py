"""H.264 and HEVC in one form: Annex B start codes, with the parameter sets in front of every key frame."""

from __future__ import annotations

from device.pipeline.codec_string import nal_units

START = b"\x00\x00\x00\x01"
PARAMETER_SETS = {"h264": (7, 8), "hevc": (32, 33, 34)}  # SPS PPS; VPS SPS PPS
SEQUENCE = {"h264": 7, "hevc": 33}
DELIMITER = {"h264": 9, "hevc": 35}


def kind(codec: str, nal: bytes) -> int:
    """The type of a NAL unit, as its standard numbers it."""
    return nal[0] & 0x1F if codec == "h264" else (nal[0] >> 1) & 0x3F


def split(data: bytes) -> list[bytes]:
    """The NAL units of an Annex B byte stream."""
    return list(nal_units(data))


def from_lengths(data: bytes, size: int) -> list[bytes]:
    """The NAL units of an MP4 or Matroska sample, each after its length of `size` bytes; a cut one is given as far as it goes."""
    nals, at = [], 0
    while at + size <= len(data):
        length = int.from_bytes(data[at : at + size], "big")
        nal = data[at + size : at + size + length]
        if nal:
            nals.append(nal)
        at += size + length
    return nals


def join(nals: list[bytes]) -> bytes:
    return b"".join(START + nal for nal in nals)


def configuration(codec: str, extradata: bytes) -> tuple[int, list[bytes]]:
    """Size of the length fields in packets (0: they are Annex B already) and the parameter sets, of a stream's headers."""
    if not extradata or extradata[0] != 1 or len(extradata) < 7:
        return 0, split(extradata)
    return _avcc(extradata) if codec == "h264" else _hvcc(extradata)


def _avcc(box: bytes) -> tuple[int, list[bytes]]:
    """ISO 14496-15, AVCDecoderConfigurationRecord."""
    nals, at = _sized(box, 6, box[5] & 0x1F)
    if at < len(box):
        more, _ = _sized(box, at + 1, box[at])
        nals += more
    return (box[4] & 3) + 1, nals


def _hvcc(box: bytes) -> tuple[int, list[bytes]]:
    """ISO 14496-15, HEVCDecoderConfigurationRecord: arrays of units by type after 22 bytes of profile."""
    if len(box) < 23:
        return 4, []
    nals: list[bytes] = []
    at = 23
    for _ in range(box[22]):
        count = int.from_bytes(box[at + 1 : at + 3], "big")
        more, at = _sized(box, at + 3, count)
        nals += more
    return (box[21] & 3) + 1, nals


def _sized(box: bytes, at: int, count: int) -> tuple[list[bytes], int]:
    """`count` units from `at`, each after a length of two bytes, and where they end."""
    nals = []
    for _ in range(count):
        length = int.from_bytes(box[at : at + 2], "big")
        nal = box[at + 2 : at + 2 + length]
        if not nal:
            break
        nals.append(nal)
        at += 2 + length
    return nals, at


class ParameterSets:
    """Keeps the newest parameter sets of a stream and sees to it that every key frame carries them."""

    def __init__(self, codec: str, extradata: bytes) -> None:
        self._codec = codec
        self._size, sets = configuration(codec, extradata)
        self._sets: list[bytes] = [nal for nal in sets if kind(codec, nal) in PARAMETER_SETS[codec]]

    def normalise(self, data: bytes, key: bool) -> bytes:
        """The packet as Annex B, its parameter sets in front when it is a key frame."""
        if not key:
            return join(from_lengths(data, self._size)) if self._size else data
        nals = from_lengths(data, self._size) if self._size else split(data)
        kinds = [kind(self._codec, nal) for nal in nals]
        own = [nal for nal, k in zip(nals, kinds, strict=True) if k in PARAMETER_SETS[self._codec]]
        self._learn(own)
        if not self._size and set(PARAMETER_SETS[self._codec]) <= set(kinds):
            return data
        first = 1 if kinds and kinds[0] == DELIMITER[self._codec] else 0
        return join(nals[:first] + self._sets + [nal for nal in nals[first:] if nal not in own])

    def _learn(self, own: list[bytes]) -> None:
        """Sets seen in the stream replace those of their type."""
        fresh = {kind(self._codec, nal) for nal in own}
        kept = [nal for nal in self._sets if kind(self._codec, nal) not in fresh]
        self._sets = sorted(kept + own, key=lambda nal: PARAMETER_SETS[self._codec].index(kind(self._codec, nal)))

    def sequence(self) -> list[bytes]:
        """The sequence parameter sets: when they change, the stream is another one."""
        return [nal for nal in self._sets if kind(self._codec, nal) == SEQUENCE[self._codec]]

    def extradata(self) -> bytes:
        """All parameter sets, Annex B; empty while none is known."""
        return join(self._sets) if self.sequence() else b""
