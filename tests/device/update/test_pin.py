"""A pin holds from the moment it is set, also for a model that is on trial already."""

from __future__ import annotations

from pathlib import Path

from device.update.pin import Pin
from device.update.preflight import Box
from device.update.refusal import Refusal
from tests.device.update.box import Content, a_box, bundle
from tests.device.update.repository import Repository
from tests.device.update.server import Files
from vision.bundle import StoredBundle


def test_a_model_that_is_pinned_while_another_is_on_trial_stays(
    tmp_path: Path, repository: Repository, served: Files, factory: StoredBundle
) -> None:
    model = repository.release(bundle(tmp_path / "v2.vdb"))
    repository.publish()
    prover = Content()
    with a_box(tmp_path / "data", repository, factory, served.url, prover=prover) as box:
        fits = box.parts.box

        def unless_pinned() -> Box:
            if pinned := Pin(box.data).digest():
                raise Refusal("E_CONFIG", f"the owner keeps {pinned}")
            return fits()

        object.__setattr__(box.parts, "box", unless_pinned)
        prover.during = lambda: Pin(box.data).on(factory.digest)
        report = box.told(repository.assign(model))
        assert (report.state, report.code, report.current) == ("rejected", "E_CONFIG", factory.digest)
