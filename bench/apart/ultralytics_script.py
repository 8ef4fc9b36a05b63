"""Ultralytics on the same video and a network of the same shape; runs in an environment of its own, never in ours (AGPL-3.0).

`python ultralytics_script.py VIDEO SIDE SECONDS` prints frames, seconds and CPU seconds as JSON. Random weights; ONNX, as its own
documentation tells one to run on a CPU.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path


def main(video: str, side: int, seconds: float) -> None:
    from ultralytics import YOLO  # type: ignore[import-not-found, unused-ignore]  # only in its own environment

    with tempfile.TemporaryDirectory() as folder:
        network = YOLO("yolo11n.yaml")
        saved = Path(folder) / "random.pt"
        network.save(str(saved))
        exported = YOLO(YOLO(str(saved)).export(format="onnx", imgsz=side), task="detect")
        frames, warm = 0, 10
        began, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds or frames <= warm:
            for _ in exported.predict(video, stream=True, imgsz=side, verbose=False):
                frames += 1
                if frames == warm:
                    began, cpu = time.perf_counter(), time.process_time()
                if frames > warm and time.perf_counter() - began > seconds:
                    break
        taken = time.perf_counter() - began
    print(json.dumps({"frames": frames - warm, "seconds": taken, "cpu_s": time.process_time() - cpu}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
