"""Lives of a box that follows a configuration, each killed at the n-th thing it makes durable; orders come as for life.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contracts.update import AssignmentKeys
from device.update.vitals import Vitals
from tests.device.update.configs import WELL, Seen, World, a_life
from tests.device.update.life import Fate, Provisioned, main, watched


def live(order: dict[str, Any]) -> dict[str, Any]:
    """From one start to the restart that it wants, or to the end of what there is to do."""
    repository = Provisioned(Path(order["repository"]), AssignmentKeys.model_validate(order["keys"]))
    fate = Fate(order.get("at", 0), order.get("state", ""), order.get("disk", ""))
    seen = Seen(with_new=Vitals.model_validate(order["with_new"]) if "with_new" in order else WELL)
    world = World(Path(order["data"]), repository, None, order["url"], seen=seen, old=order["old"])
    watched(fate)
    with a_life(world) as box:
        report = box.told(Path(order["raw"]).read_bytes())
        for _ in range(4):
            if not world.restarts:
                report = box.go()
        said = report.model_dump(mode="json", include={"state", "code", "words", "config_current"})
    return {**said, "count": fate.count, "restart": world.restarts > 0}


if __name__ == "__main__":
    main(live)
