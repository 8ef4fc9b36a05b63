"""A network in the shape of a small YOLO detector with random weights: its cost is real, its answers mean nothing.

2.6 million weights, 6.5 GFLOP at 640x640, 80 classes, output (1, 84, N). uint8 NHWC in, any height and width of a multiple of 32.
Backbone, two-way neck and the three heads have the widths of the published nano model; the graph is written here, node by node.
"""

from __future__ import annotations

from bench.graph import Graph

WIDTHS = (64, 128, 256)  # channels at stride 8, 16, 32
BINS, CLASSES = 16, 80


def model(lamp: bool = False) -> bytes:
    """With `lamp` a candidate more: class 0, as sure as the upper left of the picture is bright."""
    g = Graph()
    picture = g.image()
    fine, middle, coarse = _backbone(g, picture)
    up = g.csp(g.cat(g.double(coarse), middle), 384, 128)
    p8 = g.csp(g.cat(g.double(up), fine), 256, 64)
    p16 = g.csp(g.cat(g.conv(p8, 64, 64, 3, 2), up), 192, 128)
    p32 = g.csp(g.cat(g.conv(p16, 128, 128, 3, 2), coarse), 384, 256, deep=True)
    gain = 0.3 if lamp else 20.0
    levels = [_answers(g, x, width, stride, gain) for x, width, stride in zip((p8, p16, p32), WIDTHS, (8, 16, 32), strict=True)]
    return g.model(g.op("Concat", [*levels, *([_lamp(g)] if lamp else [])], axis=2), 4 + CLASSES)


def lamp_only() -> bytes:
    """The lamp without the network: an answer that costs next to nothing."""
    g = Graph()
    g.image()
    return g.model(_lamp(g), 4 + CLASSES)


def _backbone(g: Graph, x: str) -> tuple[str, str, str]:
    x = g.conv(g.conv(x, 3, 16, 3, 2), 16, 32, 3, 2)
    x = g.conv(g.csp(x, 32, 64, share=0.25), 64, 64, 3, 2)
    fine = g.csp(x, 64, 128, share=0.25)
    middle = g.csp(g.conv(fine, 128, 128, 3, 2), 128, 128, deep=True)
    x = g.csp(g.conv(middle, 128, 256, 3, 2), 256, 256, deep=True)
    return fine, middle, g.attention(g.pools(x, 256), 256)


def _answers(g: Graph, x: str, width: int, stride: int, gain: float) -> str:
    """(1, 4 + classes, cells): boxes from distributions over distances, scores from logits that `gain` spreads."""
    box = g.conv(g.conv(g.conv(x, width, 64, 3), 64, 64, 3), 64, 4 * BINS, 1, act=False)
    score = g.conv(g.conv(x, width, width, 3, groups=width), width, CLASSES, 1)
    score = g.conv(g.conv(score, CLASSES, CLASSES, 3, groups=CLASSES), CLASSES, CLASSES, 1)
    score = g.op("Sigmoid", [g.conv(score, CLASSES, CLASSES, 1, act=False, bias=-4.0, gain=gain)])
    spread = g.op("Softmax", [g.reshape(box, (1, 4, BINS, -1))], axis=2)
    sides = g.op("ReduceSum", [g.op("Mul", [spread, g.ramp(BINS)]), g.ints(2)], keepdims=0)
    left_top, right_bottom = g.op("Split", [sides, g.ints(2, 2)], outputs=2, axis=1)
    cells = g.cells(x)
    low, high = g.op("Sub", [cells, left_top]), g.op("Add", [cells, right_bottom])
    centre = g.op("Mul", [g.op("Add", [low, high]), g.number(0.5 * stride)])
    size = g.op("Mul", [g.op("Sub", [high, low]), g.number(stride)])
    return str(g.op("Concat", [centre, size, g.reshape(score, (1, CLASSES, -1))], axis=1))


def _lamp(g: Graph) -> str:
    """One candidate, its box in the upper left; the score is the mean of a patch of the input there."""
    patch = g.op("Slice", ["image", g.ints(32, 32), g.ints(64, 64), g.ints(1, 2)])
    bright = g.op("ReduceMean", [g.op("Cast", [patch], to=g.FLOAT)], axes=[0, 1, 2, 3], keepdims=0)
    score = g.reshape(g.op("Mul", [bright, g.number(1 / 255)]), (1, 1, 1))
    box = g.constant([[[60.0], [60.0], [80.0], [80.0]]])
    return str(g.op("Concat", [box, score, g.constant([[[0.0]]], repeat=CLASSES - 1)], axis=1))
