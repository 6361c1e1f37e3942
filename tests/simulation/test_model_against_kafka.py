"""The model of Kafka is held to Kafka: the same operations on both, every observation equal.

What a broker does a moment later (markers after a commit, the end of a transaction that has timed
out) is waited for on the real one.
"""

import os
import random
import time
from dataclasses import replace
from typing import Any

import pytest

from pipeline.settings import Settings
from tests.simulation.sides import PLACES, WAIT_S, Membership, ModelSide, RealSide

pytestmark = pytest.mark.broker

SEQUENCES = int(os.environ.get("TOLLGATE_MODEL_SEQUENCES", "3"))
OPERATIONS = 24
LONG_MS = 60_000
SHORT_MS = 1_000
OPERATION_WEIGHTS = {
    "begin": 5,
    "produce": 8,
    "offsets": 5,
    "commit": 4,
    "abort": 2,
    "start": 1,
    "zombie": 2,
    "observe": 1,
}


class Both:
    """The two sides, and what has been done to them."""

    def __init__(self, settings: Settings) -> None:
        self.real, self.model = RealSide(settings), ModelSide()
        self.members: dict[str, Membership] = {}
        self.done: list[Any] = []

    def join_twice(self) -> None:
        """Two members, so that there has been an older generation."""
        for side, name in ((self.real, "real"), (self.model, "model")):
            side.join()
            self.members[name] = side.join()

    def do(self, operation: str, *args: Any) -> Any:
        """The same on both, with the same outcome."""
        outcome = getattr(self.model, operation)(*args)
        self.done.append((operation, *args, outcome))
        assert getattr(self.real, operation)(*args) == outcome, self.told()
        return outcome

    def offsets(self, producer: str, offset: int, kind: str) -> None:
        """Offsets with a membership that is good, or in some way is not."""
        outcome = self.model.offsets(producer, offset, of_kind(kind, self.members["model"]))
        self.done.append(("offsets", producer, kind, outcome))
        theirs = self.real.offsets(producer, offset, of_kind(kind, self.members["real"]))
        assert theirs == outcome, self.told()

    def agree(self) -> None:
        """Wait until both show the same."""
        expected = self.model.observed()
        deadline = time.monotonic() + WAIT_S / 4
        while (seen := self.real.observed()) != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        assert seen == expected, self.told()

    def told(self) -> str:
        """What has been done, a line each."""
        return "\n".join(map(str, self.done))


def of_kind(kind: str, member: Membership) -> Membership:
    """A membership that is good, or in which way it is not."""
    generation, member_id = member
    return {
        "good": (generation, member_id),
        "old": (generation - 1, member_id),
        "stranger": (generation, "nobody"),
        "none": (-1, ""),
    }[kind]


class Sequence:
    """A random sequence of operations of two transactional ids and their older owners."""

    def __init__(self, both: Both, seed: int) -> None:
        self.both = both
        self.seed = seed
        self.chance = random.Random(seed)
        self.owners = {name: name for name in (f"{seed}-p", f"{seed}-q")}
        self.zombies: list[str] = []

    def run(self) -> None:
        """All of it; in the end nothing is open."""
        for name in self.owners:
            self.both.do("start", name, name, LONG_MS)
        names = list(OPERATION_WEIGHTS)
        for number in range(OPERATIONS):
            (operation,) = self.chance.choices(names, weights=list(OPERATION_WEIGHTS.values()))
            self.step(operation, number)
        for producer in self.owners.values():
            self.both.do("abort", producer)
        self.both.agree()

    def step(self, operation: str, number: int) -> None:
        """One operation of some producer."""
        transactional_id = self.chance.choice(list(self.owners))
        producer = self.owners[transactional_id]
        if operation == "zombie" and self.zombies:
            producer = self.chance.choice(self.zombies)
            operation = self.chance.choice(["produce", "offsets", "commit", "abort"])
        if operation in {"observe", "zombie"}:
            self.both.agree()
        elif operation == "start":
            self.zombies.append(producer)
            self.owners[transactional_id] = f"{transactional_id}-{number}"
            self.both.do("start", self.owners[transactional_id], transactional_id, LONG_MS)
        elif operation in {"produce", "commit"}:
            # Of what is queued when a transaction ends otherwise, Kafka may have heard or not.
            if operation == "produce" or self.chance.random() < 0.5:
                value = f"{self.seed}-{number}".encode()
                self.both.do("produce", producer, self.chance.choice(PLACES), value)
            self.both.do("flush" if operation == "produce" else "commit", producer)
        elif operation == "offsets":
            kind = self.chance.choice(["good", "good", "old", "stranger", "none"])
            self.both.offsets(producer, number, kind)
        else:
            self.both.do(operation, producer)


@pytest.fixture
def both(broker_settings: Settings) -> Any:
    """Kafka and the model, both new."""
    pair = Both(replace(broker_settings, session_timeout_s=30))
    pair.join_twice()
    yield pair
    pair.real.close()


def test_the_model_shows_what_kafka_shows(both: Both) -> None:
    for seed in range(SEQUENCES):
        Sequence(both, seed).run()


def test_what_a_fenced_or_late_producer_sees_is_the_same(both: Both) -> None:
    at = PLACES[1]
    both.do("start", "old", "fenced", LONG_MS)
    both.do("begin", "old")
    both.do("produce", "old", at, b"open")
    both.do("flush", "old")
    both.offsets("old", 7, "good")
    both.agree()
    both.do("start", "new", "fenced", LONG_MS)
    both.agree()
    for operation in ("commit", "abort"):
        both.do(operation, "old")
    both.do("start", "slow", "late", SHORT_MS)
    both.do("begin", "slow")
    both.do("produce", "slow", at, b"slow")
    both.do("flush", "slow")
    both.model.pass_time(SHORT_MS)
    both.agree()
    both.offsets("slow", 8, "good")
    both.do("commit", "slow")
    both.agree()
