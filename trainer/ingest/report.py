"""Report: how the ingest is, for people and for programs."""

from __future__ import annotations

import resource
import time

from trainer.ingest.service import Ingest


class Report:
    """Rates are since the last one."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        self._events, self._at, self._cpu = 0, time.monotonic(), time.process_time()

    def document(self) -> dict[str, object]:
        ingest, counts = self._ingest, dict(self._ingest.counts)
        boxes = list(ingest.boxes.by_name.values())
        now, cpu, events = time.monotonic(), time.process_time(), counts.get("events", 0)
        span = max(now - self._at, 1e-6)
        rate, busy = (events - self._events) / span, (cpu - self._cpu) / span
        self._events, self._at, self._cpu = events, now, cpu
        refused = {name.partition(".")[2]: count for name, count in counts.items() if name.startswith("refused.")}
        return {
            "connected": ingest.connected,
            "trouble": ingest.trouble,
            "devices": len(boxes),
            "online": sum(box.state == "online" for box in boxes),
            "events": events,
            "events_per_s": round(rate, 1),
            "doubles": counts.get("doubles", 0),
            "health": counts.get("health", 0),
            "updates": counts.get("update", 0),
            "refused": refused,
            "refused_last": ingest.refused_last,
            "gaps": sum(len(box.sequence.gaps) for box in boxes),
            "missing": sum(box.sequence.missing() for box in boxes),
            "filled": sum(box.sequence.filled for box in boxes),
            "asked": counts.get("asked", 0),
            "gone": counts.get("gaps.gone", 0) + counts.get("gaps.given_up", 0),
            "commit_ms": round(counts.get("commit_us", 0) / max(1, counts.get("commits", 0)) / 1000, 2),
            "store_refused": counts.get("store_refused", 0),
            "reconnects": counts.get("reconnects", 0),
            "cpu": round(busy, 3),
            "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        }


def words(said: dict[str, object]) -> str:
    """One line."""
    state = "ok" if said["connected"] and not said["trouble"] else f"trouble: {said['trouble']}"
    refused = sum(count for count in said["refused"].values()) if isinstance(said["refused"], dict) else 0
    return (
        f"{state}; {said['online']} of {said['devices']} boxes online, {said['events']} events ({said['events_per_s']}/s), "
        f"{said['doubles']} twice, {refused} refused, {said['missing']} missing in {said['gaps']} gaps, {said['gone']} gaps lost"
    )
