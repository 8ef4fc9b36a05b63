"""TFLite to ONNX by tf2onnx, in an environment of its own that is thrown away afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from contracts.errors import BundleError, ConfigError

NEEDS = ("tensorflow-cpu==2.21.0", "tf2onnx==1.17.0")
OPSET = 17
INSTALL_S, CONVERT_S = 1800, 600
LEAST_BYTES = 8
MARK = b"TFL3"  # bytes 4 to 8 of every TFLite file


def tflite_to_onnx(data: bytes, report: Callable[[str], None], scratch: Path | None = None) -> bytes:
    """`scratch`: where the environment (1.7 GB) is made; None is the system's temporary folder."""
    if len(data) < LEAST_BYTES or data[4:8] != MARK:
        raise BundleError("model: this is not a TFLite file; give one, or an ONNX model")
    with tempfile.TemporaryDirectory(prefix="vedette-convert-", dir=scratch) as name:
        folder = Path(name).resolve()  # what runs in it is named by its whole path
        (folder / "model.tflite").write_bytes(data)
        report(f"making an environment with {' and '.join(NEEDS)} (1.7 GB for the time of the conversion)")
        python = _environment(folder)
        report("converting")
        arguments = ["-m", "tf2onnx.convert", "--tflite", "model.tflite", "--output", "model.onnx", "--opset", str(OPSET)]
        _run([python, *arguments], folder, CONVERT_S, "tf2onnx could not convert the model; some of its layers have no ONNX form")
        return (folder / "model.onnx").read_bytes()


def _environment(folder: Path) -> str:
    _run([sys.executable, "-m", "venv", "env"], folder, INSTALL_S, "no environment could be made; install Python's venv")
    python = str(folder / "env" / "bin" / "python")
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *NEEDS]
    _run(install, folder, INSTALL_S, "the converter could not be installed; connect this machine or give an ONNX model")
    return python


def _run(command: list[str], folder: Path, limit_s: int, mend: str) -> None:
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=limit_s, env=quiet)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines() or ["no reason given"]
        raise ConfigError(f"conversion: {mend} ({said[-1][:300]})") from error
