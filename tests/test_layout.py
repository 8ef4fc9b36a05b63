"""The shape of the repository: small files, small functions, four packages, tests that mirror them, nothing of one machine in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("contracts", "vision", "dataset", "broker", "serving", "device", "trainer")
MAX_FILE, MAX_FUNCTION = 250, 50
# Files that are longer, and how long: this list only shrinks.
LONG: dict[str, int] = {}
BAD_NAMES = {"util", "utils", "manager", "managers", "helper", "helpers", "base", "common", "misc"}


def tracked(*patterns: str) -> list[Path]:
    """Files that are, or are about to be, in the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return sorted(ROOT / name for name in names if (ROOT / name).is_file())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


SOURCES = [path for path in tracked("*.py") if path.relative_to(ROOT).parts[0] in {*PACKAGES, "scripts", "bench"}]
MODULES = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in PACKAGES and path.name != "__init__.py"]


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and length of each function; one inside another counts for itself."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, kinds):
            inner = [each for each in node.body if isinstance(each, kinds)]
            yield node.name, length(node) - sum(length(each) for each in inner)


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_there_is_something_to_look_at() -> None:
    assert len(MODULES) > 40


def test_files_are_short_and_the_list_of_exceptions_only_shrinks() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    over = {name: length for name, length in lengths.items() if length > LONG.get(name, MAX_FILE)}
    assert not over, f"over {MAX_FILE} lines: split them by noun"
    assert not {name for name in LONG if lengths.get(name, 0) <= MAX_FILE}, "short enough now: take it off the list"


def test_functions_are_short() -> None:
    over = {f"{name_of(path)}:{name}": length for path in SOURCES for name, length in functions(path) if length > MAX_FUNCTION}
    assert not over


def test_every_module_begins_by_saying_what_it_is_for() -> None:
    silent = []
    for path in SOURCES:
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        first = lines[0] if lines else ""
        if not (first.startswith('"""') and len(first) > 10 and ast.get_docstring(ast.parse(path.read_text()))):
            silent.append(name_of(path))
    assert not silent


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert not [name_of(path) for path in SOURCES if BAD_NAMES & set(path.stem.split("_"))]


def test_tests_mirror_the_tree() -> None:
    """A test of a package lies in the folder of the same name below tests/."""
    strangers = []
    for path in tracked("tests/**/test_*.py"):
        folder = path.relative_to(ROOT / "tests").parent
        if folder.parts[:1] and folder.parts[0] in PACKAGES and not (ROOT / folder).is_dir():
            strangers.append(name_of(path))
    assert not strangers


def imported(path: Path) -> set[str]:
    """Names of modules that a file imports, as `a.b` and, for `from a import b`, as both."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_every_package_folder_with_modules_has_tests() -> None:
    folders = {path.parent.relative_to(ROOT) for path in MODULES}
    tested = {path.parent.relative_to(ROOT / "tests") for path in tracked("tests/**/test_*.py")}
    assert not {folder.as_posix() for folder in folders if not any(t == folder or folder in t.parents for t in tested)}


def test_nothing_tracked_names_a_machine_or_a_registry() -> None:
    places = ["/" + "work/", "/" + "root/", "/" + "opt/wheels", "/" + "opt/pypi", "/" + "tmp/house"]
    hosts = ["py" + "pi.org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "deb.debian" + ".org"]
    pattern = re.compile("|".join([rf"(?<![\w.$}}]){re.escape(place)}" for place in places] + [re.escape(host) for host in hosts]))
    found = []
    for path in tracked():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue  # a model, a picture
        found += [f"{name_of(path)}:{n}: {line.strip()[:80]}" for n, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    assert not found


def test_no_large_file_is_tracked() -> None:
    assert not {name_of(path): path.stat().st_size for path in tracked() if path.stat().st_size > 4 << 20}


BLOCKED = """
import importlib, pkgutil, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is not installed on a box")
sys.meta_path.insert(0, Refuse())
for root in {packages!r}:
    package = importlib.import_module(root)
    for found in pkgutil.walk_packages(package.__path__, root + "."):
        importlib.import_module(found.name)
        print(found.name)
"""


def test_a_box_needs_nothing_of_the_trainer_or_the_tests() -> None:
    blocked = {"torch", "onnx", "safetensors", "pycocotools", "tensorrt", "pycuda", "systemd", "trainer", "sqlalchemy", "alembic", "fsspec"}
    blocked |= {"pytest", "hypothesis", "httpx", "jsonschema", "playwright", "_pytest"}
    program = BLOCKED.format(blocked=blocked, packages=("contracts", "vision", "dataset", "broker", "serving", "device"))
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 40


def test_the_package_names_are_nobody_elses() -> None:
    """`device` and `trainer` are common words: another distribution in the environment would shadow ours."""
    owners = metadata.packages_distributions()
    assert {name: owners[name] for name in PACKAGES if set(owners.get(name, [])) - {"vedette"}} == {}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel that is built from here."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(zipfile.ZipFile(next(out.glob("*.whl"))).namelist())


def test_the_wheel_holds_our_packages_and_no_other(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name and ".data/" not in name} == set(PACKAGES)


def test_every_package_is_marked_as_typed_in_the_wheel(wheel: set[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= wheel


def test_what_modules_read_at_run_time_is_in_the_wheel(wheel: set[str]) -> None:
    """Pages, styles, scripts, schemas: every tracked file of a package."""
    assert {name_of(path) for path in tracked(*PACKAGES)} <= wheel


def test_profiles_and_models_come_with_the_wheel(wheel: set[str]) -> None:
    """They lie where device/config.py looks for them: in share/vedette of the environment."""
    beside = {name_of(path) for path in tracked("configs/profiles", "models")}
    shared = {name.partition(".data/data/share/vedette/")[2] for name in wheel if ".data/data/share/vedette/" in name}
    assert beside
    assert beside <= shared
