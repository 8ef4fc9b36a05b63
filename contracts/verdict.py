"""Whether a model may be promoted, by which rules and figures: the document that `vedette-trainer gate` writes, and what it is told."""

from typing import Annotated, Literal

from pydantic import Field

from contracts.wire import Utc, Wire

Answer = Literal["pass", "fail", "not_enough_data"]
Figure = float | None
Count = Annotated[int, Field(ge=0)]
Size = Annotated[float, Field(ge=0, le=1e15)]
Pixel = Annotated[float, Field(ge=-1e6, le=1e6)]


class Check(Wire):
    """One question of one rule: for one class, one slice, one other model."""

    rule: str = Field(description="name of the rule in the gates file")
    kind: str = Field(description="absolute, non_inferior, golden, cost, test_set")
    answer: Answer
    why: str = Field(description="in one sentence, with the figures")
    metric: str = ""
    label: str = Field(default="", description="the class; empty: all together")
    slice: str = Field(default="", description="such as camera=yard; empty: everything")
    against: str = Field(default="", description="champion or parent; empty: nothing but the limit")
    limit: Figure = Field(default=None, description="what is asked for; of non_inferior the largest loss allowed")
    estimate: Figure = Field(default=None, description="measured; of non_inferior the gain over the other model, below 0 a loss")
    low: Figure = Field(default=None, description="lower bound of the estimate at the confidence of the gates")
    high: Figure = Field(default=None, description="upper bound")
    ours: Figure = Field(default=None, description="of non_inferior: the candidate's own figure")
    theirs: Figure = Field(default=None, description="and the other model's")
    recordings: Count = Field(default=0, description="with anything to count")
    objects: Count = Field(default=0, description="things, answers or pictures counted")
    needed: Count | None = Field(default=None, description="about so many recordings would decide it, where more of them can")
    binding: bool = Field(default=True, description="false: a slice too thin to answer, which the rule only wants to be told")
    overridden: bool = False


class Override(Wire):
    """A rule that was set aside by a person, who gave a reason."""

    rule: str
    reason: str = Field(min_length=10, max_length=2000)
    name: str = Field(min_length=1, max_length=200, description="who")
    t: Utc


class TestSet(Wire):
    """How worn the test set is: each model chosen by it makes it a little more of a validation set."""

    __test__ = False  # not one of pytest's
    root: str = Field(description="digest of what was judged")
    uses: Count = Field(description="times it was used, this one included")
    models: Count = Field(description="different models judged on it")
    level: Literal["fresh", "worn", "worn_out"]
    note: str = ""


class Verdict(Wire):
    format: Literal[1] = 1
    kind: Literal["vedette-verdict"] = "vedette-verdict"
    answer: Answer = Field(description="pass: every rule passes or was overridden")
    takes_the_title: bool = Field(
        description="it becomes the champion: passes, nothing overridden, better than the champion beyond doubt; or is the first to pass"
    )
    candidate: str
    champion: str | None = None
    parent: str | None = None
    gates_sha256: str = Field(description="of the gates file")
    confidence: float = Field(description="of each bound, one-sided")
    resamples: Count
    seed: int
    test_set: TestSet
    checks: list[Check]
    overrides: list[Override] = Field(default_factory=list)
    t: Utc


class Use(Wire):
    """A line of the ledger of test sets."""

    root: str
    model: str
    t: Utc


class Cost(Wire):
    """What a model costs on a box of one class, as that box measured it."""

    kind: Literal["vedette-cost"] = "vedette-cost"
    model: str = Field(description="digest of the bundle")
    target: str = Field(min_length=1, max_length=128, description="class of box, such as jetson-orin-nano or x86-2-cores")
    pictures: int = Field(ge=1, description="how many it was measured on")
    latency_p50_ms: Size | None = None
    latency_p99_ms: Size | None = None
    memory_mb: Size | None = Field(default=None, description="resident, at most")
    size_mb: Size | None = Field(default=None, description="of the bundle")


class Incident(Wire):
    """Something that went wrong once and must never again: a thing missed, or one seen that was not there."""

    id: str = Field(min_length=1, max_length=128)
    picture: str = Field(min_length=1, max_length=500, description="its id in the data set")
    label: str = Field(min_length=1, max_length=128)
    bbox: tuple[Pixel, Pixel, Pixel, Pixel] = Field(description="x, y, width, height in pixels")
    what: Literal["missed", "false_alarm"] = "missed"
    note: str = Field(default="", max_length=1000)


class Incidents(Wire):
    """Golden misses: what a model must have learned for good."""

    format: Literal[1] = 1
    kind: Literal["vedette-incidents"] = "vedette-incidents"
    incidents: list[Incident]
