"""TrainConfig: everything that decides a run of training, each with its default; unknown keys are errors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from contracts.errors import ConfigError
from trainer.judge.points import parse_choice
from trainer.train.family import FAMILY
from vision.strict import Strict

MULTIPLE = 32  # what the sides of an input are multiples of
LEAST_PIXELS = 80 * 80  # an input has at least as many places as a graph has answers
Share = Annotated[float, Field(ge=0, le=1)]
Range = tuple[float, float]


class Data(Strict):
    """What is learnt from."""

    set: str = Field(min_length=1, max_length=500, description="name of a data set in the home's sets/, or a path with a slash in it")
    split: str | None = Field(
        default=None, max_length=500, description="name in the home's splits/, or a path; null: the sides the set itself names"
    )
    format: str | None = Field(default=None, description="what the set is; null: what it looks like")
    classes: tuple[str, ...] | None = Field(default=None, description="what is learnt, in this order; null: all classes of the set")
    machine_labels: Literal["ignore", "learn"] = Field(
        default="ignore", description="boxes nobody verified: not judged, or learnt like a person's"
    )
    min_confidence: Share = Field(default=0.0, description="with machine_labels learn: boxes below it are not judged")
    weighting: Literal["none", "inverse_probability"] = Field(
        default="none", description="inverse_probability: what was kept rarely is drawn more often, so that it counts as in life"
    )
    weight_cap: float = Field(default=20.0, ge=1, description="and no picture more than so many times the mean")
    min_examples: int = Field(default=1, ge=0, description="labelled things a class needs in the train part")
    broken_max_share: Share = Field(default=0.01, description="share of pictures that may be broken before the run ends; one always may")
    cache_mb: int = Field(default=256, ge=0, description="decoded pictures kept in memory, MiB")
    check_root: bool = Field(default=True, description="refuse a set whose root is not that of what was split")

    @field_validator("classes")
    @classmethod
    def _once(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (not value or len(set(value)) < len(value)):
            raise ValueError("name at least one class, each once; or leave it out")
        return value


class Model(Strict):
    """What learns."""

    architecture: str = Field(default="small", max_length=200, description="small, medium or large; a name with a colon is an adapter's")
    size: tuple[int, int] = Field(default=(384, 512), description="height and width of the input, pixels; multiples of 32")
    parent: str | None = Field(default=None, max_length=500, description="bundle or run it begins from; null: from nothing")
    take: Literal["all", "backbone"] = Field(default="all", description="what of the parent")
    backbone: str | None = Field(
        default=None, max_length=500, description="a safetensors file of published weights of the backbone (architecture medium)"
    )
    frozen: int = Field(default=0, ge=0, le=14, description="first blocks of the backbone that keep the weights they began with")
    command: tuple[str, ...] = Field(default=(), description="of an adapter that is a program of its own: its words")
    options: dict[str, JsonValue] = Field(default_factory=dict, description="of an adapter: its own, see docs/guide/model-export.md")

    @field_validator("architecture")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in FAMILY and ":" not in value:
            raise ValueError(f"is none of ours; write one of {', '.join(FAMILY)}")
        return value

    @field_validator("size")
    @classmethod
    def _fits(cls, value: tuple[int, int]) -> tuple[int, int]:
        if any(side % MULTIPLE or not MULTIPLE * 2 <= side <= 2048 for side in value):
            raise ValueError("sides are multiples of 32 from 64 to 2048; write [height, width]")
        if value[0] * value[1] < LEAST_PIXELS:
            raise ValueError(f"at least {LEAST_PIXELS} pixels in all; write a larger [height, width]")
        return value

    @model_validator(mode="after")
    def _one_beginning(self) -> Model:
        if self.parent is not None and self.backbone is not None:
            raise ValueError("parent and backbone are two beginnings; give one")
        return self


class Training(Strict):
    """How long, how fast, on what."""

    epochs: int = Field(default=100, ge=1, le=100_000, description="how often everything is gone through")
    batch_size: int = Field(default=16, ge=1, le=4096, description="pictures at once, of each process")
    accumulate: int = Field(default=1, ge=1, le=1024, description="batches that make one step: as if batch_size were so many times larger")
    steps: int | None = Field(default=None, ge=1, description="of one epoch; null: every picture once")
    rate: float = Field(default=2e-3, gt=0, le=1, description="highest learning rate")
    backbone_rate: float | None = Field(
        default=None, gt=0, le=1, description="of the backbone; null: `rate`, with a parent or published weights a quarter of it"
    )
    decay: float = Field(default=0.02, ge=0, le=1, description="of the weights; biases and norms have none")
    warm_up: float = Field(default=1.0, ge=0, description="epochs in which the rate rises from nothing")
    average: float = Field(default=0.998, ge=0, lt=1, description="share of the running average of the weights kept at each step")
    clip: float = Field(default=10.0, gt=0, description="longest gradient")
    seed: int = Field(default=1, ge=0, lt=1 << 31, description="of every choice of chance: the same one gives the same run")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto: the GPU where there is one")
    precision: Literal["auto", "full", "mixed"] = Field(default="auto", description="auto: mixed where there is a GPU")
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="of the arithmetic; null: one for each core of the process's share"
    )
    loaders: int = Field(default=2, ge=1, le=256, description="threads that read and change pictures")
    validate_every: int = Field(default=1, ge=1, description="epochs; the last is always validated")
    patience: int | None = Field(default=None, ge=1, description="end after so many validations without a better one; null: never")
    checkpoint_minutes: float = Field(default=10.0, gt=0, description="within long epochs; the end of an epoch is always kept")


class Augment(Strict):
    """How pictures are changed, so that one scene teaches about others. What is 0 is not done."""

    flip: Share = Field(default=0.5, description="how often left and right change sides")
    flip_vertical: Share = Field(default=0.0, description="how often above and below do")
    scale: Range = Field(default=(0.6, 1.6), description="smallest and largest size against the picture that fills the input")
    stretch: float = Field(default=0.1, ge=0, le=1, description="standard deviation of the logarithm of width against height")
    crop: Share = Field(default=0.5, description="how often a part is looked at, not the whole")
    mosaic: Share = Field(default=0.3, description="how often four pictures make one")
    mosaic_off: Share = Field(default=0.1, description="last share of the epochs without mosaics")
    brightness: float = Field(default=0.15, ge=0, le=1, description="standard deviation, of the whole range")
    contrast: float = Field(default=0.3, ge=0, le=1, description="most change up and down")
    saturation: float = Field(default=0.4, ge=0, le=1, description="most change up and down")
    hue: float = Field(default=8.0, ge=0, le=180, description="most turn of the colours, degrees")
    gamma: float = Field(default=0.2, ge=0, le=2, description="standard deviation of its logarithm")
    blur: Share = Field(default=0.15, description="how often the lens is worse")
    noise: Share = Field(default=0.2, description="how often the sensor is")
    jpeg: Share = Field(default=0.2, description="how often the encoder is")
    min_visible: Share = Field(default=0.35, description="share of a thing that must be left in the picture to be asked for")
    min_px: float = Field(default=4.0, ge=0, description="shorter side of a thing below which it is not judged, pixels of the input")

    @field_validator("scale")
    @classmethod
    def _rises(cls, value: Range) -> Range:
        if not 0.05 <= value[0] <= value[1] <= 10:
            raise ValueError("smallest and largest size, between 0.05 and 10")
        return value


class Targets(Strict):
    """What the owner asks for; the run and its report say whether it was reached. Gates decide on the test part."""

    map50_min: Share | None = Field(default=None, description="AP at IoU 0.5, over all classes")
    map_min: Share | None = Field(default=None, description="AP, the mean of IoU 0.5 to 0.95")
    recall_min: Share | None = Field(default=None, description="of every class at its operating point")
    precision_min: Share | None = Field(default=None, description="the same of precision")
    count_mae_max: float | None = Field(default=None, ge=0, description="mean error of the count in a picture, of every class")
    points: str = Field(default="f1", description="how operating points are chosen on val: f1, f2, precision=0.95")

    @field_validator("points")
    @classmethod
    def _chosen(cls, value: str) -> str:
        """Now, not when the run is over."""
        try:
            parse_choice(value)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return value


class TrainConfig(Strict):
    """A whole run."""

    data: Data
    model: Model = Model()
    training: Training = Training()
    augment: Augment = Augment()
    targets: Targets = Targets()
