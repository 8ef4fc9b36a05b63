"""Proof: building, self-test, shadow and trial, one after the other; the prover of a box that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from contracts.errors import VedetteError
from contracts.files import storage
from contracts.update import Figures, Mode
from device.pipeline.context import Detector
from device.update.aside import aside
from device.update.boots import Boots
from device.update.building import Building
from device.update.proof_options import ProofOptions
from device.update.prover import Told, Verdict
from device.update.refusal import Refusal
from device.update.selftest import SelfTest
from device.update.shadow import Shadow
from device.update.switch import Switch
from device.update.trial import Trial
from vision.bundle import StoredBundle


@dataclass(frozen=True)
class Live:
    """What proves a model on frames: of a box whose stage can change its detector."""

    open: Callable[[StoredBundle], Detector]  # as the stage has its own opened
    switch: Switch
    shadow: Shadow
    trial: Trial


class Proof:
    """A Prover. `live` None: the self-test is all that can be shown here. `died`: whether this process is about to end by a crash."""

    def __init__(
        self, building: Building, selftest: SelfTest, boots: Boots, options: ProofOptions, live: Live | None,
        died: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._building, self._selftest, self._boots = building, selftest, boots
        self._options, self._live, self._died = options, live, died

    def prove(self, bundle: StoredBundle, told: Told, mode: Mode = "live") -> Verdict:
        figures = Figures()

        def noted(**more: object) -> None:
            nonlocal figures
            figures = figures.model_copy(update=more)

        if words := self._boots.rejects(bundle.digest):
            return Verdict(False, "E_CRASHLOOP", f"{words}; train another, or allow it with `vedette models use`")
        try:
            self._building(bundle, told)
            figures = self._selftest(bundle, told)
            if self._live is not None and bundle.manifest.task == "detect":
                with self._marked(bundle.digest):
                    self._on_frames(self._live, bundle, told, mode, noted)
        except Refusal as refused:
            return Verdict(False, refused.code, str(refused), figures)
        return Verdict(True, figures=figures)

    @contextmanager
    def _marked(self, digest: str) -> Iterator[None]:
        """On the disk while the model runs in this process: whoever starts the box next counts who died with it."""
        with storage(self._boots.path):
            self._boots.trying(digest)
        try:
            yield
        finally:
            if not self._died():
                with storage(self._boots.path):
                    self._boots.tried()

    def _on_frames(self, live: Live, bundle: StoredBundle, told: Told, mode: Mode, noted: Callable[..., None]) -> None:
        if live.switch.model.digest == bundle.digest:
            return  # it serves already: what was shown was shown
        candidate = _opened(live.open, bundle, told)
        try:
            if candidate.digest != bundle.digest:  # what was proved is what is looked with
                raise Refusal("E_MIX", f"bundle {bundle.path}: was changed after its self-test to {candidate.digest}; see who writes there")
            if self._options.shadow_s or mode == "shadow":
                report = live.shadow.run(candidate, told)
                noted(shadow_frames=report.frames, agreement=report.share)
                told("shadow", 100.0, report.words())
            if mode == "shadow":
                live.switch.let_go(candidate)
                return
            seen = live.trial.run(candidate, told)
            noted(trial_s=self._options.trial_s, detections_per_frame=seen.per_frame)
        except BaseException:
            if not live.shadow.stuck:  # what is in use must not be taken from under it
                live.switch.let_go(candidate)
            raise


def _opened(open_bundle: Callable[[StoredBundle], Detector], bundle: StoredBundle, told: Told) -> Detector:
    """An engine may take minutes, and the watchdog waits for whoever says nothing."""

    def opened() -> Detector:
        try:
            return open_bundle(bundle)
        except Exception as error:  # a seam: engines raise what they like
            words = str(error) if isinstance(error, VedetteError) else f"{type(error).__name__}: {error}"
            raise Refusal("E_BUILD", f"bundle {bundle.path}: passed its self-test and does not open here: {words}") from error

    return aside("opening", opened, lambda: told("selftest", None, "is opened"))
