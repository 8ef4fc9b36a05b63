"""Engines: a loaded network behind one protocol, tensors in, tensors out; a box imports only the one its profile names."""

ENGINES = {
    "onnx": "vision.engines.onnx:OnnxEngine",
    "tensorrt": "vision.engines.tensorrt:TensorrtEngine",
}
