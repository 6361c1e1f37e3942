"""A broker that is killed gives transactions up half-way; what had committed must not be lost."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from pipeline.__main__ import main
from pipeline.commands.doctor import OK, PROBLEM, examine
from pipeline.hanging.finish import find_hanging
from pipeline.local.broker import LocalBroker
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import create_topics
from pipeline.streaming.topic_reader import read_topic
from pipeline.topics import AUDIT, DECISIONS, ORDERS

pytestmark = pytest.mark.broker

LIMIT_S = 60
# What is left open is aborted soon; what will be committed has all the time a slow machine needs.
ABANDONED_MS = 1_500
PATIENT_MS = 60_000
# The broker's look for transactions that have run into their timeout comes once a second.
SETTLED_S = 4.0
KILLS_MAX = 5


@pytest.fixture
def killed_broker(tmp_path: Path) -> Iterator[LocalBroker]:
    """A broker of its own: it is killed."""
    with LocalBroker(tmp_path / "kafka") as started:
        yield started


def open_transaction(settings: Settings, name: str, timeout_ms: int) -> Producer:
    """Begun and acknowledged in three topics; the values are the name."""
    own = settings.confluent(transactional_id=name, transaction_timeout_ms=timeout_ms)
    producer = Producer({**own, "log_level": 0})
    producer.init_transactions(LIMIT_S)
    producer.begin_transaction()
    for topic in (ORDERS, DECISIONS, AUDIT):
        producer.produce(settings.topic(topic.name), name.encode(), partition=0)
    assert producer.flush(LIMIT_S) == 0
    return producer


def invoke(settings: Settings, *arguments: str) -> Result:
    """`tollgate transactions ...`."""
    return CliRunner().invoke(main, ["transactions", *arguments], env=settings.as_env())


def values(settings: Settings, topic: str) -> set[bytes | None]:
    """What a reader of committed records gets."""
    return {message.value() for message in read_topic(settings, settings.topic(topic), [0])}


def test_what_had_committed_is_committed_and_the_rest_is_not(
    killed_broker: LocalBroker, tmp_path: Path
) -> None:
    settings = Settings(
        topic_prefix="hang.",
        worker_id="w1",
        partitions=1,
        data_dir=str(tmp_path / "w1"),
        kafka_bootstrap=killed_broker.bootstrap,
    ).checked()
    create_topics(settings)
    committed = set()
    outcomes: set[str] = set()
    for number in range(KILLS_MAX):
        names = [f"committed-{number}-{part}" for part in range(3)]
        ready = [open_transaction(settings, name, PATIENT_MS) for name in names]
        left_open = open_transaction(settings, f"open-{number}", ABANDONED_MS)
        assert find_hanging(settings) == []
        for producer in ready:
            producer.commit_transaction(LIMIT_S)
        committed |= {name.encode() for name in names}
        killed_broker.kill()
        killed_broker.start()
        time.sleep(SETTLED_S)
        del left_open
        outcomes = {one.outcome for one in find_hanging(settings)}
        if "commit" in outcomes:
            break
        assert invoke(settings, "--finish").exit_code == 0

    if outcomes:
        (finding,) = [one for one in examine(settings) if one.check == "transactions"]
        assert finding.state == PROBLEM
        assert "tollgate transactions" in finding.fix
        looked = invoke(settings)
        assert looked.exit_code == 1
        assert all(f"hangs, {outcome}" in looked.stdout for outcome in outcomes)
    finished = invoke(settings, "--finish", "--json")
    assert finished.exit_code == 0
    assert json.loads(finished.stdout)["hanging"] == []
    assert {one["outcome"] for one in json.loads(finished.stdout)["finished"]} == outcomes

    assert invoke(settings).stdout == "nothing hangs\n"
    assert [one.state for one in examine(settings) if one.check == "transactions"] == [OK]
    for topic in (ORDERS, DECISIONS, AUDIT):
        assert values(settings, topic.name) == committed
    if "commit" not in outcomes:
        pytest.skip(f"{KILLS_MAX} kills left nothing behind that had committed")


def test_a_broker_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:1", data_dir=str(tmp_path))
    told = invoke(settings)
    assert told.exit_code == 2
    assert "127.0.0.1:1" in told.stderr
