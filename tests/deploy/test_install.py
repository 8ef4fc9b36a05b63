"""install.sh without a box: how it orders versions, what it takes as arguments; the whole of it is in tests/deploy/install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
INSTALL = ROOT / "deploy/install.sh"
PARTS = st.tuples(st.integers(0, 11), st.integers(0, 11), st.integers(0, 11))
ENDS = st.sampled_from(["", "a1", "b2", "rc1", "rc2", "rc10", ".post1", ".dev3", "a1.dev2"])


def sourced(text: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """With its functions, as a program of a few lines."""
    words = ["bash", "-c", f". {INSTALL}\n{text}"]
    return subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, timeout=60)


def called(*words: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*prefix, "bash", str(INSTALL), *words], capture_output=True, text=True, check=False, timeout=60)


@settings(max_examples=10)
@given(st.lists(st.tuples(PARTS, ENDS), min_size=2, max_size=60))
def test_versions_are_ordered_as_python_orders_them(some: list[tuple[tuple[int, int, int], str]]) -> None:
    versions = {".".join(map(str, numbers)) + end for numbers, end in some}
    said = sourced('while read -r a; do echo "$(sortable "$a") $a"; done | sort -V | cut -d" " -f2', "".join(f"{a}\n" for a in versions))
    assert said.stdout.split() == sorted(versions, key=Version)


def test_older_is_older_and_not_the_same() -> None:
    pairs = ["0.9.0 0.10.0", "0.10.0rc1 0.10.0", "0.10.0 0.10.0", "0.10.0.post1 0.10.0", "2.31 2.36"]
    said = sourced('while read -r a b; do older "$a" "$b" && echo yes || echo no; done', "\n".join(pairs) + "\n")
    assert said.stdout.split() == ["yes", "yes", "no", "no", "yes"]


def test_only_what_is_a_version_becomes_the_name_of_a_folder() -> None:
    some = ["0.1.0", "1.2.3rc1", "2.0.post1.dev3", "../../etc", "1.0/..", "", "1.0 ; rm", "v1", "1.0+local", "-rf"]
    said = sourced('while IFS= read -r a; do is_version "$a" && echo "$a"; done', "\n".join(some) + "\n")
    assert said.stdout.split() == ["0.1.0", "1.2.3rc1", "2.0.post1.dev3"]


def test_what_is_whole_is_listed_the_newest_last_and_what_is_not_is_not(tmp_path: Path) -> None:
    for version in ("0.10.0", "0.9.0", "0.10.0rc1"):
        (tmp_path / version).mkdir()
        (tmp_path / version / "COMPLETE").touch()
    (tmp_path / "0.11.0").mkdir()
    assert sourced(f"RELEASES={tmp_path}; installed").stdout.split() == ["0.9.0", "0.10.0rc1", "0.10.0"]


def test_links_lead_into_the_releases_or_nowhere(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("releases/0.2.0")
    (tmp_path / "previous").symlink_to("/opt/elsewhere")
    (tmp_path / "odd").symlink_to("releases/../../etc")
    said = sourced(f'HOME_OF_ALL={tmp_path}; for name in current previous odd none; do echo "<$(linked $name)>"; done')
    assert said.stdout.split() == ["<0.2.0>", "<>", "<>", "<>"]


@pytest.mark.parametrize(("version", "laid"), [(245, False), (249, False), (252, False), (254, True), (255, True), (257, True)])
def test_a_drop_in_of_a_newer_systemd_is_laid_only_where_that_is(tmp_path: Path, version: int, laid: bool) -> None:
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    said = sourced(f"ROLE=box; systemd_version() {{ echo {version}; }}; wanted_files {tmp_path}").stdout
    places = [line.split()[1] for line in said.splitlines()]
    assert any(place.endswith("/vedette.service") for place in places)
    assert any(place.endswith("/vedette.service.d/254-restart.conf") for place in places) == laid
    assert not [place for place in places if "wait-for-clock" in place], "who wants that lays it himself"
    assert any("jetson.conf" in place for place in places) == Path("/etc/nv_tegra_release").exists()


def test_of_the_systems_packages_tensorrt_and_systemd_alone_are_let_in(tmp_path: Path) -> None:
    """JetPack's TensorRT is in no release, and no old numpy beside it may come in with it."""
    for name in ("system", "release"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / name)], check=True)
    (site,) = (tmp_path / "system").glob("lib/python*/site-packages")
    for package in ("tensorrt", "systemd", "numpy", "cv2"):
        (site / package).mkdir()
        (site / package / "__init__.py").touch()
    said = sourced(f"python={tmp_path}/system/bin/python; link_system {tmp_path}/release && echo linked")
    assert said.stdout == "linked\n", said.stderr
    asked = "import importlib.util as look; print(*[name for name in ('tensorrt', 'systemd', 'numpy', 'cv2') if look.find_spec(name)])"
    done = subprocess.run([tmp_path / "release/bin/python", "-I", "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["tensorrt", "systemd"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--frm", "x"], "--frm is not known"),
        (["install", "--from"], "--from needs a value"),
        (["install", "--from", "/nowhere/at/all"], "is no folder"),
        (["install", "--wait-s", "soon"], "no number of seconds"),
        (["install", "--purge"], "--purge goes with remove"),
        (["install", "--role", "broker"], "--role is box, trainer or both"),
    ],
)
def test_a_wrong_argument_is_said_and_is_exit_code_2(words: list[str], says: str) -> None:
    said = called(*words)
    assert (said.returncode, says in said.stderr) == (2, True), said.stderr


