"""A box in a process of its own that publishes until it is killed: `python -m tests.device.publish.publisher FOLDER PORT FIRST COUNT`.

It prints the number of the last journalled message whenever that grew; COUNT 0 means until it is killed.
"""

import sys
import threading
from itertools import count as count_from
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.device.publish.fakes import Box, event, eventually


def main(folder: str, port: str, first: str, count: str) -> None:
    broker: Any = SimpleNamespace(host="127.0.0.1", port=int(port), unix_path=None)
    numbers = range(int(first), int(first) + int(count)) if int(count) else count_from(int(first))
    with Box(Path(folder), cast(Any, broker), outbox_options={"group_ms": 10, "ack_ms": 50}) as box:
        said, pause = 0, threading.Event()
        for number in numbers:
            box.put(event(number))
            if number % 10 == 0:
                pause.wait(0.005)
            if box.outbox.last_seq > said:
                said = box.outbox.last_seq
                print(said, flush=True)  # noqa: T201 - the parent reads it
        eventually(lambda: box.tally.get("", "journal") == int(count) and box.outbox.health().depth == 0, 60)


if __name__ == "__main__":
    main(*sys.argv[1:])
