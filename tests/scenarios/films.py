"""Films with numbers in their pictures, and with a flash and a beep each second; made by FFmpeg's own encoders."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from tests.device.record.footage import HEIGHT, WIDTH, picture

FPS = 25
ENCODERS = {"h264": "libx264", "hevc": "libx265", "mjpeg": "mjpeg"}
CODERS = {
    "h264": {"preset": "ultrafast", "tune": "zerolatency", "x264-params": f"keyint={FPS}:scenecut=0"},
    "hevc": {"preset": "ultrafast", "x265-params": f"keyint={FPS}:min-keyint={FPS}:bframes=0:log-level=none:pools=1"},
    "mjpeg": {"huffman": "default"},  # the tables that RTP does not send
}
PCM = 48_000


def numbered(path: Path, codec: str = "h264", seconds: float = 10, sound: str = "") -> Path:
    """Numbered pictures, white for the first fifth of each second, in which a beep sounds: `sound` names FFmpeg's encoder."""
    pictures = path.with_suffix(".pictures.mkv") if sound else path
    with av.open(str(pictures), "w", format="matroska") as out:
        stream = out.add_stream(ENCODERS[codec], rate=FPS, options=CODERS[codec])
        stream.width, stream.height, stream.time_base = WIDTH, HEIGHT, Fraction(1, FPS)
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(int(seconds * FPS)):
            image = picture(number)
            image[200:] = 255 if number % FPS < FPS // 5 else 0
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=stream.pix_fmt)
            frame.pts = number
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    if sound:
        beep = f"aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.2)':d={seconds}:s={8000 if sound == 'pcm_alaw' else PCM}"
        words = ["-f", "lavfi", "-i", beep, "-i", str(pictures), "-map", "1:v", "-map", "0:a", "-c:v", "copy", "-c:a", sound, str(path)]
        subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *words], check=True, timeout=60)
    return path


def flashes(path: Path) -> list[float]:
    """When the picture turns white, seconds in the file."""
    times, lit = [], True
    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            white = frame.to_ndarray(format="gray")[210:230].mean() > 128
            if white and not lit:
                times.append(float(frame.pts * frame.time_base))
            lit = white
    return times


def beeps(path: Path) -> list[float]:
    """When it begins to sound, seconds in the file."""
    times: list[float] = []
    silent_since, loud_at = 0.0, -1.0
    with av.open(str(path)) as video:
        for frame in video.decode(audio=0):
            level = np.abs(_mono(frame))
            at = float(frame.pts * frame.time_base)
            for n in np.flatnonzero(level > 0.1):
                now = at + n / frame.sample_rate
                if now - loud_at > 0.3 and loud_at >= silent_since:
                    times.append(now)
                loud_at = now
    return times


def _mono(frame: av.AudioFrame) -> np.ndarray:
    samples = frame.to_ndarray()
    scale = 32768.0 if samples.dtype == np.int16 else 1.0
    return samples[0, :: len(frame.layout.channels) if not frame.format.is_planar else 1] / scale
