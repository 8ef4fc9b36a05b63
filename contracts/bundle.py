"""bundle.json: what a model is, what it wants to see, how its answers are read, what it was measured at."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from contracts.wire import Wire

FORMAT = 1
MANIFEST = "bundle.json"
HEX64 = r"^[0-9a-f]{64}$"
PATH = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*){0,7}$"  # no part begins with a dot, so none is `..`
Side = Annotated[int, Field(ge=1, le=8192)]
MAX_PIXELS = 16 << 20  # of an input
# shown on pages and terminals, written into logs
Label = Annotated[str, Field(min_length=1, max_length=100, pattern="^[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]+$")]


def _untold(value: object) -> bool:
    """Fields that came later are left out of bundles that do not use them: the bytes, and so the digest, stay what they were."""
    return not value


class Entry(Wire):
    """A file of the bundle: a plain relative path, its size and SHA-256."""

    path: str = Field(pattern=PATH, max_length=200)
    size: int = Field(ge=0)
    sha256: str = Field(pattern=HEX64)


class Input(Wire):
    """The one image input. The picture is fitted; a float input gets `(x - mean) / std`, x from 0 to 255, uint8 gets x itself."""

    name: str
    dtype: Literal["uint8", "float32", "float16"] = "uint8"
    layout: Literal["nhwc", "nchw"] = "nhwc"
    color: Literal["rgb", "bgr"] = "rgb"
    size: tuple[Side, Side] = Field(description="height, width the model was made for")
    multiple: int | None = Field(
        default=None, ge=1, le=1024, description="any height and width of this multiple is taken; None: only `size`"
    )
    fit: Literal["letterbox", "stretch"] = "letterbox"
    pad: int = Field(default=114, ge=0, le=255)
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    @field_validator("size")
    @classmethod
    def _fits(cls, size: tuple[int, int]) -> tuple[int, int]:
        if size[0] * size[1] > MAX_PIXELS:
            raise ValueError(f"at most {MAX_PIXELS} pixels, not {size[1]}x{size[0]}")
        return size

    @field_validator("std")
    @classmethod
    def _divides(cls, std: tuple[float, float, float]) -> tuple[float, float, float]:
        if 0.0 in std:
            raise ValueError("std divides and must not be 0")
        return std


class Head(Wire):
    """How output tensors become boxes: the name of a head and its options."""

    kind: str = Field(description="of a detector yolo, end2end, points, ssd; softmax classifies; db finds text, ctc reads it")
    options: dict[str, JsonValue] = Field(default_factory=dict, description="the Options of that head; an unknown one is refused")


class Golden(Wire):
    """An image the bundle carries and the boxes expected on it: [x1, y1, x2, y2, confidence, class] in its pixels."""

    image: str
    boxes: list[tuple[float, float, float, float, float, int]]


class GoldenText(Wire):
    """An image of one line that a bundle which reads carries, and what is read there."""

    image: str
    text: str = Field(max_length=1000)
    confidence: float = Field(ge=0, le=1)


class GoldenScores(Wire):
    """An image that a bundle which classifies carries, and how likely each of its labels is there."""

    image: str
    scores: list[Annotated[float, Field(ge=0, le=1)]]


class Sampled(Wire):
    """Pictures of the training part that were kept for one reason."""

    pictures: int = Field(ge=0)
    least_probability: float | None = Field(default=None, ge=0, le=1, description="with which the rarest of them was kept; null: not known")


class Lineage(Wire):
    """Where a model comes from, as its trainer wrote it down; its data set and its parent are `dataset` and `parent` of the bundle."""

    run: str = Field(default="", max_length=80, description="id of the training run; empty: made elsewhere")
    trainer: str = Field(default="", max_length=200, description="the program that trained it, with its version")
    split: str | None = Field(default=None, description="root of the data set that the split was made of")
    split_sha256: str | None = Field(default=None, description="of the split's file")
    seed: int | None = None
    pictures: dict[str, int] = Field(default_factory=dict, description="of the training and the validation part")
    examples: dict[str, int] = Field(default_factory=dict, description="labelled things of each class that it learnt from")
    sampling: dict[str, Sampled] = Field(default_factory=dict, description="by reason: how the training pictures were chosen")
    points_root: str | None = Field(default=None, description="digest of the pictures on which the operating points were chosen")
    judged: str | None = Field(
        default=None, description="digest of what the gates judged: the draft with this network and these points"
    )
    verdict_sha256: str | None = Field(default=None, description="of verdict.json, which lies in the bundle")
    gates_sha256: str | None = Field(default=None, description="of the gates file")
    test_root: str | None = Field(default=None, description="digest of the pictures that the gates judged on")
    export_sha256: str | None = Field(default=None, description="of export.json")


class Bundle(Wire):
    format: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    task: Literal["detect", "classify", "find_text", "read_text"] = Field(
        default="detect", description="classify: one word for a picture; find_text: where lines of text are; read_text: what one says"
    )
    labels: list[Label] = Field(min_length=1, description="by class number, each once")
    input: Input
    head: Head
    model: Entry
    files: list[Entry] = Field(default_factory=list, description="everything else in the bundle, CARD.md and golden images")
    min_confidence: float = Field(default=0.25, ge=0, le=1)
    iou: float = Field(default=0.6, gt=0, le=1, description="boxes of one class that overlap more are one, where the head needs NMS")
    class_confidence: dict[str, float] = Field(default_factory=dict)
    golden: list[Golden] = Field(default_factory=list)
    golden_text: list[GoldenText] = Field(default_factory=list, description="of a bundle that reads")
    golden_scores: list[GoldenScores] = Field(default_factory=list, description="of a bundle that classifies")
    golden_tolerance: dict[str, float] = Field(
        default_factory=lambda: {"onnx": 0.01, "tensorrt": 0.05}, description="largest difference in confidence, per engine"
    )
    golden_iou: float = Field(default=0.9, gt=0, le=1, description="a box found and the box expected overlap at least so much")
    metrics: dict[str, JsonValue] = Field(default_factory=dict, description="measured on the frozen split")
    gates: list[dict[str, JsonValue]] = Field(default_factory=list)
    dataset: str | None = Field(default=None, description="hash of the data it was trained on")
    parent: str | None = Field(default=None, description="digest of the bundle it was trained from")
    lineage: Lineage | None = Field(default=None, exclude_if=_untold, description="null: nobody wrote it down")
    draft: bool = Field(
        default=False, exclude_if=_untold, description="made to be judged: it has not passed the gates, and becomes no champion"
    )
    chunks: list[str] = Field(default_factory=list, description="SHA-256 of each MiB of the model, for resuming a download")
    needs: dict[str, JsonValue] = Field(default_factory=dict, description="opset, least version of Vedette, memory")
    license: str = ""
    source: str = Field(default="", description="where the weights and the data come from")

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> "Bundle":
        paths = [self.model.path, *(entry.path for entry in self.files)]
        answers: list[Golden | GoldenText | GoldenScores] = [*self.golden, *self.golden_text, *self.golden_scores]
        unlisted = {golden.image for golden in answers} - set(paths)
        strangers = set(self.class_confidence) - set(self.labels)
        classes = {box[5] for golden in self.golden for box in golden.boxes}
        if MANIFEST in paths or len(set(paths)) < len(paths):
            raise ValueError(f"a path is listed twice, or is {MANIFEST} itself")
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("a label is listed twice")
        if unlisted:
            raise ValueError(f"golden images not among files: {sorted(unlisted)}")
        if strangers:
            raise ValueError(f"class_confidence names classes that are not labels: {sorted(strangers)}")
        if any(len(golden.scores) != len(self.labels) for golden in self.golden_scores):
            raise ValueError("golden scores are one for each label")
        if not classes <= set(range(len(self.labels))):
            raise ValueError(f"golden boxes name class numbers without a label: {sorted(classes - set(range(len(self.labels))))}")
        if not all(0 <= value <= 1 for value in self.class_confidence.values()):
            raise ValueError("class_confidence lies between 0 and 1")
        return self
