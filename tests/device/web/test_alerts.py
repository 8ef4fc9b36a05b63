"""What is wrong with the box stands on its health page and in its metrics: how bad it is, and what to do."""

from __future__ import annotations

from datetime import datetime, timezone

from prometheus_client.parser import text_string_to_metric_families

from contracts.health import Health
from contracts.status import Alert
from contracts.wear import DiskWear, WearHealth
from tests.device.web.conftest import Run
from tests.device.web.demo import Demo

HOT = Alert(
    id="temperature", level="critical", text="temperature: 104 degrees; check fan and airflow", mend="check fan and airflow",
    since=datetime(2026, 11, 22, tzinfo=timezone.utc),
)  # fmt: skip
WEAR = WearHealth(
    per_day_bytes=9_000,
    by_class={"clips": 6_000, "rest": 3_000},
    disks={"mmcblk0": DiskWear(kind="emmc", used_percent=40, per_day_bytes=70)},
)


def test_an_alert_is_on_the_health_page_and_in_the_metrics_with_the_wear(run: Run, demo: Demo) -> None:
    health = demo.desk.health()
    assert isinstance(health, Health)
    system = health.system.model_copy(update={"temperatures_c": {"gpu": 104.0}, "throttled": ["gpu-throttle-alert"]})
    spoilt = health.model_copy(update={"alerts": [HOT], "wear": WEAR, "system": system})
    object.__setattr__(demo.desk, "health", lambda: spoilt)
    page = run()
    shown = page.get("/health").text
    assert 'data-name="temperature" data-state="failed"' in shown
    assert "check fan and airflow" in shown
    families = text_string_to_metric_families(page.get("/metrics").text)
    samples = {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}
    assert samples["vedette_alert", "critical", "temperature"] == 1
    assert samples["vedette_throttled", "gpu-throttle-alert"] == 1
    assert samples["vedette_temperature_celsius", "gpu"] == 104
    assert samples["vedette_written_day_bytes", "rest"] == 3_000
    assert samples["vedette_disk_used_ratio", "mmcblk0"] == 0.4
    assert samples["vedette_disk_written_day_bytes", "mmcblk0"] == 70
