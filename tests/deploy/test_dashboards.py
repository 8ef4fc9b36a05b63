"""What is shipped for Prometheus, Grafana, Node-RED and Home Assistant, in the real programs and against what a box really says.

Prometheus is Debian's package. Node-RED is npm's: NODE_RED_JS names its red.js where `node-red` is not on the PATH. Home Assistant is
PyPI's: HOME_ASSISTANT_PYTHON names a Python that has it, since it needs an environment of its own.
"""

from __future__ import annotations

import json
import os
import re
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
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from contracts.drift import DriftNow
from device.publish.discovery import configuration
from device.publish.discovery_parts import Shown, components
from device.web.metrics import Numbers
from tests.device.publish.fakes import DEVICE, Box, event
from tests.device.publish.mosquitto import broker_in, free_port, listening, needs_mosquitto
from tests.device.web.demo import Demo
from tests.device.web.furnish import report_of
from tests.device.web.test_alerts import WEAR
from tests.scenarios import stage

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "dashboards"
PROMETHEUS, NODE_RED = SHIPPED / "prometheus", SHIPPED / "node-red" / "vedette.json"
DASHBOARDS = sorted((SHIPPED / "grafana" / "dashboards").glob("*.json"))
PATTERN = {"use": "pattern", "width": 320, "height": 240, "fps": 10, "pace": "realtime"}
TOKEN = "a-token-of-more-than-16-characters"
OF_PROMETHEUS = {"up": {"job", "instance"}}
ADDED = {"instance", "job", "site"}  # by Prometheus to each
RED = os.environ.get("NODE_RED_JS") or shutil.which("node-red") or ""
HOME_ASSISTANT = os.environ.get("HOME_ASSISTANT_PYTHON", "")

pytestmark = pytest.mark.soak
needs_prometheus = pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus is not installed (apt-get install prometheus)")


# ---- names


def rules() -> list[dict[str, Any]]:
    text = (PROMETHEUS / "rules" / "vedette.yml").read_text()
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def asked() -> dict[str, str]:
    """Every expression that is shipped, by where it stands; a dashboard's variables stand for any."""
    found = {f"rule {rule.get('alert') or rule['record']}": str(rule["expr"]) for rule in rules()}
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            found |= {f"{path.stem}: {panel['title']} {t['refId']}": t["expr"] for t in panel["targets"]}
    return found


def exported(demo: Demo) -> dict[str, set[str]]:
    """Metric -> labels, as a box says them that has everything to say."""
    health = demo.health()
    object.__setattr__(demo.desk, "health", lambda: health.model_copy(update={"wear": WEAR}))
    object.__setattr__(demo.desk, "storage", lambda: report_of(demo))
    object.__setattr__(demo.desk, "drift", lambda: DriftNow())
    return {name: labels for family in Numbers(demo.desk).collect() for name, labels in _names(family)}


def _names(family: Metric) -> Iterator[tuple[str, set[str]]]:
    labels = {*getattr(family, "_labelnames", ()), *(label for sample in family.samples for label in sample.labels)}
    yield family.name + {"counter": "_total", "info": "_info"}.get(family.type, ""), labels


def test_every_metric_and_label_that_is_asked_for_is_one_that_a_box_exports(tmp_path: Path) -> None:
    recorded: dict[str, set[str]] = {rule["record"]: {"instance", "camera"} for rule in rules() if "record" in rule}
    known = {**exported(Demo(tmp_path)), **OF_PROMETHEUS, **recorded}
    wrong = {where: fault for where, text in asked().items() for fault in faults_in(text, known)}
    assert not wrong
    assert list(faults_in('sum by (zone) (vedette_count_total{cam="a"})', known)) == ["zone", "cam"], "the test can say no"
    assert list(faults_in("vedette_nothing", known)) == ["vedette_nothing"]


def faults_in(text: str, known: dict[str, set[str]]) -> Iterator[str]:
    """A metric that there is not; a label that none of the expression's metrics has."""
    names = re.findall(r"(?<![\w:])(?:vedette[\w:]+|up)(?=[{\[\s)]|$)", text)
    yield from (name for name in names if name not in known)
    has = {label for name in names for label in known.get(name, ())} | ADDED
    for group in re.findall(r"\b(?:by|on|ignoring)\s*\(([^)]*)\)", text):
        yield from (label.strip() for label in group.split(",") if label.strip() not in has)
    for name, matchers in re.findall(r"([\w:]+)\{([^}]*)\}", text):
        own = known.get(name, set()) | ADDED
        yield from (label for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers) if label not in own)


def test_a_dashboard_is_one_that_grafana_provisions() -> None:
    """No Grafana is to be had here: its rules for files, rewritten."""
    source = yaml.safe_load((SHIPPED / "grafana/provisioning/datasources/vedette.yml").read_text())["datasources"][0]
    uids = [json.loads(path.read_text())["uid"] for path in DASHBOARDS]
    assert len(set(uids)) == len(uids) == 2
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        assert board["title"] and board.get("id") is None, "an id belongs to one installation"
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        variables = {f"${each['name']}" for each in board["templating"]["list"]}
        for panel in board["panels"]:
            grid = panel["gridPos"]
            assert grid["x"] + grid["w"] <= 24
            assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
            assert {each for t in panel["targets"] for each in re.findall(r"\$\w+", t["expr"])} <= variables, panel["title"]
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in board["panels"]]
        assert len(set(places)) == len(places)
        assert all(link["url"].removeprefix("/d/") in uids for link in board["links"])


# ---- Prometheus


def promtool(*words: str) -> str:
    done = subprocess.run(["promtool", *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_prometheus
def test_prometheus_takes_its_configuration_and_the_rules_do_what_they_say(tmp_path: Path) -> None:
    shutil.copytree(PROMETHEUS, tmp_path / "p")
    (tmp_path / "p" / "vedette.token").write_text(TOKEN)
    promtool("check", "config", str(tmp_path / "p" / "prometheus.yml"))
    promtool("check", "rules", "rules/vedette.yml")
    promtool("test", "rules", "rules-test.yml")


@contextmanager
def guarded_box(folder: Path) -> Iterator[int]:
    """`vedette run` whose page wants a token."""
    port = free_port()
    path = stage.config(folder, PATTERN, page={"port": port, "token": TOKEN})
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


@pytest.mark.skipif(not HOME_ASSISTANT, reason="HOME_ASSISTANT_PYTHON names no Python that has the package homeassistant")
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
