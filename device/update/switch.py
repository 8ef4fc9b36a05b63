"""Switch: puts a model in the place of the one that serves, between two frames, and gives back what is not used any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from contracts.errors import BundleError
from device.pipeline.context import Detector
from device.update.refusal import Refusal


@runtime_checkable
class Closing(Protocol):
    def close(self) -> None: ...


class Place(Protocol):
    """The stage that looks."""

    @property
    def detector(self) -> Detector: ...
    def use(self, detector: Detector) -> Detector: ...
    def release(self, detector: Detector, timeout_s: float) -> bool: ...


class Switch:
    """`serving` is told the digest after each change, so that what this box says of itself is true."""

    def __init__(self, place: Place, serving: Callable[[str], None], patience_s: float = 5.0) -> None:
        self._place, self._serving, self._patience_s = place, serving, patience_s

    @property
    def model(self) -> Detector:
        return self._place.detector

    def to(self, model: Detector) -> Detector:
        """The one that served. Refusal when the stage cannot use the new one: a class is missing."""
        try:
            before = self._place.use(model)
        except BundleError as error:
            raise Refusal("E_CLASSES", str(error)) from error
        self._serving(model.digest)
        return before

    def let_go(self, model: Detector) -> bool:
        """Closed when no frame is at it. One that keeps frames is left to them: what is in use must not be taken from under it."""
        if not self._place.release(model, self._patience_s):
            return False
        if isinstance(model, Closing):
            model.close()
        return True
