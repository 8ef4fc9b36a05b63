"""bundle.json: what a model is, what it wants to see, how its answers are read, what it was measured at."""

from typing import Literal

from pydantic import Field, JsonValue

from contracts.wire import Wire

FORMAT = 1
MANIFEST = "bundle.json"
HEX64 = r"^[0-9a-f]{64}$"


class Entry(Wire):
    """A file of the bundle: a plain relative path, its size and SHA-256."""

    path: str = Field(pattern=r"^(?!/)(?!.*\.\.)[A-Za-z0-9._/-]{1,200}$")
    size: int = Field(ge=0)
    sha256: str = Field(pattern=HEX64)


class Input(Wire):
    """The one image input. The picture is fitted, then `(x - mean) / std` when the graph does not do it itself."""

    name: str
    dtype: Literal["uint8", "float32", "float16"] = "uint8"
    layout: Literal["nhwc", "nchw"] = "nhwc"
    color: Literal["rgb", "bgr"] = "rgb"
    size: tuple[int, int] = Field(description="height, width the model was made for")
    multiple: int | None = Field(default=None, description="any height and width of this multiple is taken; None: only `size`")
    fit: Literal["letterbox", "stretch"] = "letterbox"
    pad: int = Field(default=114, ge=0, le=255)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Head(Wire):
    """How output tensors become boxes: the name of a head and its options."""

    kind: str = Field(description="yolo, end2end, points, ssd, ...")
    options: dict[str, JsonValue] = Field(default_factory=dict)


class Golden(Wire):
    """An image the bundle carries and the boxes expected on it: [x1, y1, x2, y2, confidence, class] in its pixels."""

    image: str
    boxes: list[tuple[float, float, float, float, float, int]]


class Bundle(Wire):
    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    task: Literal["detect"] = "detect"
    labels: list[str] = Field(min_length=1)
    input: Input
    head: Head
    model: Entry
    files: list[Entry] = Field(default_factory=list, description="everything else in the bundle, CARD.md and golden images")
    min_confidence: float = Field(default=0.25, ge=0, le=1)
    iou: float = Field(default=0.6, gt=0, le=1, description="boxes of one class that overlap more are one, where the head needs NMS")
    class_confidence: dict[str, float] = Field(default_factory=dict)
    golden: list[Golden] = Field(default_factory=list)
    golden_tolerance: dict[str, float] = Field(
        default_factory=lambda: {"onnx": 0.01, "tensorrt": 0.05}, description="largest difference in confidence, per engine"
    )
    metrics: dict[str, JsonValue] = Field(default_factory=dict, description="measured on the frozen split")
    gates: list[dict[str, JsonValue]] = Field(default_factory=list)
    dataset: str | None = Field(default=None, description="hash of the data it was trained on")
    parent: str | None = Field(default=None, description="digest of the bundle it was trained from")
    chunks: list[str] = Field(default_factory=list, description="SHA-256 of each MiB of the model, for resuming a download")
    needs: dict[str, JsonValue] = Field(default_factory=dict, description="opset, least version of Vedette, memory")
    license: str = ""
    source: str = Field(default="", description="where the weights and the data come from")
