"""Who hears all boxes, in a process of its own: the trainer's subscription over the product's own link; one line a second of what came.

The time a message took is from the `mono` in its envelope, when the box wrote it, to when it is read here: one machine, one clock.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter

from broker.link import Link
from broker.staying import Staying
from contracts.topics import ROOT
from trainer.ingest.options import Options
from trainer.ingest.service import KINDS

MONO = re.compile(rb'"mono":([0-9.]+)')


class Tale:
    """What came; the times are those since the last line."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.bytes = 0
        self.ms: list[float] = []
        self._told = time.monotonic()

    def add(self, link: Link) -> None:
        while link.incoming:
            came, now = link.incoming.popleft(), time.monotonic()
            kind = (came.topic or "").rpartition("/")[2]
            self.counts[kind] += 1
            self.bytes += len(came.payload)
            found = MONO.search(came.payload)
            if kind == "health" and found:
                self.ms.append((now - float(found[1])) * 1000)
            link.acknowledge(came.mid)

    def tell(self) -> None:
        if time.monotonic() - self._told < 1:
            return
        said = {"at": time.monotonic(), "counts": self.counts, "bytes": self.bytes, "ms": [round(each, 2) for each in self.ms]}
        print(json.dumps(said), flush=True)
        self._told, self.ms = time.monotonic(), []


def listen(options: Options) -> None:
    """Until whoever started it ends it; over losses of the broker as the trainer does it."""
    tale, stop = Tale(), threading.Event()

    def serve(link: Link) -> None:
        link.subscribe([f"{ROOT}/+/up/{name}" for name in KINDS])
        while link.lost is None:
            link.spin(0.05)
            tale.add(link)
            tale.tell()

    pause_s = options.reconnect_min_s, options.reconnect_max_s
    Staying(lambda: Link(options.address(), time.monotonic_ns, manual_ack=True), pause_s, time.monotonic_ns).run(
        stop, serve, lambda why: print(why, file=sys.stderr, flush=True), tale.tell
    )


if __name__ == "__main__":
    listen(Options.model_validate_json(sys.argv[1]))
