"""Graph: an ONNX graph written block by block, its weights random but from a fixed seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET, IR = 17, 10


class Graph:
    FLOAT = TensorProto.FLOAT

    def __init__(self, seed: int = 7) -> None:
        self._random = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.weights = 0

    # ---- small parts

    def op(self, kind: str, inputs: Sequence[str], outputs: int = 1, **attributes: Any) -> Any:
        names = [f"t{len(self._nodes)}_{n}" for n in range(outputs)]
        self._nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def add(self, array: NDArray[Any]) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def ints(self, *values: int) -> str:
        return self.add(np.array(values, np.int64))

    def number(self, value: float) -> str:
        return self.add(np.array(value, np.float32))

    def constant(self, values: Any, repeat: int = 1) -> str:
        return self.add(np.repeat(np.array(values, np.float32), repeat, axis=1))

    def ramp(self, count: int) -> str:
        return self.add(np.arange(count, dtype=np.float32).reshape(1, 1, count, 1))

    def reshape(self, x: str, shape: Sequence[int]) -> str:
        return str(self.op("Reshape", [x, self.ints(*shape)]))

    def cat(self, *parts: str) -> str:
        return str(self.op("Concat", parts, axis=1))

    def double(self, x: str) -> str:
        scales = self.add(np.array([1, 1, 2, 2], np.float32))
        return str(self.op("Resize", [x, "", scales], mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"))

    # ---- blocks

    def image(self) -> str:
        """The picture as the network wants it: 0..1, NCHW; scaling and transposing are the graph's work."""
        plain = self.op("Mul", [self.op("Cast", ["image"], to=self.FLOAT), self.number(1 / 255)])
        return str(self.op("Transpose", [plain], perm=[0, 3, 1, 2]))

    def conv(
        self,
        x: str,
        wide: int,
        out: int,
        side: int,
        stride: int = 1,
        *,
        groups: int = 1,
        act: bool = True,
        bias: float = 0.0,
        gain: float = 0.3,
    ) -> str:
        """A convolution and, with `act`, SiLU; a last layer has none, and `gain` says how far its answers spread."""
        fan = wide // groups * side * side
        spread = math.sqrt(2.8 / fan) if act else gain / math.sqrt(fan)  # 2.8: what SiLU takes away
        kernel = self._random.normal(0, spread, (out, wide // groups, side, side)).astype(np.float32)
        shift = np.full(out, bias, np.float32)
        self.weights += kernel.size + shift.size
        pad = side // 2
        shape: dict[str, Any] = {"kernel_shape": [side, side], "strides": [stride] * 2, "pads": [pad] * 4, "group": groups}
        y = str(self.op("Conv", [x, self.add(kernel), self.add(shift)], **shape))
        return str(self.op("Mul", [y, self.op("Sigmoid", [y])])) if act else y

    def _pair(self, x: str, width: int, inner: int) -> str:
        """Two convolutions round which the input goes past."""
        y = self.conv(self.conv(x, width, inner, 3), inner, width, 3)
        return str(self.op("Add", [x, y]))

    def _deep(self, x: str, width: int) -> str:
        half = width // 2
        main, side = self.conv(x, width, half, 1), self.conv(x, width, half, 1)
        return self.conv(self.cat(self._pair(self._pair(main, half, half), half, half), side), width, width, 1)

    def csp(self, x: str, wide: int, out: int, *, share: float = 0.5, deep: bool = False) -> str:
        """One half of the channels goes through further layers, both meet again at the end."""
        inner = int(out * share)
        first, second = self.op("Split", [self.conv(x, wide, 2 * inner, 1), self.ints(inner, inner)], outputs=2, axis=1)
        third = self._deep(second, inner) if deep else self._pair(second, inner, inner // 2)
        return self.conv(self.cat(first, second, third), 3 * inner, out, 1)

    def pools(self, x: str, width: int) -> str:
        """The surroundings of each place at three distances."""
        rows = [self.conv(x, width, width // 2, 1)]
        for _ in range(3):
            rows.append(str(self.op("MaxPool", [rows[-1]], kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4)))
        return self.conv(self.cat(*rows), 2 * width, width, 1)

    def attention(self, x: str, width: int) -> str:
        """Half of the channels look at every other place of the picture."""
        half = width // 2
        first, y = self.op("Split", [self.conv(x, width, width, 1), self.ints(half, half)], outputs=2, axis=1)
        y = str(self.op("Add", [y, self._look_round(y, half)]))
        more = self.conv(self.conv(y, half, 2 * half, 1), 2 * half, half, 1, act=False)
        return self.conv(self.cat(first, str(self.op("Add", [y, more]))), width, width, 1)

    def _look_round(self, x: str, width: int, heads: int = 2) -> str:
        each = width // heads
        rows = self.reshape(self.conv(x, width, 2 * width, 1, act=False), (1, heads, 2 * each, -1))
        query, key, value = self.op("Split", [rows, self.ints(each // 2, each // 2, each)], outputs=3, axis=2)
        scores = self.op("MatMul", [self.op("Transpose", [query], perm=[0, 1, 3, 2]), key])
        scores = self.op("Softmax", [self.op("Mul", [scores, self.number((each // 2) ** -0.5)])], axis=-1)
        seen = self.op("MatMul", [value, self.op("Transpose", [scores], perm=[0, 1, 3, 2])])
        seen = self.op("Reshape", [seen, self.op("Shape", [x])])
        placed = self.op("Add", [seen, self.conv(x, width, width, 3, groups=width, act=False)])
        return self.conv(str(placed), width, width, 1, act=False)

    def cells(self, x: str) -> str:
        """(1, 2, cells): the middle of each cell of a feature map, in cells, whatever its size."""
        _, _, height, width = self.op("Split", [self.op("Shape", [x]), self.ints(1, 1, 1, 1)], outputs=4, axis=0)
        size = self.op("Concat", [height, width], axis=0)
        zero, one = self.add(np.array(0, np.int64)), self.add(np.array(1, np.int64))

        def axis(length: str, shape: tuple[int, int]) -> str:
            steps = self.op("Range", [zero, self.op("Squeeze", [length]), one])
            middles = self.op("Add", [self.op("Cast", [steps], to=self.FLOAT), self.number(0.5)])
            return self.reshape(str(self.op("Expand", [self.reshape(str(middles), shape), size])), (1, 1, -1))

        return self.cat(axis(width, (1, -1)), axis(height, (-1, 1)))

    def model(self, output: str, rows: int) -> bytes:
        image = helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "height", "width", 3])
        answer = helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, rows, "cells"])
        graph = helper.make_graph(self._nodes, "random", [image], [answer], self._constants)
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        onnx.checker.check_model(made)
        return bytes(made.SerializeToString())
