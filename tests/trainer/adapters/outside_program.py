"""A program of somebody else: learns from a YOLO folder which colours are a figure, and writes that as ONNX. Knows nothing of Vedette.

`outside_program.py MODE DATA OUT EPOCHS`; the modes other than `good` are ways in which such programs go wrong.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HEIGHT, WIDTH, STRIDE, KERNEL = 64, 128, 8, 16


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def pixels(data, split):
    """Colours, and whether each lies in a labelled box."""
    colours, inside, sizes = [], [], []
    for path in sorted(Path(data, "images", split).iterdir()):
        image = cv2.imread(str(path))[..., ::-1]
        height, width = image.shape[:2]
        mask = np.zeros((height, width), bool)
        for line in Path(data, "labels", split, f"{path.stem}.txt").read_text().splitlines():
            _, x, y, w, h = map(float, line.split())
            sizes.append((w * width, h * height))
            mask[int((y - h / 2) * height) : int((y + h / 2) * height), int((x - w / 2) * width) : int((x + w / 2) * width)] = True
        colours.append(image.reshape(-1, 3)[::7])
        inside.append(mask.reshape(-1)[::7])
    return np.concatenate(colours).astype(np.float32), np.concatenate(inside), np.array(sizes).mean(axis=0)


def learnt(colours, inside, epochs):
    """Logistic regression by gradient descent."""
    x, weights, bias = colours / 255 - 0.5, np.zeros(3, np.float32), 0.0
    for epoch in range(epochs):
        share = 1 / (1 + np.exp(-(x @ weights + bias)))
        wrong = (share - inside) * np.where(inside, 1 / inside.mean(), 1 / (1 - inside.mean()))
        weights -= 0.5 * (wrong[:, None] * x).mean(axis=0)
        bias -= 0.5 * wrong.mean()
        say(f"progress {(epoch + 1) / epochs:.2f} epoch {epoch + 1}")
        say("another line")
    return weights / 255, bias - weights.sum() / 2


def written(out, weights, bias, size):
    """A box of the usual size at every eighth pixel, as sure as the colours below it are a figure's."""
    rows, columns = HEIGHT // STRIDE, WIDTH // STRIDE
    y, x = np.mgrid[0:rows, 0:columns].reshape(2, -1) * STRIDE + STRIDE / 2
    boxes = np.stack([x, y, np.full_like(x, size[0]), np.full_like(y, size[1])])[None].astype(np.float32)
    kernel = np.broadcast_to(weights[None, :, None, None] * 6 / KERNEL**2, (1, 3, KERNEL, KERNEL)).astype(np.float32)
    constants = {"kernel": kernel, "bias": np.array([bias * 6], np.float32), "boxes": boxes, "row": np.array([1, 1, -1], np.int64)}
    pads = (KERNEL - STRIDE) // 2
    nodes = [
        helper.make_node("Cast", ["picture"], ["float"], name="cast", to=TensorProto.FLOAT, doc_string=f"{__file__}(60): as exporters do"),
        helper.make_node("Transpose", ["float"], ["planes"], name="turn", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel", "bias"], ["map"], name="look", strides=[STRIDE] * 2, pads=[pads] * 4),
        helper.make_node("Sigmoid", ["map"], ["sure"], name="sure"),
        helper.make_node("Reshape", ["sure", "row"], ["scores"], name="row"),
        helper.make_node("Concat", ["boxes", "scores"], ["found"], name="found", axis=1),
    ]
    image = helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, HEIGHT, WIDTH, 3])
    found = helper.make_tensor_value_info("found", TensorProto.FLOAT, [1, 5, rows * columns])
    weights_ = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "outside", [image], [found], weights_)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), out)


def main(mode, data, out, epochs):
    say("sees", sorted(path.name for path in Path(data).rglob("*.png")))
    say("knows", sorted(name for name in os.environ if name.startswith("VEDETTE")))
    if mode == "fail":
        say("CUDA out of memory, as ever")
        return 7
    if mode == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        Path("child.pid").write_text(str(child.pid))
        say("sleeping now")
        time.sleep(600)
    if mode == "chatter":
        while True:
            say("x" * 1000)
    if mode == "nothing":
        return 0
    if mode == "text":
        Path(out).write_text("this is no model")
        return 0
    if mode == "link":
        written("elsewhere.onnx", np.zeros(3), 0.0, (10, 20))
        Path(out).symlink_to(Path("elsewhere.onnx").absolute())
        return 0
    if mode == "blind":
        written(out, np.zeros(3), -50.0, (10, 20))
        return 0
    written(out, *learnt(*pixels(data, "train")[:2], epochs), pixels(data, "train")[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
