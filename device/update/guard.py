"""Guard: is what a model shows in its trial what is normal on this box? Rules over figures, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from device.update.proof_options import ProofOptions
from device.update.seen import Seen, by_class, by_confidence, distance

SLACK_MS = 5.0
EXPECTED = 20  # boxes that the old model would have shown: fewer say nothing
FAILURES = 5  # frames without an answer, however many there were
LEAST_RATE = 0.02  # boxes a frame that are nothing to speak of


@dataclass(frozen=True, slots=True)
class Flow:
    """Frames that were looked at and frames that were dropped, so far or in some time."""

    analysed: int = 0
    dropped: int = 0

    def since(self, earlier: Flow) -> Flow:
        return Flow(self.analysed - earlier.analysed, self.dropped - earlier.dropped)

    @property
    def share(self) -> float:
        return self.dropped / (self.analysed + self.dropped) if self.dropped else 0.0


@dataclass(frozen=True, slots=True)
class Shown:
    """Of a trial so far; `normal` and `before` are this box's with the old model."""

    seen: Seen
    normal: Seen
    flow: Flow = Flow()
    before: Flow = Flow()
    grown_mb: float = 0.0


def flaw(shown: Shown, options: ProofOptions) -> tuple[str, str] | None:
    """The code and why, or nothing. What fails is said at once; figures are compared when there are enough."""
    seen = shown.seen
    if shown.grown_mb > options.growth_mb:
        return "E_BUDGET", f"this box grew by {shown.grown_mb:.0f} MB while it served; at most {options.growth_mb:g} (growth_mb)"
    if seen.unanswered >= FAILURES and seen.unanswered > options.unanswered * seen.frames:
        return "E_QUALITY", f"no answer to {seen.unanswered} of {seen.frames} frames; at most {options.unanswered:g} of them (unanswered)"
    if seen.frames < options.trial_frames:
        return None
    words = _slow(shown, options) or _amount(shown, options) or _shape(shown, options) or _dropped(shown, options)
    return ("E_QUALITY", words) if words else None


def _slow(shown: Shown, options: ProofOptions) -> str:
    p95, normal = shown.seen.p95_ms, shown.normal.p95_ms
    if options.p95_ms is not None:
        return f"95 of 100 looks take {p95:.0f} ms, at most {options.p95_ms:g} (p95_ms)" if p95 > options.p95_ms else ""
    if shown.normal.frames < options.trial_frames or p95 <= normal * options.slower + SLACK_MS:
        return ""
    return f"95 of 100 looks take {p95:.0f} ms, {normal:.0f} with the old model, at most {options.slower:g} times that (slower)"


def _amount(shown: Shown, options: ProofOptions) -> str:
    """Whether it sees nothing, or things everywhere."""
    seen, normal = shown.seen, shown.normal
    if normal.answered < options.trial_frames:
        return ""
    rate, usual = seen.per_frame, normal.per_frame
    if usual * seen.answered >= EXPECTED and rate < usual * options.fewest:
        return f"{rate:.2f} boxes a frame, {usual:.2f} are normal here; at least {options.fewest:g} of that (fewest)"
    if seen.found >= EXPECTED and rate > max(usual, LEAST_RATE) * options.most:
        return f"{rate:.2f} boxes a frame, {usual:.2f} are normal here; at most {options.most:g} times that (most)"
    return ""


def _shape(shown: Shown, options: ProofOptions) -> str:
    """Whether it sees other classes, or the same with quite another confidence."""
    if min(shown.seen.found, shown.normal.found) < EXPECTED:
        return ""
    for what, of in (("classes", by_class), ("confidences", by_confidence)):
        far = distance({**of(shown.seen)}, {**of(shown.normal)})
        if far > options.histogram:
            return f"its {what} lie {far:.2f} from what is normal here, at most {options.histogram:g} (histogram)"
    return ""


def _dropped(shown: Shown, options: ProofOptions) -> str:
    rise = shown.flow.share - shown.before.share
    if shown.flow.dropped < EXPECTED or rise <= options.drops:
        return ""
    now, then = 100 * shown.flow.share, 100 * shown.before.share
    return f"{now:.0f} % of the frames are dropped, {then:.0f} % before; at most {100 * options.drops:g} more (drops)"
