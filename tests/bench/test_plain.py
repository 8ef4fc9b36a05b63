"""The plain script finds what our own pipeline finds on the same picture with the same network: it is a fair peer."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort

from bench import network, plain


def test_it_reads_as_many_boxes_as_it_should() -> None:
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = ort.InferenceSession(network.model(), options, providers=["CPUExecutionProvider"])
    picture = np.random.default_rng(1).integers(0, 255, (270, 480, 3), np.uint8)
    assert 1 <= len(plain.look(session, picture, 320)) <= 40
