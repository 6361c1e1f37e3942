"""The model's broker: logs, topic ids and the transaction coordinator, in model time.

Owns epochs and what they fence, the decision of each transaction, and the markers that carry it to
the partitions one by one, later: between two of them one partition shows the transaction and
another does not, as in Kafka.
"""

from collections.abc import Mapping
from typing import Final

from confluent_kafka import KafkaError

from tests.simulation.group import Assignor, Group, Place
from tests.simulation.partition_log import PartitionLog

EMPTY: Final = 0
ONGOING: Final = 1
ENDING: Final = 2
GROUP_PLACE: Final[Place] = ("__consumer_offsets", 0)


class Refused(Exception):
    """The broker's answer is an error: its code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code: Final = code


class TransactionalId:
    """What the coordinator keeps of a transactional id."""

    def __init__(self, producer: int) -> None:
        self.producer: Final = producer
        self.epoch = -1
        self.timeout_ms = 0
        self.status = EMPTY
        self.started_ms = 0
        # In the order in which they were added; the group's stands for its offsets.
        self.places: list[Place] = []
        self.commits = False
        # Epoch and decision of the transaction that ended last, for one who asks again.
        self.ended: tuple[int, bool] | None = None


class Broker:
    """One broker with everything on it."""

    def __init__(self, topics: list[str], partitions: int, assign: Assignor) -> None:
        self.now_ms = 1_700_000_000_000
        self.partitions: Final = partitions
        self.logs: dict[Place, PartitionLog] = {
            (topic, partition): PartitionLog()
            for topic in topics
            for partition in range(partitions)
        }
        self.topic_ids: dict[str, bytes] = {
            topic: index.to_bytes(16, "big") for index, topic in enumerate(topics, start=1)
        }
        self.group: Final = Group(assign)
        self.transactions: dict[str, TransactionalId] = {}
        # Ids whose transaction is decided but not yet marked everywhere.
        self.ending: list[TransactionalId] = []

    # -- the transaction coordinator

    def init_producer(self, name: str, timeout_ms: int) -> tuple[int, int]:
        """(producer id, epoch) of a new owner; the older one is fenced, its work aborted."""
        state = self.transactions.get(name)
        if state is None:
            state = self.transactions[name] = TransactionalId(len(self.transactions) + 1)
        if state.status == ONGOING:
            self._decide(state, commit=False)
        self.mark_all(state)
        state.epoch += 1
        state.timeout_ms = timeout_ms
        state.ended = None
        return state.producer, state.epoch

    def _owned(self, name: str, epoch: int) -> TransactionalId:
        state = self.transactions[name]
        if state.epoch != epoch:
            raise Refused(KafkaError.INVALID_PRODUCER_EPOCH)
        return state

    def _add_place(self, state: TransactionalId, place: Place) -> None:
        if state.status == ENDING:
            self.mark_all(state)
        if state.status == EMPTY:
            state.status = ONGOING
            state.started_ms = self.now_ms
            state.places = []
            state.ended = None
        if place not in state.places:
            state.places.append(place)

    def append(
        self, name: str, epoch: int, place: Place, key: bytes | None, value: bytes | None
    ) -> int:
        """A record of a producer's transaction; returns its offset. Raises Refused."""
        state = self._owned(name, epoch)
        if place not in self.logs:
            raise Refused(KafkaError.UNKNOWN_TOPIC_OR_PART)
        self._add_place(state, place)
        return self.logs[place].append(key, value, self.now_ms, state.producer)

    def add_offsets(
        self,
        name: str,
        epoch: int,
        offsets: Mapping[Place, int],
        membership: tuple[int, str, str | None],
    ) -> None:
        """Source offsets of a producer's transaction. Raises Refused."""
        state = self._owned(name, epoch)
        self._add_place(state, GROUP_PLACE)
        generation, member_id, instance_id = membership
        code = self.group.refusal(generation, member_id, instance_id)
        if code is not None:
            raise Refused(code)
        self.group.add_pending(state.producer, offsets, generation, member_id)

    def end(self, name: str, epoch: int, *, commit: bool) -> None:
        """Decide a producer's transaction; asked again, the answer is the same. Raises Refused."""
        state = self._owned(name, epoch)
        if state.ended is not None:
            if state.ended != (epoch, commit):
                raise Refused(KafkaError.INVALID_TXN_STATE)
            return
        if state.status == ONGOING:
            self._decide(state, commit=commit)
        state.ended = (epoch, commit)

    def _decide(self, state: TransactionalId, *, commit: bool) -> None:
        state.status = ENDING
        state.commits = commit
        self.ending.append(state)

    def mark(self, state: TransactionalId, index: int) -> None:
        """Write the marker into one of the places that still lack it."""
        place = state.places.pop(index)
        if place == GROUP_PLACE:
            self.group.end(state.producer, commit=state.commits)
        else:
            self.logs[place].end(state.producer, commit=state.commits, timestamp=self.now_ms)
        if not state.places:
            state.status = EMPTY
            self.ending.remove(state)

    def mark_all(self, state: TransactionalId) -> None:
        """Write all markers that are still due."""
        while state.status == ENDING:
            self.mark(state, 0)

    def settle(self) -> None:
        """Write the markers of all decided transactions."""
        for state in list(self.ending):
            self.mark_all(state)

    def abort_all(self) -> None:
        """End everything that is open, as if all its owners had timed out."""
        for state in self.transactions.values():
            if state.status == ONGOING:
                state.epoch += 1
                self._decide(state, commit=False)
        self.settle()

    # -- time

    def tick(self) -> None:
        """Let end what has lasted too long by now: sessions and transactions."""
        self.group.expire(self.now_ms)
        for state in self.transactions.values():
            if state.status == ONGOING and self.now_ms - state.started_ms >= state.timeout_ms:
                state.epoch += 1
                self._decide(state, commit=False)

    @property
    def idle(self) -> bool:
        """Whether no transaction is open or undecided anywhere."""
        return all(state.status == EMPTY for state in self.transactions.values())
