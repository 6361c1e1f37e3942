"""The fixtures that several kinds of test use."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.local.broker import LocalBroker
from pipeline.settings import Settings


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    """A Kafka for the whole session; tests keep apart by their topic prefixes."""
    with LocalBroker(tmp_path_factory.mktemp("kafka")) as started:
        yield started


@pytest.fixture
def broker_settings(broker: LocalBroker, tmp_path: Path) -> Settings:
    """Settings of one test on the session's broker; its topics do not exist yet."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    return Settings(
        app_id=name,
        topic_prefix=f"{name}.",
        worker_id="w1",
        partitions=4,
        data_dir=str(tmp_path / "w1"),
        gate_clock="record",
        transaction_timeout_ms=5_000,
        session_timeout_s=6,
        kafka_bootstrap=broker.bootstrap,
    ).checked()
