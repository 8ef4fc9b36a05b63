"""A box in a process of its own that tells of events until it is killed: `python -m tests.device.web.streaming FOLDER FIRST`.

It prints the address of its stream.
"""

import sys
import threading
from itertools import count
from pathlib import Path

from tests.device.publish.fakes import event
from tests.device.web.test_stream import Box


def main(folder: str, first: str) -> None:
    it = Box(Path(folder))
    print(it.running.base.replace("http", "ws"), flush=True)  # noqa: T201 - the parent reads it
    pause = threading.Event()
    for number in count(int(first)):
        it.tell(event(number, "end"))
        pause.wait(0.002)


if __name__ == "__main__":
    main(*sys.argv[1:])
