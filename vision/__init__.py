"""From pixels to detections with numpy, OpenCV and ONNX Runtime only: the same code on the box and in the trainer's gate."""

import os

# ONNX Runtime's own wheels tell Microsoft about each process and model, and keep an identifier in the user's cache, from 1.31 on Linux too;
# it looks at this once, when it is imported (microsoft/onnxruntime pull request 27379)
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
