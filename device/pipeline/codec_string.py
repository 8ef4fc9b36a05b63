"""The codec of a stream in RFC 6381's words, which a browser's canPlayType and MediaSource.isTypeSupported understand."""

from __future__ import annotations

from collections.abc import Iterator

from device.pipeline.packets import Packet

H264_SPS, HEVC_SPS = 7, 33  # nal_unit_type: ITU-T H.264 table 7-1, H.265 table 7-1


def codec_string(key: Packet) -> str | None:
    """`avc1.64001f`, `hvc1.1.6.L93.B0`; None for what has no such name or where the parameter sets are nowhere to be found."""
    sets = [*nal_units(key.stream.extradata), *nal_units(key.data)]
    if key.stream.codec == "h264":
        return next((f"avc1.{unit[1:4].hex()}" for unit in sets if unit[0] & 31 == H264_SPS and len(unit) > 4), None)
    if key.stream.codec == "hevc":
        return next((_hvc1(unit) for unit in sets if unit[0] >> 1 & 63 == HEVC_SPS and len(unit) > 15), None)
    return None


def nal_units(annex_b: bytes) -> Iterator[bytes]:
    """What is between start codes; zeros at an end belong to the next start code."""
    for piece in annex_b.split(b"\0\0\1")[1:]:
        unit = piece.rstrip(b"\0")
        if unit:
            yield unit


def _hvc1(sps: bytes) -> str:
    """ISO/IEC 14496-15 annex E: profile, compatibility flags in reversed bit order, tier and level, constraints without trailing zeros."""
    raw = sps[2:].replace(b"\0\0\3", b"\0\0")  # emulation prevention out of the way
    profile = raw[1:13]  # profile_tier_level follows one byte of identifiers
    space = ("", "A", "B", "C")[profile[0] >> 6]
    flags = int(f"{int.from_bytes(profile[1:5], 'big'):032b}"[::-1], 2)
    tier = "H" if profile[0] & 0x20 else "L"
    constraints = [f".{byte:X}" for byte in profile[5:11].rstrip(b"\0")]
    return f"hvc1.{space}{profile[0] & 31}.{flags:X}.{tier}{profile[11]}{''.join(constraints)}"
