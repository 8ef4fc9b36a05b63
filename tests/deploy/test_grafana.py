"""What is shipped for Prometheus and Grafana, as files: every metric is one that a box says, every expression one that can be parsed.

No Grafana is to be had for these tests. Dashboards are held against its rules for files, rewritten here, and in `make soak` against its
own types, npm's @grafana/schema: GRAFANA_SCHEMA names the node_modules with it and with typescript.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from contracts.drift import DriftNow
from contracts.storage import StorageState
from device.pipeline.board import CameraWord, PartWord
from device.web.metrics import Numbers
from tests.device.web.demo import Demo
from tests.device.web.furnish import report_of
from tests.device.web.test_alerts import WEAR

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "deploy" / "dashboards"
PROMETHEUS, GRAFANA = SHIPPED / "prometheus", SHIPPED / "grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
OF_PROMETHEUS = {"up": {"job", "instance"}}
ADDED = {"instance", "job", "site"}  # by Prometheus to each
TOKEN = "a-token-of-more-than-16-characters"
PANELS = {"stat": "Stat", "table": "Table", "timeseries": "TimeSeries", "bargauge": "BarGauge", "gauge": "Gauge"}
QUERY = {"refId", "datasource", "expr", "legendFormat", "instant", "range", "format"}  # of Grafana's Prometheus data source
SCHEMA = os.environ.get("GRAFANA_SCHEMA", "")
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed (apt-get install prometheus)")


def rules() -> list[dict[str, Any]]:
    text = (PROMETHEUS / "rules" / "vedette.yml").read_text()
    return [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]


def asked() -> dict[str, str]:
    """Every expression that is shipped, by where it stands; a dashboard's variables stand for any."""
    found = {f"rule {rule.get('alert') or rule['record']}": str(rule["expr"]) for rule in rules()}
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        for panel in board["panels"]:
            found |= {f"{path.stem}: {panel['title']} {t['refId']}": t["expr"] for t in panel["targets"]}
        for variable in board["templating"]["list"]:
            found[f"{path.stem}: ${variable['name']}"] = re.fullmatch(r"label_values\((.*), \w+\)", variable["query"]["query"])[1]  # type: ignore[index]
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


def counted() -> set[str]:
    """What boxes count: the second word of each call that counts."""
    text = "".join(path.read_text() for path in (ROOT / "device").rglob("*.py"))
    return set(re.findall(r"count\((?:[^,()]|\([^()]*\))*, \"([a-z_]+)\"", text))


def test_every_value_that_is_asked_for_is_one_that_boxes_say() -> None:
    words = {
        "vedette_count_total": counted(), "vedette_camera_state": set(get_args(CameraWord)), "vedette_part_state": set(get_args(PartWord)),
        "vedette_storage_state": set(get_args(StorageState)), "vedette_alert": {"warning", "critical"},
    }  # fmt: skip
    assert {"offered", "analysed", "dropped", "events"} <= words["vedette_count_total"]
    found = [
        (where, name, value)
        for where, text in asked().items()
        for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", text)
        for values in re.findall(r'\b(?:what|state|level)(?:=~|!~|!=|=)"([^"]*)"', matchers)
        for value in values.split("|")
    ]
    assert len(found) > 15
    assert not [(where, value) for where, name, value in found if name in words and value not in words[name]]


# ---- Prometheus


