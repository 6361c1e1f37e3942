"""A changelog restores to the same rows before and after Kafka has compacted it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from pipeline.lane.family import LaneFamily
from pipeline.local.broker import LocalBroker
from pipeline.risk.keys import user_key
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import admin_client, create_topics
from pipeline.tables.changelog import KafkaChangelogs
from pipeline.tables.lane import TableLane
from pipeline.tables.restore import LanePlace, Restorer
from pipeline.tables.rocks import RocksRows, StoreMark
from pipeline.topics import LANE_INPUTS, RISK_CONTEXTS_CHANGELOG
from tests.flow import wait_for

pytestmark = pytest.mark.broker

LIMIT_S = 120
USERS = 60
ROUNDS = 40
# Segments close quickly and are compacted at once; tombstones stay, as in the registry's settings.
EAGER = {
    "segment.ms": "200",
    "min.cleanable.dirty.ratio": "0.01",
    "max.compaction.lag.ms": "200",
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """On a broker of its own, whose cleaner looks for work all the time."""
    directory = tmp_path_factory.mktemp("kafka")
    with LocalBroker(directory, more_properties="log.cleaner.backoff.ms=100\n") as broker:
        yield Settings(partitions=1, kafka_bootstrap=broker.bootstrap).checked()


class Stores:
    """One lane's store in a directory, as `LaneStore` has them."""

    def __init__(self, family: LaneFamily, directory: Path) -> None:
        """Nothing is open yet."""
        self._family = family
        self._directory = directory
        self.lanes: dict[int, TableLane] = {}

    def open(self, partition: int) -> TableLane:
        """The lane, opened if it is not."""
        if partition not in self.lanes:
            self._directory.mkdir(exist_ok=True)
            rows = RocksRows(self._directory / str(partition))
            self.lanes[partition] = TableLane(self._family, partition, rows)
        return self.lanes[partition]

    def discard(self, partition: int) -> None:
        """No store of this test may be distrusted."""
        raise AssertionError(f"the store of lane {partition} was distrusted")


class Changelog:
    """Lane 0's changelog, the rows it stands for, and the way back from it to rows."""

    def __init__(self, settings: Settings, directory: Path) -> None:
        """The topics exist."""
        self._directory = directory
        self.topic = settings.topic(RISK_CONTEXTS_CHANGELOG.name)
        inputs = tuple(settings.topic(topic.name) for topic in LANE_INPUTS)
        self.family = LaneFamily("gate", "risk-contexts", inputs, self.topic)
        self.source = KafkaChangelogs(settings, lambda: False)
        self.rows: dict[bytes, bytes] = {}
        self.lane = TableLane(self.family, 0, RocksRows(directory / "writer"))
        self._written = 0
        self._producer = Producer(settings.confluent(transactional_id="writer"))
        self._producer.init_transactions(LIMIT_S)

    def commit(self, changed: dict[bytes, bytes | None], *, aborted: bool = False) -> None:
        """One transaction, with the lane row that every commit has."""
        self.lane.stage(list(changed.items()))
        rows = dict(self.lane.take_dirty())
        self._producer.begin_transaction()
        for key, body in rows.items():
            self._producer.produce(self.topic, body, key, 0)
        self._producer.flush(LIMIT_S)
        if aborted:
            self._producer.abort_transaction(LIMIT_S)
            self.lane.reset()
            return
        self._producer.commit_transaction(LIMIT_S)
        self._written += 1
        self.lane.committed(StoreMark(self._written, 0, bytes(16)))
        for key, body in rows.items():
            if body is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = body

    def restore(self, name: str) -> tuple[int, dict[bytes, bytes]]:
        """Restore into the store of that name: (changelog records read, its rows)."""
        stores = Stores(self.family, self._directory / name)
        restorer = Restorer(
            self.source,
            {"gate": stores},
            progress=lambda _place, _records, _seconds: None,
            cancelled=lambda: False,
        )
        try:
            restored = restorer.restore([LanePlace(self.family, 0)])
            keys = {user_key(user(n)) for n in range(USERS)} | set(self.rows)
            found = {key: stores.lanes[0].get(key) for key in keys}
        finally:
            for lane in stores.lanes.values():
                lane.close()
        return restored.records, {key: body for key, body in found.items() if body is not None}


def user(number: int) -> str:
    return f"user-{number}"


def each(keys: list[bytes], body: bytes | None) -> dict[bytes, bytes | None]:
    return dict.fromkeys(keys, body)


def set_eager(settings: Settings, topic: str) -> None:
    changes = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in EAGER.items()
    ]
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=changes)
    client = admin_client(settings)
    for future in client.incremental_alter_configs([resource]).values():
        future.result()


def test_a_compacted_changelog_restores_to_the_rows_of_the_whole_one(
    settings: Settings, tmp_path: Path
) -> None:
    create_topics(settings)
    log = Changelog(settings, tmp_path)
    keys = [user_key(user(n)) for n in range(USERS)]
    for written in range(ROUNDS):
        if written == ROUNDS // 2:
            _, half = log.restore("half")
            assert half == log.rows
        log.commit(each(keys, b"%d" % written))
        log.commit(each(keys, b"never"), aborted=True)
    # Every third user is deleted, and every sixth comes back.
    log.commit(each(keys[::3], None))
    log.commit(each(keys[::6], b"back"))
    whole_records, whole = log.restore("whole")
    assert whole == log.rows
    assert len(whole) == USERS * 5 // 6 + 1
    assert whole_records > USERS * ROUNDS

    set_eager(settings, log.topic)
    names = iter(range(10**6))
    records = whole_records

    def compacted() -> bool:
        nonlocal records
        log.commit({})  # A record that is written after segment.ms closes the segment.
        records, rows = log.restore(f"compacted-{next(names)}")
        assert rows == log.rows
        # What is left is about one record a key, tombstones among them.
        return records < 2 * USERS

    wait_for(compacted, "the cleaner")
    assert records < whole_records // 10
    # A store from before reads on over the gaps, and learns of what was deleted meanwhile.
    tail_records, caught_up = log.restore("half")
    assert caught_up == log.rows
    assert tail_records < 2 * USERS
