"""The page's modules without a page: their syntax, their sizes, and the parts that need no browser, run by Node."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[4]
MODULES = sorted((ROOT / "trainer/web/static/label").glob("*.js"))
TESTS = sorted(HERE.glob("*.test.mjs"))
NODE = shutil.which("node")
LONGEST = 250
needs_node = pytest.mark.skipif(NODE is None, reason="there is no node to run JavaScript without a browser")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside their tests, in a folder that says that they are modules."""
    folder = tmp_path_factory.mktemp("modules")
    shutil.copytree(MODULES[0].parent, folder / "label")
    (folder / "tests").mkdir()
    for test in TESTS:
        shutil.copy(test, folder / "tests")
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


@needs_node
@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_its_syntax_is_right(module: Path, modules: Path) -> None:
    done = subprocess.run([str(NODE), "--check", modules / "label" / module.name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_node
@pytest.mark.parametrize("name", [path.name for path in TESTS])
def test_it_does_what_it_says(name: str, modules: Path) -> None:
    done = subprocess.run([str(NODE), "--test", modules / "tests" / name], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^. pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) == len(re.findall(r'^test\("', (HERE / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_is_short_and_begins_by_saying_what_it_is_for(module: Path) -> None:
    lines = module.read_text().splitlines()
    assert len(lines) <= LONGEST
    assert re.match(r"// \S.{20,}\.$", lines[0])


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_makes_no_page_of_text(module: Path) -> None:
    """What others wrote is put in as text, and the policy of the page forbids the rest."""
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\(.style"
    assert not re.search(forbidden, module.read_text())
