"""Options of the proof: what a pushed model must show on this box before it stays."""

from __future__ import annotations

from pydantic import Field

from device.pipeline.strict import Strict


class ProofOptions(Strict):
    """Limits of self-test, shadow and trial. Ratios are to what this box measured of the model in force."""

    build_s: float = Field(
        default=3600, gt=0, le=7 * 86_400, description="seconds in which an engine that compiles must have built a new model"
    )
    looks: int = Field(default=60, ge=8, le=10_000, description="pictures a new model looks at in its self-test")
    p95_ms: float | None = Field(
        default=None, gt=0, le=600_000, description="most that 95 of 100 looks may take, milliseconds; null: `slower` times the old model's"
    )
    slower: float = Field(default=1.5, ge=1, le=100, description="a new model may take so many times the old one's time, and 5 ms")
    memory_mb: int | None = Field(
        default=None, ge=64, le=1 << 20, description="most memory of the self-test's process, MiB; null: model.trial_memory_mb"
    )
    growth_mb: float = Field(
        default=256, gt=0, le=1 << 20, description="by how much the self-test, or this box in a trial, may grow while the model looks, MiB"
    )
    shadow_s: float = Field(
        default=300, ge=0, le=86_400, description="seconds in which both models look at the same frames; 0: none, but for mode shadow"
    )
    shadow_frames: int = Field(default=200, ge=1, le=100_000, description="frames on which they are compared at least; live ones only")
    shadow_wait_s: float = Field(
        default=3600, gt=0, le=7 * 86_400, description="seconds to wait for so many frames; then what was seen decides"
    )
    shadow_share: float = Field(default=0.1, gt=0, le=1, description="most of one core that the second model gets; live frames go before")
    iou: float = Field(default=0.5, gt=0, le=1, description="two boxes of one class that overlap so much are the same thing")
    agreement: float = Field(
        default=0.6, ge=0, le=1, description="least share of what either model saw that both saw; a better model differs too: not too high"
    )
    disagreements: int = Field(default=50, ge=0, le=10_000, description="pictures of one shadow, at most, that go to the training data")
    trial_s: float = Field(default=1800, ge=0, le=7 * 86_400, description="seconds for which the guard watches a new model serve")
    trial_frames: int = Field(
        default=300, ge=1, le=1_000_000, description="frames before the guard compares figures; failures count at once"
    )
    unanswered: float = Field(default=0.02, ge=0, le=1, description="share of frames without an answer above which a model is taken back")
    fewest: float = Field(default=0.3, ge=0, le=1, description="least boxes a frame, as a share of what is normal here at this hour")
    most: float = Field(default=4.0, ge=1, le=1000, description="most boxes a frame, as a multiple of what is normal here at this hour")
    histogram: float = Field(
        default=0.6, gt=0, le=1, description="distance of classes or confidences from what is normal here: 0 the same, 1 nothing in common"
    )
    drops: float = Field(default=0.1, ge=0, le=1, description="by how much the share of dropped frames may rise")
