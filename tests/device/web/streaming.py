"""A box that tells of events until it is killed, in a process of its own: `python -m tests.device.web.streaming FOLDER`.

For each line on its standard input, the number of the first event, a process begins that prints its id and the address of its stream.
"""

import os
import sys
import threading
from itertools import count
from pathlib import Path

from tests.device.publish.fakes import event
from tests.device.web.demo import Demo
from tests.device.web.test_stream import Box


def main(folder: str) -> None:
    """What takes long is done once, not in each life: imports, and the footage behind the page."""
    Demo(Path(folder))
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            tell(Path(folder), int(line))
        os.waitpid(child, 0)


def tell(folder: Path, first: int) -> None:
    it = Box(folder)
    print(os.getpid(), it.running.base.replace("http", "ws"), flush=True)  # noqa: T201 - the parent reads it
    pause = threading.Event()
    for number in count(first):
        it.tell(event(number, "end"))
        pause.wait(0.002)


if __name__ == "__main__":
    main(*sys.argv[1:])
