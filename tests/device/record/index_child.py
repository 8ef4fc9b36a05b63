"""A process that adds, keeps and removes clips until it is killed: `index_child.py DATA SEED`. Says what is done, after it is."""

import random
import sys
from datetime import timedelta
from pathlib import Path

from tests.device.record.stored import NOON, in_line, make, rel


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(data: Path, seed: int) -> None:
    chance = random.Random(seed)
    index = in_line(data)
    say("ready")
    for number in range(1_000_000):
        clip = make(data, f"{seed}-{number}", NOON + timedelta(seconds=seed * 1000 + number), chance.choice(["left", "right"]))
        index.add(clip, rel(data, clip))
        say(f"added {clip.id}")
        if chance.random() < 0.4:
            kept = chance.choice(index.entries(20)).id
            index.pin(kept, True)
            say(f"pinned {kept}")
        if chance.random() < 0.6 and (old := index.oldest(1)):
            say(f"removing {old[0].id}")
            index.remove(old[0].id, "budget")
            say(f"removed {old[0].id}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
