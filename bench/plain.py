"""The plain script: what one writes in an hour with OpenCV and ONNX Runtime, done well: vectorised, all cores, no threads of its own.

`python -m bench.plain MODEL VIDEO SIDE SECONDS` prints frames, seconds and CPU seconds as JSON; it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time

import cv2
import numpy as np
import onnxruntime as ort


def main(model: str, video: str, side: int, seconds: float) -> None:
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    capture = cv2.VideoCapture(video)
    frames, boxes, warm = 0, 0, 10
    began, cpu = time.perf_counter(), time.process_time()
    while True:
        good, picture = capture.read()
        if not good:
            capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            continue
        boxes += len(look(session, picture, side))
        frames += 1
        if frames == warm:
            began, cpu = time.perf_counter(), time.process_time()
        if frames > warm and time.perf_counter() - began > seconds:
            break
    taken = time.perf_counter() - began
    print(json.dumps({"frames": frames - warm, "seconds": taken, "cpu_s": time.process_time() - cpu, "boxes": boxes}))


def look(session: ort.InferenceSession, picture: cv2.typing.MatLike, side: int) -> list[int]:
    """Letterbox, network, boxes, NMS."""
    height, width = picture.shape[:2]
    scale = side / max(height, width)
    small = cv2.resize(picture, (round(width * scale), round(height * scale)))
    canvas = np.full((side, side, 3), 114, np.uint8)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small
    rows = session.run(None, {"image": np.ascontiguousarray(canvas[None, :, :, ::-1])})[0][0]
    scores = rows[4:].max(axis=0)
    kept = scores >= np.partition(scores, -30)[-30]  # as many boxes as the other pipelines have to read
    xywh = rows[:4, kept].T
    xywh[:, :2] -= xywh[:, 2:] / 2
    return list(cv2.dnn.NMSBoxesBatched(xywh.tolist(), scores[kept].tolist(), rows[4:, kept].argmax(axis=0).tolist(), 0.0, 0.6))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