def test_the_help_names_every_command_and_exit_code() -> None:
    said = called("--help")
    assert said.returncode == 0
    assert all(word in said.stdout for word in ("install", "upgrade", "downgrade", "remove", "status"))
    codes = re.search(r"^FAILED=.*$", INSTALL.read_text(), re.MULTILINE)
    assert codes
    assert all(f"{number} " in said.stdout.partition("Exit codes:")[2] for number in re.findall(r"=(\d)", codes[0]))


def test_who_is_not_root_is_told_so() -> None:
    with tempfile.TemporaryDirectory() as folder:  # where another user may read, too
        Path(folder).chmod(0o755)
        script = Path(shutil.copy(INSTALL, folder))
        another = ["setpriv", "--reuid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        said = subprocess.run([*another, "bash", str(script), "downgrade"], capture_output=True, text=True, check=False, timeout=60)
    assert (said.returncode, "needs root" in said.stderr) == (2, True), said.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may take the lock")
def test_the_lock_lies_where_nobody_else_can_have_put_a_link_or_hold_it() -> None:
    said = sourced("COMMAND=downgrade; alone; readlink /proc/$$/fd/9")
    lock = Path(said.stdout.strip())
    assert lock.is_file() and not lock.parent.stat().st_mode & 0o002, f"{lock}: a link there would have root empty any file"
    assert lock.parent.stat().st_uid == 0


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed (Debian: shellcheck)")
@pytest.mark.skipif(os.geteuid() != 0 or not Path("/etc/systemd/system").is_dir(), reason="units are masked by root, where systemd is")
def test_a_release_is_tried_as_the_service_where_its_owner_masked_that(tmp_path: Path) -> None:
    units = tmp_path / "1.0.0/release/deploy/systemd"
    shutil.copytree(ROOT / "deploy/systemd", units)
    text = f". {INSTALL}; RELEASES={tmp_path}; has_role() {{ [ $1 = box ]; }}; trial 1.0.0 /run/x /bin/id"
    masked = f"mount -t tmpfs none /etc/systemd/system && ln -s /dev/null /etc/systemd/system/vedette.service && {text}"
    done = subprocess.run(["unshare", "-m", "bash", "-c", masked], capture_output=True, text=True, check=False, timeout=60)
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip(f"no mounting here: {done.stderr.strip()}")
    assert "\nUser=vedette\n" in done.stdout, "and not as root, who would leave files in its data"


def test_shellcheck_has_nothing_to_say() -> None:
    said = subprocess.run(["shellcheck", str(INSTALL)], capture_output=True, text=True, check=False, timeout=60)
    assert (said.returncode, said.stdout) == (0, "")
