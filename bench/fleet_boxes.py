"""Many boxes in one process: each with its connection, certificate, session, last will, subscriptions, birth and health, as a real one.

They do what device/publish/mqtt.py does, driven by one epoll: packets, timeouts, pauses and jitter. A line a second says how it is.
"""

from __future__ import annotations

import gc
import heapq
import json
import random
import select
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench.fleet_box import HEALTH_S, RESTING, FleetBox
from bench.fleet_broker import room_for_files
from bench.fleet_said import Sample, voice
from broker.staying import backoff_s
from device.publish.mqtt import Options as MqttOptions
from trainer.pki.certificates import Signed, make_leaf

RETRY, OVER, HEALTH = "retry", "over", "health"


@dataclass(frozen=True)
class Task:
    """For one process, as JSON in its first argument."""

    port: int
    first: int
    count: int
    ramp_s: float  # over which the boxes are switched on
    sample: str
    pki: str = ""  # folder of the authority; empty: no TLS


class Boxes:
    def __init__(self, task: Task, options: MqttOptions) -> None:
        sample = Sample.model_validate_json(Path(task.sample).read_bytes())
        self._task, self._options = task, options
        self._poll = select.epoll()
        self._by_fd: dict[int, FleetBox] = {}
        self._due: list[tuple[float, int, str, FleetBox, int]] = []
        self._turn = 0
        self._chance = random.Random(task.first)
        numbers = range(task.first, task.first + task.count)
        contexts, said = tls_contexts(Path(task.pki), numbers) if task.pki else {}, voice(sample)
        self.boxes = [FleetBox(n, task.port, options, said, contexts.get(n)) for n in numbers]
        self.up = self.attempts = 0
        self.lost: Counter[str] = Counter()  # by where and why
        self.all_up_at = 0.0

    def run(self) -> None:
        """For ever; whoever started it ends it."""
        gc.freeze()
        began = time.monotonic()
        for box in self.boxes:
            self._later(began + self._chance.uniform(0, self._task.ramp_s), RETRY, box)
        told = began
        while True:
            now = time.monotonic()
            if now - told >= 1:
                told = now
                self._tell(now)
            wait = min(1.0, max(0.0, self._due[0][0] - now)) if self._due else 1.0
            for fd, what in self._poll.poll(wait, len(self.boxes)):  # all that came, before anybody has waited too long
                box = self._by_fd.get(fd)
                if box is not None:
                    self._move(box, what)
            while self._due and self._due[0][0] <= now:
                self._do(*heapq.heappop(self._due)[2:])

    def _later(self, when: float, what: str, box: FleetBox) -> None:
        self._turn += 1
        heapq.heappush(self._due, (when, self._turn, what, box, box.attempt_no))

    def _do(self, what: str, box: FleetBox, attempt_no: int) -> None:
        """What was meant for a connection before this one is over with it."""
        if attempt_no != box.attempt_no:
            return
        if what == RETRY:
            self._begin(box)
        elif what == OVER and not box.up and box.sock is not None:
            self._settle(box, False, "no answer in time")
        elif what == HEALTH and box.up:
            self._later(time.monotonic() + HEALTH_S, HEALTH, box)
            self._guarded(box, box.say_health)

    def _begin(self, box: FleetBox) -> None:
        self.attempts += 1
        box.begin()
        self._by_fd[box.fd] = box
        self._poll.register(box.fd, select.EPOLLIN | select.EPOLLOUT)
        self._later(time.monotonic() + self._options.connect_timeout_s, OVER, box)

    def _move(self, box: FleetBox, what: int) -> None:
        was_up = box.up
        self._guarded(box, lambda: box.move(what))
        if box.up and not was_up:
            self.up += 1
            self.all_up_at = time.monotonic() if self.up == len(self.boxes) else 0.0
            self._later(time.monotonic() + self._chance.uniform(0, HEALTH_S), HEALTH, box)

    def _guarded(self, box: FleetBox, deed: Callable[[], None]) -> None:
        was_up = box.up
        try:
            deed()
            self._poll.modify(box.fd, box.wishes())
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            self._settle(box, was_up, str(error))

    def _settle(self, box: FleetBox, was_up: bool, why: str) -> None:
        """Lost, or never made: the product's pause, and again."""
        self.up -= was_up
        self.lost[f"{box.state}: {why}"] += 1
        del self._by_fd[box.fd]
        with suppress(OSError):  # TLS that fails closes it first
            self._poll.unregister(box.fd)
        pause_s = backoff_s(box.end(), self._options.reconnect_min_s, self._options.reconnect_max_s, self._chance)
        self._later(time.monotonic() + pause_s, RETRY, box)

    def _tell(self, now: float) -> None:
        said = {
            "at": now, "up": self.up, "all_up_at": self.all_up_at, "attempts": self.attempts, "lost": self.lost,
            "acked": sum(box.acked for box in self.boxes), "sent": sum(box.sent for box in self.boxes),
            "refused": sum(box.refused for box in self.boxes), "resting": sum(box.state == RESTING for box in self.boxes),
        }  # fmt: skip
        print(json.dumps(said), flush=True)


def tls_contexts(pki: Path, numbers: range) -> dict[int, ssl.SSLContext]:
    """A certificate of the fleet's authority for each; made in memory, for its book would be written anew for each of them."""
    certificate = x509.load_pem_x509_certificate((pki / "ca.pem").read_bytes())
    root = Signed(certificate, load_pem_private_key((pki / "ca.key").read_bytes(), None))  # type: ignore[arg-type]  # ours are P-256
    now, made, passing = datetime.now(timezone.utc), {}, pki / f"passing-{numbers.start}.pem"
    for number in numbers:
        leaf = make_leaf(root, FleetBox.name_of(number), [], now, 10, server=False)
        passing.write_bytes(leaf.key_pem() + leaf.pem())
        context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
        context.load_cert_chain(passing)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        made[number] = context
    passing.unlink()
    return made


if __name__ == "__main__":
    room_for_files()
    Boxes(Task(**json.loads(sys.argv[1])), MqttOptions()).run()
