"""scripts/python, scripts/system and scripts/venv: what a fresh machine meets first."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("bash", "env", "id", "cat", "sha256sum", "dirname", "rm", "head")


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def bare(folder: Path) -> dict[str, str]:
    """An environment in which only the plainest tools are found."""
    folder.mkdir(exist_ok=True)
    for name in TOOLS:
        found = shutil.which(name)
        assert found
        (folder / name).symlink_to(found)
    return {"PATH": str(folder), "HOME": str(folder)}


def run(script: Path | str, *arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["/bin/bash", str(script), *arguments], env=env, capture_output=True, text=True, check=False)


def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    env = bare(tmp_path / "bin")
    program(tmp_path / "bin", "python3.12", "exit 127")
    program(tmp_path / "bin", "python3.11", f'exec {sys.executable} "$@"')
    assert run(ROOT / "scripts/python", env=env).stdout.strip() == str(tmp_path / "bin" / "python3.11")


def test_no_python_at_all_says_what_to_install(tmp_path: Path) -> None:
    done = run(ROOT / "scripts/python", env=bare(tmp_path / "bin"))
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_a_python_that_is_asked_for_and_does_not_fit_is_refused(tmp_path: Path) -> None:
    done = run(ROOT / "scripts/python", env={**bare(tmp_path / "bin"), "PYTHON": "python9.9"})
    assert done.returncode == 1
    assert "PYTHON=python9.9" in done.stderr


def test_missing_programs_are_named_and_only_ci_fails(tmp_path: Path) -> None:
    env = bare(tmp_path / "bin")  # no apt-get, no sudo; the script itself adds the system's folders for daemons
    there = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    for ci, code in (("", 0), ("true", 1)):
        done = run(ROOT / "scripts/system", "test", env={**env, "CI": ci})
        assert done.returncode == code
        assert "missing: ffmpeg" in done.stderr
        assert "sudo apt-get install chromium" in done.stderr
        assert ("missing: mosquitto" in done.stderr) == (there is None)


def test_missing_programs_are_installed_where_that_is_allowed(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    env = bare(folder)
    program(folder, "id", "echo 0")
    make = f'for name in ffmpeg chromium; do echo "#!/bin/bash" >{folder}/$name; /bin/chmod +x {folder}/$name; done'
    install = f'[[ "$*" == *" install "* ]] && {make}'
    program(folder, "apt-get", f'echo "$@" >>{folder}/asked; {install}; exit 0')
    done = run(ROOT / "scripts/system", "test", env=env)
    asked = (folder / "asked").read_text()
    assert " -y --no-install-recommends " in asked
    assert "gir1.2-gst-rtsp-server-1.0" in asked
    assert "missing: ffmpeg" not in done.stderr
    assert "missing: rtsp-server" in done.stderr


def repository(tmp_path: Path, requirement: str) -> Path:
    """A repository of which only the locks matter, with an environment that was made before."""
    (tmp_path / "scripts").mkdir()
    for name in ("venv", "python"):
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    (tmp_path / "requirements").mkdir()
    for name in ("build", "box"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(requirement)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path


LACKING = f"no-such-package-of-ours==1.0 --hash=sha256:{'0' * 64}\n"


def test_an_old_environment_serves_when_the_network_does_not(tmp_path: Path) -> None:
    top = repository(tmp_path, LACKING)
    (top / ".venv" / ".made-of-box").write_text("older locks")
    done = run(top / "scripts/venv", "box", env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "VENV": ".venv"})
    assert done.returncode == 0
    assert "going on with those that are there" in done.stderr


def test_a_new_environment_without_a_network_is_an_error(tmp_path: Path) -> None:
    top = repository(tmp_path, LACKING)
    done = run(top / "scripts/venv", "box", env={**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "VENV": ".venv"})
    assert done.returncode == 1
    assert "could not be installed" in done.stderr
    assert not (top / ".venv" / ".made-of-box").exists()


def test_unchanged_locks_cost_nothing(tmp_path: Path) -> None:
    top = repository(tmp_path, LACKING)
    parts = ("requirements/build.txt", "requirements/box.txt", "pyproject.toml")
    made = hashlib.sha256(b"".join((top / part).read_bytes() for part in parts)).hexdigest()
    (top / ".venv" / ".made-of-box").write_text(f"{made}  -\n")
    done = run(top / "scripts/venv", "box", env={**os.environ, "VENV": ".venv"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
