"""The other machine: trains, judges and bundles what the boxes run."""

import vision  # noqa: F401  # before anything here imports ONNX Runtime: what it would tell its makers is turned off there
