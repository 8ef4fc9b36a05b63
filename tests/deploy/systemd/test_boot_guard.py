"""A model with which the box does not come up is taken back before the next start: last good and READY in under 15 s."""

from __future__ import annotations

import json
import time
from pathlib import Path

from device.update.slots import Slots
from tests.deploy.systemd.appliance import DATA, Appliance, tell
from tests.device.update.box import bundle
from tests.device.update.repository import Repository

BACK_S = 15.0
TRUST = "/etc/vedette/trust"
NO_NETWORK = b"this is no network, and whoever loads it ends"


def trusting(appliance: Appliance, folder: Path) -> None:
    """Updates are configured; a bundle is not tried in a process of its own first, as if it had passed there and fails only here."""
    repository = Repository(folder)
    appliance.call("install", "-d", "-g", "vedette", "-m", "0750", "/etc/vedette", TRUST)
    for name, text in (("root.json", repository.root.decode()), ("assignment.json", repository.keys.model_dump_json())):
        appliance.call("sh", "-c", f"cat > {TRUST}/{name}", stdin=text)
    appliance.configure({"update": {"trust": TRUST}, "model": {"trial_s": 0}})


def test_a_model_that_ends_the_process_at_its_start_is_taken_back(appliance: Appliance, tmp_path: Path) -> None:
    trusting(appliance, tmp_path / "repository")
    appliance.start()  # the factory's model comes in force
    appliance.stop()
    appliance.start()
    slots = Slots(appliance.data / "models")
    good = slots.linked("current")
    assert good
    assert good == slots.linked("factory")
    appliance.until(lambda: json.loads((appliance.data / "update/boots.json").read_text())["good"] == good)
    bad = bundle(tmp_path / "bad.vdb", "9.0.0", NO_NETWORK, name="person-street", labels=["person"])
    slots.copy(bad)
    slots.flip(bad.digest)
    appliance.call("chown", "-R", "vedette:vedette", f"{DATA}/models")
    before, pid, began = appliance.restarts(), appliance.main_pid(), time.monotonic()
    appliance.call("kill", "-KILL", str(pid))
    appliance.until(lambda: slots.linked("current") == good and appliance.ready())
    took = time.monotonic() - began
    starts = appliance.restarts() - before
    tell(f"crash loop to READY with the last good model: {took:.1f} s, {starts} starts")
    assert took < BACK_S
    assert starts == 4, "three that failed, and the one that is good"
    assert bad.digest in json.loads((appliance.data / "update/boots.json").read_text())["rejected"][0]["digest"]
    said = "\n".join(str(entry.get("MESSAGE")) for entry in appliance.journal())
    assert "3 starts with it never became ready" in said
    appliance.until(lambda: appliance.asked("/api/v1/health")["cameras"]["yard"]["state"] == "online")
