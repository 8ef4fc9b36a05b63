"""A recorder in a process of its own, to be killed: `child.py DATA CODEC`. Says after each packet how many it has been given."""

import sys
from pathlib import Path

from device.record.recover import recover
from tests.device.record.fakes import Bench
from tests.device.record.footage import at_s, event, footage


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(data: Path, codec: str) -> None:
    found = recover(data)
    say(f"recovered {len(found.clips)} {len(found.salvaged)} {len(found.waiting)}")
    bench = Bench(data)
    told = [event("new", "a", at_s(0.4), at_s(0.6))]
    for count, packet in enumerate(footage(codec, frames=250, variable=True, b_frames=2), 1):
        due, told = [e for e in told if e.pts_ns <= packet.pts_ns], [e for e in told if e.pts_ns > packet.pts_ns]
        bench.play([packet], due)
        say(str(count))
    say(f"clips {len(bench.stop())}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
