"""Finds what hangs and writes the markers that the coordinator skipped.

Owns when a transaction counts as hanging: records of it are open in a partition, and the
coordinator does not know of it any more. Its outcome is what the coordinator's log says, never a
guess: where the log is silent nothing is written.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.structs import TopicPartition

from pipeline.hanging.coordinator_log import Status, Step, outcome, steps
from pipeline.hanging.requests import DescribeProducers, ListTransactions, WriteTxnMarkers
from pipeline.settings import Settings
from pipeline.topics import ALL_TOPICS

GROUP_OFFSETS: Final = "__consumer_offsets"
COMMIT: Final = "commit"
ABORT: Final = "abort"
UNKNOWN: Final = "unknown"
_OUTCOMES: Final = {Status.PREPARE_COMMIT: COMMIT, Status.PREPARE_ABORT: ABORT, None: UNKNOWN}
_REQUEST_MS_MAX: Final = 20_000


class HangingError(RuntimeError):
    """Kafka did not answer, or refused; the text says what."""


@dataclass(frozen=True, order=True)
class Hanging:
    """A transaction's records in one partition, from `first_offset` on, without their marker.

    `outcome`: "commit", "abort", or "unknown" when the coordinator's log no longer says.
    """

    topic: str
    partition: int
    first_offset: int
    producer_id: int
    producer_epoch: int
    coordinator_epoch: int
    transactional_id: str = ""
    outcome: str = UNKNOWN


def find_hanging(settings: Settings) -> list[Hanging]:
    """What hangs in the project's topics and in the groups' offsets. Raises HangingError.

    Transactions that are merely open are not among them: what hangs is seen twice, with the
    coordinator's word that it has nothing to do with it in between.
    """
    return _asked(settings, _find(settings))


def finish(settings: Settings, found: Iterable[Hanging]) -> list[Hanging]:
    """Write the markers of those with a known outcome; returns them. Raises HangingError.

    Safe to repeat: a partition whose transaction has ended meanwhile is left alone.
    """
    known = [hanging for hanging in found if hanging.outcome != UNKNOWN]
    return _asked(settings, _finish(settings, known))


def _asked(settings: Settings, answer: Any) -> list[Hanging]:
    try:
        return list(asyncio.run(answer))
    except (KafkaError, TimeoutError) as error:
        raise HangingError(f"Kafka at {settings.kafka_bootstrap}: {error!r}") from error


async def _find(settings: Settings) -> list[Hanging]:
    async with _Broker(settings) as broker:
        opened = await broker.open_transactions()
        ids = await broker.transactional_ids({one.producer_id for one in opened})
        logs = {name: await asyncio.to_thread(steps, settings, name) for name in ids.values()}
        told = [_told(one, ids, logs) for one in opened]
        hanging = [one for one in told if one is not None]
        still = set(await broker.open_transactions()) if hanging else set()
        return sorted(one for one in hanging if _as_seen(one) in still)


def _told(one: Hanging, ids: Mapping[int, str], logs: Mapping[str, list[Step]]) -> Hanging | None:
    """An open transaction with what its coordinator says of it; None: it is not hanging."""
    name = ids.get(one.producer_id, "")
    end = outcome(logs.get(name, []), one.producer_id, (one.topic, one.partition))
    if end is Status.ONGOING:
        return None
    return replace(one, transactional_id=name, outcome=_OUTCOMES[end])


def _as_seen(one: Hanging) -> Hanging:
    """Without what its coordinator says: as a partition shows it."""
    return replace(one, transactional_id="", outcome=UNKNOWN)


async def _finish(settings: Settings, known: list[Hanging]) -> list[Hanging]:
    async with _Broker(settings) as broker:
        still = set(await broker.open_transactions())
        finished = []
        for one in known:
            if _as_seen(one) in still:
                await broker.write_marker(one)
                finished.append(one)
        return finished


class _Broker:
    """Asks the leaders of the project's partitions and of the groups' offsets."""

    def __init__(self, settings: Settings) -> None:
        """Connects when the context is entered."""
        self._topics: Final = {*(settings.topic(topic.name) for topic in ALL_TOPICS), GROUP_OFFSETS}
        self._client: Final = AIOKafkaClient(
            **settings.aiokafka(request_timeout_ms=_REQUEST_MS_MAX)
        )

    async def __aenter__(self) -> Self:
        await self._client.bootstrap()
        # What it keeps up to date by itself leaves most topics out.
        self._cluster = await self._client.fetch_all_metadata()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def open_transactions(self) -> list[Hanging]:
        """Every transaction that is open in a partition, whoever has to end it."""
        by_leader: dict[int, dict[str, list[int]]] = {}
        for topic in self._topics:
            for partition in self._cluster.partitions_for_topic(topic) or ():
                leader = self._leader(topic, partition)
                by_leader.setdefault(leader, {}).setdefault(topic, []).append(partition)
        found = []
        for leader, partitions in by_leader.items():
            answer = await self._client.send(leader, DescribeProducers(partitions))
            for topic, described, _ in answer.topics:
                for partition, code, _, producers, _ in described:
                    _check(code, f"the producers of {topic} {partition}")
                    found += [
                        Hanging(topic, partition, first, producer, epoch, coordinator)
                        for producer, epoch, _, _, coordinator, first, _ in producers
                        if first >= 0
                    ]
        return found

    async def transactional_ids(self, producers: set[int]) -> dict[int, str]:
        """The transactional id of each producer that a coordinator still knows."""
        if not producers:
            return {}
        ids: dict[int, str] = {}
        for broker in self._cluster.brokers():
            answer = await self._client.send(broker.nodeId, ListTransactions(sorted(producers)))
            _check(answer.error_code, f"the transactions of broker {broker.nodeId}")
            ids |= {producer: name for name, producer, _, _ in answer.transaction_states}
        return ids

    async def write_marker(self, one: Hanging) -> None:
        """End it in its partition, as its coordinator decided."""
        # A producer that hung in its first transaction has had no coordinator here: any will do.
        coordinator = max(one.coordinator_epoch, 0)
        place = (one.topic, one.partition)
        marker = (one.producer_id, one.producer_epoch, one.outcome == COMMIT, *place, coordinator)
        leader = self._leader(*place)
        answer = await self._client.send(leader, WriteTxnMarkers(marker))
        for _, topics, _ in answer.markers:
            for topic, partitions, _ in topics:
                for partition, code, _ in partitions:
                    _check(code, f"the marker of {topic} {partition}")

    def _leader(self, topic: str, partition: int) -> int:
        leader = self._cluster.leader_for_partition(TopicPartition(topic, partition))
        if leader is None or leader < 0:
            raise HangingError(f"{topic} {partition} has no leader: is every broker up?")
        return int(leader)


def _check(code: int, what: str) -> None:
    if code:
        raise HangingError(f"Kafka refused {what}: {for_code(code).__name__}")
