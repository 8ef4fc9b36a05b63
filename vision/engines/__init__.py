"""Engines: a loaded network behind one protocol, tensors in, tensors out; a box imports only the one its profile names."""

ENGINES = {  # each says with `compiles` whether it builds something for this machine first, which takes minutes and is kept
    "onnx": "vision.engines.onnx:OnnxEngine",
    "tensorrt": "vision.engines.tensorrt:TensorrtEngine",
}
