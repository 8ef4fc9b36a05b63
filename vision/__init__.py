"""From pixels to detections with numpy, OpenCV and ONNX Runtime only: the same code on the box and in the trainer's gate."""
