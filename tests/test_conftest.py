"""A skip is honest on a small machine and a failure in CI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest
@pytest.mark.broker
def test_one():
    pytest.skip("no mosquitto here")
@pytest.mark.gpu
def test_two():
    pytest.skip("no GPU here")
"""


@pytest.mark.parametrize(("ci", "closing"), [("true", "1 failed, 1 skipped"), ("", "2 skipped")])
def test_a_test_skipped_for_want_of_a_program_fails_in_ci_only(ci: str, closing: str, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  broker: x\n  gpu: x\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "CI": ci}, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert closing in done.stdout.splitlines()[-1]
    assert done.returncode == bool(ci)
