"""Where a cluster knows the first protocol of transactions only, librdkafka keeps promises."""

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.commands.doctor import NOTE, examine
from pipeline.local.broker import LocalBroker
from pipeline.local.jars import kafka_jars
from pipeline.settings import Settings
from pipeline.streaming.epoch_producer import transaction_version
from tests.flow import (
    World,
    assert_applied_exactly_once,
    assert_one_decision_an_order,
    order,
    worker,
)

pytestmark = pytest.mark.broker

ORDERS = 60


def set_transaction_version(bootstrap: str, version: int) -> None:
    """As an operator would, with Kafka's own tool."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin" if home else None)
    assert java is not None
    tool = ["org.apache.kafka.tools.FeatureCommand", "--bootstrap-server", bootstrap]
    feature = ["--feature", f"transaction.version={version}"]
    command = [java, "-cp", f"{kafka_jars()}/*", *tool, "downgrade", *feature]
    subprocess.run(command, check=True, timeout=120)


def test_a_worker_is_killed_and_goes_on_by_the_first_protocol(
    broker_settings: Settings, tmp_path: Path
) -> None:
    with LocalBroker(tmp_path / "kafka") as own:
        settings = replace(broker_settings, kafka_bootstrap=own.bootstrap)
        set_transaction_version(own.bootstrap, 1)
        assert transaction_version(settings) == 1
        world = World(settings)
        world.define(["alice", "bob"])
        (finding,) = [one for one in examine(settings) if one.check == "transaction protocol"]
        assert (finding.state, "librdkafka" in finding.found) == (NOTE, True)
        sent = {(("alice", "bob")[number % 2], f"o{number}") for number in range(ORDERS)}
        for user, order_id in sorted(sent):
            world.send("orders", "order", order(user, order_id))
        world.flush()
        with worker(settings, "w1", tmp_path) as running:
            running.ready()
            world.await_records("decisions", 1)
            running.kill()
        again = tmp_path / "again"
        again.mkdir()
        with worker(settings, "w1", again) as running:
            running.ready()
            world.await_records("decisions", ORDERS)
            assert running.stop() == 0
        assert_one_decision_an_order(world, sent)
        assert_applied_exactly_once(world)
