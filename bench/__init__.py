"""What Vedette promises, measured: one file a promise, `make bench` runs all of them."""

import vision  # noqa: F401  # before ONNX Runtime: what it would tell its makers is turned off there
