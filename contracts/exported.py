"""export.json: the files that were made of a trained network, how good each is, and what a bundle must say of them."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from contracts.bundle import HEX64, Head, Input, Label
from contracts.wire import Wire

Kind = Literal["onnx", "int8", "fp16", "tflite"]
KINDS: tuple[Kind, ...] = ("onnx", "int8", "fp16", "tflite")
Share = Annotated[float | None, Field(ge=0, le=1, description="null: not measured, or nothing was to be found")]


class ExportedFigures(Wire):
    """Counted on the validation part of the split, through the box's own preparation and head."""

    ap: Share = None
    ap50: Share = None
    answers: int = Field(default=0, ge=0, description="boxes it gave on those pictures, down to a confidence of 0.01")
    cpu_ms: float | None = Field(default=None, ge=0, description="milliseconds of CPU a picture, one thread, preparation and head included")


class ExportedFile(Wire):
    """One form of the network. A refused one has no file, and `why` names what refused it."""

    kind: Kind
    state: Literal["good", "refused"] = "good"
    why: str = ""
    path: str = Field(default="", max_length=200, description="beside export.json")
    size: int = Field(default=0, ge=0, description="bytes")
    sha256: str = Field(default="", pattern=f"{HEX64}|^$")
    opset: int | None = Field(default=None, description="of ONNX")
    figures: ExportedFigures = ExportedFigures()
    ap_loss: float | None = Field(default=None, description="against what it was made of; below 0: it is better")
    made_of: str = Field(default="", description="SHA-256 of the ONNX file it was made of")
    details: dict[str, JsonValue] = Field(default_factory=dict, description="how it was made")

    @model_validator(mode="after")
    def _whole(self) -> "ExportedFile":
        if (self.state == "good") != bool(self.path and self.sha256 and self.size):
            raise ValueError("a good file has path, size and sha256, a refused one none")
        return self


class Exported(Wire):
    """The whole document. `trained` are the figures of the network before it was exported; null for a model made elsewhere."""

    format: Literal[1] = 1
    kind: Literal["vedette-export"] = "vedette-export"
    labels: list[Label] = Field(min_length=1, description="by class number")
    input: Input
    head: Head
    pictures: int = Field(ge=0, description="of the validation part, on which all figures were counted")
    judged: str = Field(description="digest of exactly those pictures with what is truly in them")
    trained: ExportedFigures | None = None
    files: list[ExportedFile]
    licence: str = Field(default="", description="of the model, as far as who trained it says")
    trainer: str = Field(default="vedette", description="the program that trained it, with its version")
    notes: list[str] = Field(default_factory=list, description="what whoever ships it must know")
    software: dict[str, str] = Field(default_factory=dict)

    def file(self, kind: Kind) -> ExportedFile | None:
        """The good one of that kind."""
        return next((each for each in self.files if each.kind == kind and each.state == "good"), None)
