"""What a model said of pictures, and how good that was: the documents that `vedette-trainer evaluate` writes."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.bundle import Label
from contracts.wire import Wire

Unit = Annotated[float, Field(ge=0, le=1)]
Figure = Annotated[float | None, Field(description="null: there was nothing to count it of")]
Row = tuple[float, float, float, float, Unit, Annotated[int, Field(ge=0, le=100_000)]]


class SavedAnswers(Wire):
    """All that a model says of a set of pictures, down to a low confidence. A picture it was not asked about is not listed."""

    format: Literal[1] = 1
    kind: Literal["vedette-answers"] = "vedette-answers"
    model: str = Field(min_length=1, max_length=200, description="digest of the bundle, or a name")
    labels: list[Label] = Field(description="by class number")
    points: dict[str, Unit] = Field(
        default_factory=dict, description="operating point of each class: the confidence above which it is shown"
    )
    points_root: str | None = Field(default=None, description="digest of the pictures the points were chosen on")
    pictures: dict[str, list[Row]] = Field(description="by picture: x, y, width, height in pixels, confidence, class number")

    @model_validator(mode="after")
    def _names_its_classes(self) -> "SavedAnswers":
        if any(row[5] >= len(self.labels) for rows in self.pictures.values() for row in rows):
            raise ValueError("an answer's class number has no label")
        return self


class Bin(Wire):
    """Answers whose confidence lies in one bin."""

    answers: int
    confidence: Figure
    right: Figure = Field(description="share of them that is right")


class ClassFigures(Wire):
    wanted: int = Field(description="things that were to be found")
    coco: dict[str, Figure] = Field(description="AP and AR as COCO counts them")
    point: Figure = Field(description="operating point; null: none was chosen")
    precision: Figure = None
    recall: Figure = None
    count_mae: Figure = None
    count_bias: Figure = Field(default=None, description="above 0: sees too many")
    count_exact: Figure = Field(default=None, description="share of pictures whose count is exactly right")
    ece: Figure = Field(default=None, description="expected calibration error")
    reliability: list[Bin] = Field(default_factory=list)


class SliceFigures(Wire):
    pictures: int
    recordings: int
    wanted: int
    ap: Figure
    ap50: Figure
    precision: Figure = None
    recall: Figure = None


class Evaluation(Wire):
    """How good a model is on one set of pictures."""

    format: Literal[1] = 1
    kind: Literal["vedette-evaluation"] = "vedette-evaluation"
    model: str
    root: str = Field(description="digest of what was judged: pictures, truth, regions of doubt, recordings")
    split: str = ""
    pictures: int
    recordings: int
    coco: dict[str, Figure]
    classes: dict[str, ClassFigures]
    slices: dict[str, dict[str, SliceFigures]]
    mistakes: dict[str, dict[str, int]] = Field(description="by class and kind, at the operating point")
    points_root: str | None = None
