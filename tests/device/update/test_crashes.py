"""Models that take a process with them, or more memory with each look: in the self-test that is the child's end, and nobody else's."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.device.update.box import bundle
from tests.device.update.rig import a_rig

pytestmark = pytest.mark.timeout(120)
SEGFAULT = "import ctypes\nctypes.string_at(0)\n"
ABORT = "import ctypes\nctypes.CDLL(None).abort()\n"
LEAK = """
import sys
sys.path.remove({folder!r})
del sys.modules["onnxruntime"]
import onnxruntime as engine
from onnxruntime import InferenceSession
kept, run = [], InferenceSession.run
def leaking(*args, **kwargs):
    kept.append(bytearray(b"x" * (4 << 20)))
    return run(*args, **kwargs)
InferenceSession.run = leaking
"""


def engine_of_the_child(folder: Path, program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a network makes of the native code that runs it; this process has its own engine already."""
    folder.mkdir()
    (folder / "onnxruntime.py").write_text(program.replace("{folder!r}", repr(str(folder))))
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize(("program", "number"), [(SEGFAULT, signal.SIGSEGV), (ABORT, signal.SIGABRT)], ids=["segfault", "abort"])
def test_a_model_that_crashes_ends_its_child_and_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, number: int
) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path) as rig:
        engine_of_the_child(tmp_path / "engine", program, monkeypatch)
        verdict = rig.prove(new)
        assert (verdict.accepted, verdict.code) == (False, "E_GOLDEN"), verdict.words
        assert f"was killed by signal {number:d}" in verdict.words
        assert (rig.serves, rig.serving) == (rig.old.digest, [])
    assert rig.statuses() == {"ok": rig.offered}


def test_a_model_that_leaks_with_each_look_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = bundle(tmp_path / "new.vdb", "2.0.0")
    with a_rig(tmp_path, looks=30, growth_mb=30) as rig:
        engine_of_the_child(tmp_path / "engine", LEAK, monkeypatch)
        verdict = rig.prove(new)
        assert (verdict.accepted, verdict.code) == (False, "E_BUDGET"), verdict.words
        assert "grew by" in verdict.words
        assert (rig.serves, rig.serving) == (rig.old.digest, [])
    assert rig.statuses() == {"ok": rig.offered}