def promtool(*words: str, cwd: Path = PROMETHEUS) -> str:
    done = subprocess.run(["promtool", *words], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_prometheus_takes_its_configuration_and_the_rules_do_what_they_say(tmp_path: Path) -> None:
    shutil.copytree(PROMETHEUS, tmp_path / "p")
    (tmp_path / "p" / "vedette.token").write_text(TOKEN)
    (tmp_path / "p" / "vedette-pages.pem").write_text("")  # promtool asks whether they are there
    promtool("check", "config", str(tmp_path / "p" / "prometheus.yml"))
    promtool("check", "rules", "rules/vedette.yml")
    promtool("test", "rules", "rules-test.yml")


@needs_promtool
def test_every_expression_of_a_dashboard_can_be_parsed(tmp_path: Path) -> None:
    """As rules, which is how promtool reads expressions; a variable stands for a word."""
    texts = [text.replace("$box", "a").replace("$camera", "b") for where, text in asked().items() if ":" in where]
    rules_of = [{"record": f"tried:{number}", "expr": text} for number, text in enumerate(texts)]
    (tmp_path / "tried.yml").write_text(yaml.safe_dump({"groups": [{"name": "tried", "rules": rules_of}]}))
    assert f"{len(texts)} rules found" in promtool("check", "rules", "--lint=none", "tried.yml", cwd=tmp_path)


# ---- Grafana


def test_dashboards_hold_together_with_their_data_source_and_their_variables() -> None:
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/vedette.yml").read_text())["datasources"][0]
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    uids = [board["uid"] for board in boards]
    assert len(set(uids)) == len(uids) == 2
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", uid) for uid in uids)
    for board in boards:
        assert board["title"]
        assert board.get("id") is None, "an id belongs to one installation"
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
        variables = {f"${each['name']}" for each in board["templating"]["list"]}
        for panel in board["panels"]:
            well(panel, source, variables)
        cells = [
            (x, y)
            for grid in (panel["gridPos"] for panel in board["panels"])
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        ]
        assert len(set(cells)) == len(cells), "no panel lies on another"
        assert all(link["url"].removeprefix("/d/") in uids for link in board["links"])


def well(panel: dict[str, Any], source: dict[str, Any], variables: set[str]) -> None:
    assert panel["type"] in PANELS
    assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
    names = [target["refId"] for target in panel["targets"]]
    assert len(set(names)) == len(names) > 0, panel["title"]
    for target in panel["targets"]:
        assert set(target) <= QUERY, panel["title"]
        assert target["datasource"] == panel["datasource"]
        assert set(re.findall(r"\$\w+", target["expr"])) <= variables, panel["title"]
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": [{"value": None}]})["steps"]
    assert steps[0]["value"] is None, "the first is what is below all others"


def test_dashboards_are_provisioned_from_the_folder_that_the_guide_names() -> None:
    provider = yaml.safe_load((GRAFANA / "provisioning/dashboards/vedette.yml").read_text())
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/vedette.yml").read_text())
    assert provider["apiVersion"] == source["apiVersion"] == 1
    assert set(source["datasources"][0]) == {"name", "uid", "type", "access", "url", "jsonData"}
    assert provider["providers"][0]["type"] == "file"
    assert f"`{provider['providers'][0]['options']['path']}`" in (ROOT / "docs/guide/dashboards.md").read_text()


@pytest.mark.soak
@pytest.mark.skipif(not SCHEMA, reason="GRAFANA_SCHEMA names no node_modules (npm install @grafana/schema@11 typescript@5)")
def test_grafanas_own_types_take_the_dashboards(tmp_path: Path) -> None:
    texts = [path.read_text() for path in DASHBOARDS]
    assert faults_of(texts, tmp_path) == []
    spoilt = texts[0].replace('"mode": "absolute"', '"mode": "relative"', 1).replace('"uid": "vedette-box"', '"uid": 7', 1)
    assert spoilt.count("relative") == 1
    assert len(faults_of([spoilt.replace('"fillOpacity"', '"fillOpaqueness"', 1)], tmp_path)) >= 3, "the types can say no"


def faults_of(boards: list[str], folder: Path) -> list[str]:
    """As JSON has it an enum is its values; what a panel's own options leave out its plugin fills in."""
    raw = f"{SCHEMA}/@grafana/schema/dist/esm/raw/composable"
    lines = [f'import type {{ Dashboard, Panel }} from "{SCHEMA}/@grafana/schema/dist/esm/index.mjs";']
    lines += [f'import type * as {name} from "{raw}/{kind}/panelcfg/x/{name}PanelCfg_types.gen";' for kind, name in PANELS.items()]
    lines += ["type Deep<T> = T extends (infer U)[] ? Json<U>[] : T extends object ? { [K in keyof T]: Json<T[K]> } : T;"]
    lines += ["type Digits<T extends number> = T | (`${T}` extends `${infer N extends number}` ? N : never);"]
    lines += ["type Json<T> = T extends string ? `${T}` : T extends number ? Digits<T> : Deep<T>;"]
    lines += ["type Some<T> = T extends (infer U)[] ? Some<U>[] : T extends object ? { [K in keyof T]?: Some<T[K]> } : T;"]
    for number, text in enumerate(boards):
        lines.append(f"export const board{number}: Json<Dashboard> = {text.strip()};")
        for panel in json.loads(text)["panels"]:
            name, own = f"board{number}_{panel['id']}", PANELS[panel["type"]]
            lines.append(f"export const {name}: Json<Panel> = {json.dumps(panel)};")
            lines.append(f"export const {name}_options: Json<Some<{own}.Options>> = {json.dumps(panel['options'])};")
            if custom := panel["fieldConfig"]["defaults"].get("custom"):
                lines.append(f"export const {name}_custom: Json<Some<{own}.FieldConfig>> = {json.dumps(custom)};")
    (folder / "boards.ts").write_text("\n".join(lines))
    words = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--module",
        "esnext",
        "--moduleResolution",
        "bundler",
        "--target",
        "es2022",
        "boards.ts",
    ]
    command = ["node", f"{SCHEMA}/typescript/bin/tsc", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert "TS2307" not in done.stdout, f"@grafana/schema is not in {SCHEMA}: {done.stdout[:300]}"
    return [line for line in done.stdout.splitlines() if "error TS" in line]
