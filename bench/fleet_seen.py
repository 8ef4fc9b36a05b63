"""What was seen of a fleet on one broker, and the figures that are made of it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.report import Figure


@dataclass
class Seen:
    """Of one leg; times in seconds unless the name says otherwise."""

    connected: int = 0
    first_s: float = 0.0
    messages_s: float = 0.0
    bytes_s: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    worst_ms: float = 0.0
    empty_mb: float = 0.0
    memory_mb: float = 0.0
    broker_percent: float = 0.0
    boxes_percent: float = 0.0
    files: int = 0
    unacknowledged: int = 0
    refused: int = 0
    storm_half_s: float = 0.0
    storm_all_s: float = 0.0
    storm_heard_s: float = 0.0
    storm_attempts: int = 0
    storm_cpu_s: float = 0.0
    stop_s: float = 0.0
    start_s: float = 0.0
    kept_memory_mb: float = 0.0
    kept_disk_mb: float = 0.0


def figures(seen: Seen, boxes: int, words: str) -> list[Figure]:
    each_kb = (seen.memory_mb - seen.empty_mb) / boxes * 1000
    return [
        Figure(f"{words}: boxes connected to one mosquitto at once", seen.connected, "", f">= {boxes}"),
        Figure(f"{words}: until all were, switched on over a minute", seen.first_s, "s"),
        Figure(f"{words}: health delivered to the trainer", seen.messages_s, "messages/s", f">= {0.99 * boxes / 10:g}"),
        Figure(f"{words}: the same", seen.bytes_s / 1e6, "MB/s"),
        Figure(f"{words}: from box to trainer, p50", seen.p50_ms, "ms"),
        Figure(f"{words}: from box to trainer, p99", seen.p99_ms, "ms"),
        Figure(f"{words}: the longest", seen.worst_ms, "ms"),
        Figure(f"{words}: memory of the broker", seen.memory_mb, "MB"),
        Figure(f"{words}: memory of the broker for a box", each_kb, "KB"),
        Figure(f"{words}: of these, sessions and retained messages alone", seen.kept_memory_mb, "MB"),
        Figure(f"{words}: the same on its disk", seen.kept_disk_mb, "MB"),
        Figure(f"{words}: CPU of the broker, of one core", seen.broker_percent, "%"),
        Figure(f"{words}: open files of the broker", seen.files, ""),
        Figure(f"{words}: messages refused", seen.refused, "", "<= 0"),
        Figure(f"{words}: broker restarted, until half of the boxes are back", seen.storm_half_s, "s"),
        Figure(f"{words}: broker restarted, until all boxes are back", seen.storm_all_s, "s"),
        Figure(f"{words}: broker restarted, until the trainer hears them again", seen.storm_heard_s, "s"),
        Figure(f"{words}: attempts that took, for each box", seen.storm_attempts / boxes, ""),
        Figure(f"{words}: CPU time of the broker that took", seen.storm_cpu_s, "s"),
    ]
