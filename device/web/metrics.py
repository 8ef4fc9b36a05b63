"""Metrics: the tally and the board as Prometheus reads them, from a registry of our own."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from contracts.health import Health
from contracts.storage import StorageReport
from contracts.wear import WearHealth
from device.web import drifted
from device.web.desk import Desk

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Numbers(Collector):
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        desk = self._desk
        info = InfoMetricFamily("vedette", "What runs here")
        info.add_metric([], {"device": desk.device_id, "profile": desk.profile, "version": desk.version, "model": desk.looking or ""})
        yield info
        yield from self._tally()
        yield from self._board()
        yield from self._storage()
        yield from drifted.metrics(self._desk)
        yield from self._box()

    def _tally(self) -> Iterator[Metric]:
        tally = self._desk.tally
        counts = CounterMetricFamily("vedette_count", "Frames, packets and events", labels=["camera", "what", "reason"])
        for (camera, what, reason), n in tally.counts().items():
            counts.add_metric([camera, what, reason], float(n))
        yield counts
        took = GaugeMetricFamily("vedette_stage_milliseconds", "Time taken, over the last frames", labels=["camera", "stage", "quantile"])
        runs = CounterMetricFamily("vedette_stage_runs", "How often a stage ran", labels=["camera", "stage"])
        for (camera, stage), p in tally.percentiles().items():
            for quantile, value in (("0.5", p.p50_ms), ("0.95", p.p95_ms), ("0.99", p.p99_ms)):
                took.add_metric([camera, stage, quantile], value)
            runs.add_metric([camera, stage], p.count)
        yield from (took, runs)
        gauges = GaugeMetricFamily("vedette_gauge", "What the parts measure", labels=["camera", "name"])
        for (camera, name), value in tally.gauges().items():
            gauges.add_metric([camera, name], value)
        yield gauges

    def _board(self) -> Iterator[Metric]:
        cameras = GaugeMetricFamily("vedette_camera_state", "1 for the state a camera is in", labels=["camera", "state"])
        reconnects = CounterMetricFamily("vedette_camera_reconnects", "How often a camera came back", labels=["camera"])
        for camera, now in self._desk.board.cameras().items():
            cameras.add_metric([camera, now.state], 1)
            reconnects.add_metric([camera], now.reconnects)
        parts = GaugeMetricFamily("vedette_part_state", "1 for the state a part is in", labels=["part", "state"])
        for name, part in self._desk.board.parts().items():
            parts.add_metric([name, part.state], 1)
        yield from (cameras, reconnects, parts)

    def _storage(self) -> Iterator[Metric]:
        report = self._desk.storage()
        if report is None:
            return
        disk = GaugeMetricFamily("vedette_storage_disk", "The file system of the data folder", labels=["what"])
        figures = {
            "total_bytes": report.total_bytes,
            "free_bytes": report.free_bytes,
            "free_inodes": report.free_inodes,
            "low_bytes": report.free_low_bytes,
            "ballast_bytes": report.ballast_bytes,
            "days_left": report.days_left,
        }
        for what, value in figures.items():
            if value is not None:
                disk.add_metric([what], value)
        state = GaugeMetricFamily("vedette_storage_state", "1 for the state the storage is in", labels=["state"])
        state.add_metric([report.state], 1)
        yield from (disk, state, *self._shelves(report))

    def _shelves(self, report: StorageReport) -> Iterator[Metric]:
        shelves = GaugeMetricFamily("vedette_storage_shelf", "What a class of files takes, and its budget", labels=["shelf", "what"])
        removed = CounterMetricFamily("vedette_storage_removed", "Removed to keep within bounds", labels=["shelf"])
        removed_bytes = CounterMetricFamily("vedette_storage_removed_bytes", "The same in bytes", labels=["shelf"])
        for name, shelf in report.shelves.items():
            for what in ("bytes", "count", "pinned_bytes", "unacknowledged_bytes", "budget_bytes", "per_day_bytes", "days_left"):
                if (value := getattr(shelf, what)) is not None:
                    shelves.add_metric([name, what], value)
            removed.add_metric([name], shelf.removed_count)
            removed_bytes.add_metric([name], shelf.removed_bytes)
        yield from (shelves, removed, removed_bytes)


    def _box(self) -> Iterator[Metric]:
        """Of the last report of health."""
        health = self._desk.health()
        if not isinstance(health, Health):
            return
        alerts = GaugeMetricFamily("vedette_alert", "1 for each alert that stands", labels=["id", "level"])
        for alert in health.alerts:
            alerts.add_metric([alert.id, alert.level], 1)
        clock = GaugeMetricFamily("vedette_clock_state", "1 for how far the clock can be trusted", labels=["state"])
        clock.add_metric([health.system.clock], 1)
        heat = GaugeMetricFamily("vedette_temperature_celsius", "Thermal zones of the board", labels=["zone"])
        for zone, degrees in health.system.temperatures_c.items():
            heat.add_metric([zone], degrees)
        slowed = GaugeMetricFamily("vedette_throttled", "1 for each thing that slows the box now", labels=["by"])
        for by in health.system.throttled:
            slowed.add_metric([by], 1)
        yield from (alerts, clock, heat, slowed)
        yield from _wear(health.wear) if health.wear else ()


def _wear(wear: WearHealth) -> Iterator[Metric]:
    classes = GaugeMetricFamily("vedette_written_day_bytes", "Written in a day by the appliance, by class of files", labels=["class"])
    for name, size in wear.by_class.items():
        classes.add_metric([name], size)
    disks = GaugeMetricFamily("vedette_disk_written_day_bytes", "Written to a disk in a day by everything", labels=["disk"])
    used = GaugeMetricFamily("vedette_disk_used_ratio", "Of a disk's promised life, used", labels=["disk"])
    for name, disk in wear.disks.items():
        if disk.per_day_bytes is not None:
            disks.add_metric([name], disk.per_day_bytes)
        if disk.used_percent is not None:
            used.add_metric([name], disk.used_percent / 100)
    yield from (classes, disks, used)


def registry(desk: Desk) -> CollectorRegistry:
    own = CollectorRegistry(auto_describe=False)
    own.register(Numbers(desk))
    return own


def text(own: CollectorRegistry) -> bytes:
    return generate_latest(own)
