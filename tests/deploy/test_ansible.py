"""The playbooks as files: whole, described, no shell made of input, no secret in a log. Run for real: tests/deploy/ansible."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from device.config import load

ANSIBLE = Path(__file__).resolve().parents[2] / "ansible"
ROLES = sorted(path.name for path in (ANSIBLE / "roles").iterdir())
NEEDED = {"base", "vedette_device", "vedette_broker", "vedette_trainer", "jetson_tuning", "hardening"}
PLAYBOOKS = {"deploy", "upgrade", "rollback", "rotate_keys", "push_model", "collect_diag", "inventory_report"}
NAME = re.compile(r"\b[a-z][a-z0-9_]+\b")
WAVES = [1, "10%", "50%", "100%"]
SECRET = re.compile(r"passphrase|_secrets\b|_page_token|_headers\b|_keys\b|[.]key['\"]")
FILES = sorted(path for path in ANSIBLE.rglob("*.yml") if not {"meta", "inventory"} & set(path.relative_to(ANSIBLE).parts))


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def tasks(node: Any) -> Iterator[dict[str, Any]]:
    """Each task, those in blocks and plays as well."""
    for each in node if isinstance(node, list) else []:
        inner = [each[name] for name in ("block", "rescue", "always", "tasks", "handlers", "pre_tasks") if name in each]
        if not inner and ("hosts" not in each and "roles" not in each):
            yield each
        for more in inner:
            yield from tasks(more)


EVERY = [(path, task) for path in FILES if "inventory.example" not in path.parts for task in tasks(read(path))]

USED = {
    name
    for path in ANSIBLE.rglob("*")
    if path.is_file() and not {"meta", "defaults", "inventory.example"} & set(path.parts)
    for name in NAME.findall(path.read_text())
}


def options(role: str) -> dict[str, Any]:
    specs = read(ANSIBLE / "roles" / role / "meta/argument_specs.yml")["argument_specs"]
    return {name: about for spec in specs.values() for name, about in spec["options"].items()}


def test_every_file_is_whole_and_what_was_promised_is_there() -> None:
    assert all(read(path) for path in [*FILES, *ANSIBLE.glob("inventory.example/**/*.example")])
    assert set(ROLES) >= NEEDED
    assert {path.stem for path in (ANSIBLE / "playbooks").glob("*.yml")} >= PLAYBOOKS
    readme = (ANSIBLE / "README.md").read_text()
    assert not [role for role in ROLES if f"| `{role}` |" not in readme]
    assert not [name for name in PLAYBOOKS if f"{name}.yml`" not in readme]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_describes_every_variable_that_it_uses(role: str) -> None:
    folder, described = ANSIBLE / "roles" / role, options(role)
    defaults = read(folder / "defaults/main.yml")
    own = read(folder / "vars/main.yml") if (folder / "vars/main.yml").exists() else {}
    made = {task["register"] for _, task in EVERY if "register" in task}
    made |= {name for _, task in EVERY for name in [*task.get("ansible.builtin.set_fact", {}), *task.get("vars", {})]}
    made |= {task["loop_control"]["loop_var"] for _, task in EVERY if "loop_var" in task.get("loop_control", {})}
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file() and "meta" not in path.parts]
    used = {name for text in texts for name in re.findall(rf"\b{role}_[a-z0-9_]+", text)}
    assert not {name for name in used - described.keys() - made - own.keys() if name not in ROLES}
    assert {name: about.get("default") for name, about in described.items() if not about.get("required")} == {
        name: value for name, value in defaults.items() if not described[name].get("required")
    }
    assert all(about["description"] and about["type"] for about in described.values())
    assert described.keys() <= USED


def test_no_shell_is_made_of_input() -> None:
    for path, task in EVERY:
        modules = [key for key in task if key.startswith("ansible.builtin.")]
        assert len(modules) == 1, f"{path}: {task.get('name')}: its module is named in full"
        assert modules[0] not in {"ansible.builtin.shell", "ansible.builtin.raw", "ansible.builtin.script"}
        if modules[0] == "ansible.builtin.command":
            assert set(task[modules[0]]) <= {"argv", "stdin"}, f"{path}: {task['name']}: words, no line"
        assert "ignore_errors" not in task
    scripts = re.findall(r"- -c\n\s+- (.*)", "".join(path.read_text() for path in FILES))
    assert scripts
    assert not [line for line in scripts if "{{" in line]


def test_what_is_secret_is_in_no_log_and_in_no_environment() -> None:
    kept = {"ansible.builtin.set_fact", "ansible.builtin.include_tasks", "ansible.builtin.include_role"}
    found = 0
    for path, task in EVERY:
        module = next(key for key in task if key.startswith("ansible.builtin."))
        assert "environment" not in task, f"{path}: {task['name']}: -vvv prints it, and so does the list of processes"
        said = str({key: task[key] for key in task if key not in {"name", "when"}})
        said = " ".join(re.findall(r"{{.*?}}", said)) if module == "ansible.builtin.fail" else said  # words about it are none
        if module in kept or not SECRET.search(said):
            continue
        found += 1
        assert task.get("no_log") is True, f"{path}: {task['name']}"
    assert found >= 6


def test_secrets_of_the_examples_are_none() -> None:
    vault = read(ANSIBLE / "inventory.example/fleet/group_vars/all/vault.yml.example")
    assert set(vault.values()) == {"change-me-and-seal-me"}
    text = "".join(path.read_text() for path in (ANSIBLE / "inventory.example").rglob("*.yml"))
    assert set(re.findall(r"{{ (vault_\w+) }}", text)) <= set(vault)
    said = re.findall(r"^\s*\w*(?:password|passphrase|token)\w*: *(.+)$", text, re.MULTILINE | re.IGNORECASE)
    assert said
    assert not [value for value in said if not value.startswith('"{{ vault_')]


EXAMPLES = sorted(path for path in (ANSIBLE / "inventory.example").iterdir())


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_examples_set_only_what_something_reads(example: Path) -> None:
    known = {name for role in ROLES for name in options(role)} | {name for name in USED if name.startswith("fleet_")} | {"ansible_user"}
    files = [path for folder in ("group_vars", "host_vars") for path in (example / folder).rglob("*.yml")]
    assert len(files) > 4
    assert not {f"{path.relative_to(example)}: {name}" for path in files for name in read(path).keys() - known}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_box_of_an_example_has_a_configuration_that_it_can_use(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = read(example / "group_vars/boxes/main.yml")
    for name in said.get("vedette_device_secrets", {}):
        monkeypatch.setenv(name, "a long password")
    of_all = said["vedette_device_settings"]
    boxes = [read(path)["vedette_device_settings_of_box"] for path in (example / "host_vars").glob("*.yml")]
    assert boxes
    for number, of_box in enumerate(boxes):
        path = tmp_path / f"{number}.yaml"
        path.write_text(yaml.safe_dump({"data": str(tmp_path / "data"), **of_all, **of_box}))
        assert load(path).settings.cameras


@pytest.mark.parametrize("name", ["upgrade", "rotate_keys"])
def test_boxes_are_changed_in_waves_and_the_first_failure_stops(name: str) -> None:
    plays = read(ANSIBLE / f"playbooks/{name}.yml")
    play = next(play for play in plays if play.get("hosts") == "boxes:&fleet_reached")
    assert play["serial"] == WAVES
    assert play["max_fail_percentage"] == 0
    asked = [each.get("ansible.builtin.import_playbook") for each in plays]
    assert asked.index("reached.yml") < plays.index(play), "who is off stops nobody"
    assert asked[-1] == "away.yml", "and is named in the end"


@pytest.mark.parametrize("name", sorted(PLAYBOOKS))
def test_each_playbook_looks_at_the_inventory_first(name: str) -> None:
    first = read(ANSIBLE / f"playbooks/{name}.yml")[0]
    assert first["ansible.builtin.import_playbook"] == "known.yml"
    assert set(first["vars"]["known_groups"]) <= {"boxes", "brokers", "trainers"}


def test_a_file_that_is_written_says_whose_it_is_and_who_may_read_it() -> None:
    writes = ("ansible.builtin.template", "ansible.builtin.copy")
    for path, task in EVERY:
        for module in writes:
            if module in task:
                assert re.fullmatch("0[0-7]{3}", task[module]["mode"]), f"{path}: {task['name']}"
                assert "roles" not in path.parts or {"owner", "group"} <= set(task[module])
