#!/usr/bin/env python3
"""The loop, shown: a box sees what its model is weak on; labels, training, gates; a better bundle; back to the box. About ten minutes."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.device.publish.mosquitto import broker_in  # noqa: E402
from tests.scenarios.loop.desk import Desk  # noqa: E402
from tests.scenarios.loop.field import Field  # noqa: E402
from tests.scenarios.loop.loop import Loop, Scale, Told  # noqa: E402

LOOK_S = float(os.environ.get("DEMO_SECONDS", "0"))  # the page stays so long; 0: until Enter, where somebody sits there


def main() -> int:
    if not (shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")):
        print("demo-loop needs mosquitto, the MQTT broker (Debian: apt install mosquitto)", file=sys.stderr)
        return 3
    out = ROOT / "demo-output" / f"loop-{time.strftime('%Y%m%d-%H%M%S')}"
    (out / "broker").mkdir(parents=True)
    print(f"Everything this makes is in {out}\n", flush=True)
    with broker_in(out / "broker") as broker:
        try:
            told = Loop(out, Scale(), say, broker.port).run(look)
        except KeyboardInterrupt:
            return 130
    print(summary(told))
    return 0


def say(words: str) -> None:
    print(words, flush=True)


def look(desk: Desk) -> None:
    """The trainer's page, while it is there."""
    if not LOOK_S and not sys.stdin.isatty():
        return
    print(f"\n  The trainer's page: {desk.client.base_url}  user ada, password {desk.password}", flush=True)
    if LOOK_S:
        time.sleep(LOOK_S)
    else:
        input("  Look around (Models, Runs, Label); Enter ends the demo. ")


def summary(told: Told) -> str:
    title = "the new one is the champion" if told.verdict["takes_the_title"] else "the old one stays the champion"
    judged = f"the gates say {told.verdict['answer']}, {title}"
    head = f"\n  {told.labelled} pictures labelled, {told.events} events taken in over MQTT; {judged}"
    return "\n".join([head, row("old", told.parent, told.before), row("new", told.child, told.after)])


def row(name: str, digest: str, one: Field) -> str:
    return f"  {name}  {digest[:19]}  saw {one.recall:5.1%} of {one.there} things; {one.precision:5.1%} of what it said was right"


if __name__ == "__main__":
    sys.exit(main())
