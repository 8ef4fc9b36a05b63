"""Rules of a gates file: what a model must reach, against what, and how sure one must be of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trainer.gates.measures import LOWER_IS_BETTER, Metric
from trainer.judge.slices import OBJECTS, PICTURES

SliceName = Literal["device", "camera", "hour", "size"]
CostMetric = Literal["latency_p50_ms", "latency_p99_ms", "memory_mb", "size_mb"]
RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
assert set(SliceName.__args__) == {*PICTURES, *OBJECTS}  # type: ignore[attr-defined]  # noqa: S101  Literal has its words there


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Measured(Strict):
    """What rules about the test set have in common."""

    metric: Metric = Field(description="ap, ap50, ap75, ar; at the operating point recall, precision, f1, count_mae, count_bias; ece")
    classes: Literal["all", "each"] | list[str] = Field(
        default="all", description="all together, each by itself, or those named, each by itself"
    )
    slices: list[SliceName] = Field(default_factory=list, description="beside the whole: every device, camera, part of the day, size")
    min_recordings: int | None = Field(default=None, ge=2, description="fewer cannot answer; null: that of the file")
    min_objects: int | None = Field(
        default=None, ge=1, description="fewer things, answers or pictures cannot answer; null: that of the file"
    )
    thin_slices: Literal["refuse", "tell"] = Field(
        default="refuse", description="tell: a slice with fewer than that is told, and does not keep the model from passing"
    )


class Absolute(Measured):
    """A figure reaches a limit, and its bound at the confidence of the file does too."""

    kind: Literal["absolute"]
    at_least: float | None = Field(default=None, description="limit for what is better when higher")
    at_most: float | None = Field(default=None, ge=0, description="limit for what is better when lower; of count_bias in both directions")

    @model_validator(mode="after")
    def _has_the_limit_it_needs(self) -> Absolute:
        down = self.metric in LOWER_IS_BETTER or self.metric == "count_bias"
        wanted, other = ("at_most", "at_least") if down else ("at_least", "at_most")
        if getattr(self, wanted) is None or getattr(self, other) is not None:
            raise ValueError(f"{self.metric} needs `{wanted}` and not `{other}`; give that one")
        if not down and not 0 <= (self.at_least or 0.0) <= 1:
            raise ValueError(f"at_least {self.at_least} is not from 0 to 1; {self.metric} is a share")
        return self


class NonInferior(Measured):
    """The loss against another model is below a margin with the confidence of the file.

    Non-inferiority as in trials of medicines (ICH E9, 1998, 3.3.2; ICH E10, 2000): the model is not presumed equal because no difference
    was shown, it must be shown that there is none larger than the margin. All rules must pass, so none needs a correction for their number
    (intersection-union test: Berger, Technometrics 24, 1982).
    """

    kind: Literal["non_inferior"]
    margin: float = Field(gt=0, le=1, description="the largest loss that does not matter, in units of the metric")
    to: list[Literal["champion", "parent"]] = Field(default=["champion", "parent"], min_length=1)

    @model_validator(mode="after")
    def _can_be_compared(self) -> NonInferior:
        if self.metric == "count_bias":
            raise ValueError("count_bias has no better direction; compare count_mae, and bound count_bias with `kind: absolute`")
        return self


class Golden(Strict):
    """Past incidents stay mended, every one."""

    kind: Literal["golden"]
    file: str = Field(min_length=1, max_length=500, description="beside the gates file: incidents as in contracts/schemas/incidents.json")
    iou: float = Field(default=0.5, gt=0, le=1, description="from which a box is about the incident")


class CostRule(Strict):
    """A figure that a box measured."""

    kind: Literal["cost"]
    metric: CostMetric
    at_most: float | None = Field(default=None, gt=0, description="in the unit of the metric")
    times_champion: float | None = Field(default=None, gt=0, description="at most so many times the champion's figure on the same target")
    target: str = Field(min_length=1, max_length=128, description="class of box it must have been measured on")

    @model_validator(mode="after")
    def _has_a_limit(self) -> CostRule:
        if (self.at_most is None) == (self.times_champion is None):
            raise ValueError("needs one of `at_most` and `times_champion`; give one")
        return self


Rule = Annotated[Absolute | NonInferior | Golden | CostRule, Field(discriminator="kind")]


class Wear(Strict):
    """A test set that chose many models is a validation set (Dwork and others, The reusable holdout, Science 349, 2015)."""

    warn_after: int = Field(default=20, ge=1, description="different models judged on the same test set")
    refuse_after: int | None = Field(default=None, ge=1, description="null: never")


class Title(Strict):
    """What a model must be better at to become the champion; a model that is merely not inferior leaves the champion where it is."""

    metric: Metric = "ap"


class Gates(Strict):
    """A whole file."""

    version: Literal[1]
    confidence: float = Field(default=0.95, ge=0.8, le=0.999, description="of each bound, one-sided")
    resamples: int = Field(default=2000, ge=200, le=100_000)
    seed: int = Field(default=1, ge=0, le=2**32 - 1)
    min_recordings: int = Field(default=10, ge=2, description="recordings with anything to count")
    min_objects: int = Field(default=30, ge=1, description="things, answers or pictures counted")
    utc_offset_h: float = Field(default=0.0, ge=-14, le=14, description="hours that the boxes' clocks are ahead of UTC, for slices by hour")
    test_set: Wear = Wear()
    title: Title = Title()
    rules: dict[RuleName, Rule] = Field(min_length=1)
