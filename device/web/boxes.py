"""A scene in the few words a browser needs to draw it: boxes in 0 to 1 of the picture, at their time in the stream."""

from __future__ import annotations

from typing import Any

from vision.types import Detections, Scene


def words(scene: Scene, origin_ns: int) -> dict[str, Any]:
    """`t` is seconds of media time since the stream's origin, the same as the video's own clock in the browser."""
    planes, found = scene.frame.planes, scene.detections
    return {
        "type": "scene",
        "t": round((scene.frame.pts_ns - origin_ns) / 1e9, 6),
        "wall_ms": scene.frame.wall_ns // 1_000_000,
        "status": found.status,
        "boxes": [_box(scene, row, planes.width, planes.height) for row in range(len(found))],
    }


def _box(scene: Scene, row: int, width_px: int, height_px: int) -> dict[str, Any]:
    found = scene.detections
    x1, y1, x2, y2 = (float(v) for v in found.xyxy[row])
    class_id = int(found.class_id[row])
    return {
        "box": [round(x1 / width_px, 5), round(y1 / height_px, 5), round(x2 / width_px, 5), round(y2 / height_px, 5)],
        "label": scene.labels[class_id] if 0 <= class_id < len(scene.labels) else str(class_id),
        "confidence": round(float(found.confidence[row]), 3),
        "track": _track(found, row),
        "zones": _zones(found, row),
    }


def _track(found: Detections, row: int) -> int | None:
    column = found.data.get("track")
    if column is None or int(column[row]) < 0:
        return None
    return int(column[row])


def _zones(found: Detections, row: int) -> list[str]:
    """Names, however the column holds them: one string with commas, or several strings."""
    value = found.data["zones"][row] if "zones" in found.data else ()
    if isinstance(value, str):
        return [name for name in value.split(",") if name]
    return [str(name) for name in value]
