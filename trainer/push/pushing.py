"""Pushing: the parts of a home that move rollouts on, put together."""

from __future__ import annotations

from broker.address import Address
from trainer.clock import Clock, SystemClock
from trainer.home import Home
from trainer.push.assign import Assignments
from trainer.push.keys import assignment_key
from trainer.push.place import Place
from trainer.push.progress import Progress
from trainer.push.pusher import Pusher
from trainer.push.repository import Repository
from trainer.push.rollout import Rollouts
from trainer.store.database import Database


def progress_of(home: Home, database: Database, clock: Clock) -> Progress:
    place = Place(home)
    repository = Repository(place, clock)
    return Progress(Rollouts(database, clock), Assignments(lambda: assignment_key(place), clock), repository.everything, clock)


def pusher_of(home: Home, database: Database, address: Address) -> Pusher:
    return Pusher(database, Place(home), progress_of(home, database, SystemClock()), address)
