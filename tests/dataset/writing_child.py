"""A process that adds to a data set as fast as it can, says after each commit what is acknowledged, and is killed for it."""

import sys
from itertools import count
from pathlib import Path

from dataset.exporter import Exporter
from tests.dataset.scenery import about, seen, view


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    root, first = Path(sys.argv[1]), int(sys.argv[2])
    with Exporter(root, batch_size=1000) as exporter:
        say("open")
        for number in count(first):
            shown = number // 2  # each picture comes twice, told differently
            exporter.add(view(shown, 32, 24), [seen(f"class {number % 7}")], about(number))
            if number % 5 == 4:
                exporter.commit()
                say(str(number))


main()
