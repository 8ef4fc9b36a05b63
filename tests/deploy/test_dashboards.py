"""What is shipped for Prometheus, Node-RED and Home Assistant, in the real programs and against what a box really says.

`make soak` brings them. Prometheus is Debian's package. Node-RED is npm's: NODE_RED_JS names its red.js if `node-red` is not on the PATH.
Home Assistant is PyPI's: HOME_ASSISTANT_PYTHON names a Python that has it (scripts/home-assistant), since it needs one of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from device.publish.discovery import configuration
from device.publish.discovery_parts import Shown, components
from tests.deploy import test_grafana
from tests.deploy.test_grafana import asked
from tests.device.publish.fakes import DEVICE, Box, event
from tests.device.publish.mosquitto import broker_in, free_port, listening, needs_mosquitto
from tests.scenarios import stage
from trainer.pki.authority import make_authority

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "dashboards"
PROMETHEUS, NODE_RED = SHIPPED / "prometheus", SHIPPED / "node-red" / "vedette.json"
PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}
TOKEN = "a-token-of-more-than-16-characters"
RED = os.environ.get("NODE_RED_JS") or shutil.which("node-red") or ""
HOME_ASSISTANT = os.environ.get("HOME_ASSISTANT_PYTHON", "")

pytestmark = pytest.mark.soak
needs_prometheus = pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus is not installed (apt-get install prometheus)")


# ---- Prometheus


@contextmanager
def guarded_box(folder: Path) -> Iterator[int]:
    """`vedette run` whose page wants a token and speaks TLS."""
    port, now = free_port(), datetime.now(timezone.utc)
    made = make_authority(folder / "pki", "Fleet of a test", 100, now, None).sign("page", "broker", ["127.0.0.1"], 10, now, None)
    page = {"port": port, "token": TOKEN, "tls_cert": str(made / "page.pem"), "tls_key": str(made / "page.key")}
    path = stage.config(folder, PATTERN, page=page)
    with (folder / "box.log").open("wb") as log:
        command = [sys.executable, "-m", "device.main", "run", "--config", str(path)]
        process = subprocess.Popen(command, cwd=stage.ROOT, stdout=log, stderr=log)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def prometheus(folder: Path, box: int) -> Iterator[Callable[[str], Any]]:
    """With what is shipped, only faster; asked through its API."""
    place, port = folder / "prometheus", free_port()
    shutil.copytree(PROMETHEUS, place)
    said = (place / "prometheus.yml").read_text().replace(": 15s", ": 1s")
    (place / "prometheus.yml").write_text(said)
    (place / "vedette.token").write_text(TOKEN)
    shutil.copy(folder / "pki" / "ca.pem", place / "vedette-pages.pem")
    (place / "boxes" / "example.yml").write_text(json.dumps([{"targets": [f"127.0.0.1:{box}"], "labels": {"site": "test"}}]))
    where = f"--storage.tsdb.path={place}/data", f"--web.listen-address=127.0.0.1:{port}"
    command = ["prometheus", f"--config.file={place}/prometheus.yml", *where]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)

    def ask(text: str) -> Any:
        url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{text}: {error.read().decode()[:300]}") from error
        except OSError:
            return []

    try:
        yield ask
    finally:
        process.terminate()
        process.wait(30)


def until(true: Callable[[], Any], timeout_s: float = 90) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < deadline, f"it did not happen in {timeout_s} s"
        threading.Event().wait(0.3)
    return found


@needs_prometheus
def test_a_real_prometheus_scrapes_a_real_box_and_every_expression_can_be_answered(tmp_path: Path) -> None:
    with guarded_box(tmp_path) as box, prometheus(tmp_path, box) as ask:
        until(lambda: any(each["value"][1] == "1" for each in ask('up{job="vedette"}')))
        until(lambda: any(float(each["value"][1]) > 0 for each in ask("vedette:analysed:rate5m")))
        instance = ask("vedette_info")[0]["metric"]["instance"]
        answered = {where: ask(text.replace("$box", instance).replace("$camera", ".*")) for where, text in asked().items()}
        empty = sorted(where for where, answer in answered.items() if not answer and not where.startswith("rule Vedette"))
        print("without an answer on a box that is well:", *empty, sep="\n  ")  # noqa: T201  the soak's reader sees it
        for where in ("fleet: Cameras online A", "fleet: What runs where A", "box: Frames a second A", "box: Cameras A"):
            assert answered[where], where
        assert answered["rule VedetteBoxSilent"] == answered["rule VedetteCameraFrozen"] == []


@needs_prometheus
def test_promtool_takes_configuration_rules_and_every_expression(tmp_path: Path) -> None:
    """What `make test` leaves out where there is no promtool, which it does not bring."""
    test_grafana.test_prometheus_takes_its_configuration_and_the_rules_do_what_they_say(tmp_path)
    test_grafana.test_every_expression_of_a_dashboard_can_be_parsed(tmp_path)


# ---- Node-RED


@contextmanager
def node_red(folder: Path, broker_port: int) -> Iterator[Path]:
    """With the flow that is shipped, its broker at another port; the log of what it does."""
    flow = json.loads(NODE_RED.read_text())
    for node in flow:
        node |= {"broker": "127.0.0.1", "port": str(broker_port)} if node["type"] == "mqtt-broker" else {}
        node |= {"console": True} if node["type"] == "debug" else {}
    home, log = folder / "red", folder / "red.log"
    home.mkdir()
    (home / "flows.json").write_text(json.dumps(flow))
    (home / "settings.js").write_text(
        f'module.exports = {{ flowFile: "flows.json", uiHost: "127.0.0.1", uiPort: {free_port()}, telemetry: {{ enabled: false }}, '
        'httpAdminRoot: false, logging: { console: { level: "info" } } };'
    )
    command = [*(["node"] if RED.endswith(".js") else []), RED, "--userDir", str(home), "--settings", str(home / "settings.js")]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until(lambda: process.poll() is not None or "Connected to broker" in log.read_text(), 120)
        assert process.poll() is None, log.read_text()
        yield log
    finally:
        process.terminate()
        process.wait(30)


@needs_mosquitto
@pytest.mark.skipif(not RED, reason="Node-RED is not installed (npm install node-red; NODE_RED_JS=.../node-red/red.js)")
def test_in_a_real_node_red_events_come_in_and_a_command_goes_out_and_is_done_once(tmp_path: Path) -> None:
    folder, asked_for = tmp_path / "b", []
    folder.mkdir()

    def snapshot(args: Any) -> Any:
        asked_for.append(dict(args))
        return {"path": "snapshots/yard.jpg"}

    with broker_in(folder) as broker, Box(tmp_path, broker, handlers={"snapshot": snapshot}) as box, node_red(tmp_path, broker.port) as log:
        with listening(broker, f"vedette/v1/{DEVICE}/up/res", f"vedette/v1/{DEVICE}/dn/cmd") as listener:
            box.put(event(1), event(1, "update"), event(2), event(1, "end"), event(3, camera="door"))
            messages = listener.wait(lambda m: sum("/up/res" in each.topic for each in m) == 2)
            until(lambda: log.read_text().count("snapshots/yard.jpg") == 2)
        answers = [json.loads(m.payload)["data"] for m in messages if "/up/res" in m.topic]
        commands = [m for m in messages if "/dn/cmd" in m.topic]
        assert sorted(each["camera"] for each in asked_for) == ["door", "yard"], "one picture for each camera in 30 s"
        assert [answer["ok"] for answer in answers] == [True, True]
        assert not any(m.retain for m in commands)
        assert all(0 < getattr(m.properties, "MessageExpiryInterval", 0) <= 60 for m in commands)


# ---- Home Assistant


@pytest.mark.skipif(not HOME_ASSISTANT, reason="HOME_ASSISTANT_PYTHON names no Python with Home Assistant (scripts/home-assistant)")
def test_home_assistants_own_schemas_take_what_a_box_says_of_itself() -> None:
    shown = Shown(DEVICE, ("yard", 'Tür "links" {{ 1 }}', "🐈"), updates=True, records=True)
    message = configuration(shown, {"model": "Orin", "sw_version": "0.1.0"}, "0.1.0", components(shown))
    assert checked(message)["faults"] == []
    spoilt = json.loads(json.dumps(message))
    spoilt["components"]["temperature"]["state_class"] = "nonsense"
    spoilt["components"]["event_yard"].pop("event_types")
    spoilt["components"]["restart"]["command_topic"] = "a/#"
    assert {fault.partition(":")[0] for fault in checked(spoilt)["faults"]} == {"temperature", "event_yard", "restart"}


def checked(message: dict[str, Any]) -> dict[str, Any]:
    script = Path(__file__).with_name("home_assistant_check.py")
    done = subprocess.run([HOME_ASSISTANT, str(script)], input=json.dumps(message).encode(), capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
