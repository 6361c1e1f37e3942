"""The local broker keeps what it was given, through crash and restart, and ends in order."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from pipeline.local.broker import BrokerError, LocalBroker
from pipeline.local.processes import ManagedProcess

pytestmark = pytest.mark.broker

LIMIT_S = 120


def produce(broker: LocalBroker, value: bytes) -> None:
    producer = Producer(
        {"bootstrap.servers": broker.bootstrap, "transactional.id": "writer", "log_level": 0}
    )
    producer.init_transactions(LIMIT_S)
    producer.begin_transaction()
    producer.produce("kept", value)
    producer.commit_transaction(LIMIT_S)


def read(broker: LocalBroker, count: int) -> list[bytes]:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.bootstrap,
            "group.id": "reader",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "log_level": 0,
        }
    )
    consumer.subscribe(["kept"])
    values: list[bytes] = []
    end = time.monotonic() + LIMIT_S
    while len(values) < count and time.monotonic() < end:
        message = consumer.poll(1)
        value = message.value() if message is not None else None
        if value is not None:
            values.append(value)
    consumer.close()
    return values


def test_committed_records_survive_a_crash_and_a_restart_on_the_same_port(tmp_path: Path) -> None:
    broker = LocalBroker(tmp_path)
    with broker:
        bootstrap = broker.bootstrap
        client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        client.create_topics([NewTopic("kept", 1, 1)])["kept"].result()
        produce(broker, b"before the crash")
        broker.kill()
        assert broker.pid is None
        broker.start()
        produce(broker, b"after the crash")
        broker.restart()
        assert broker.bootstrap == bootstrap
        assert read(broker, 2) == [b"before the crash", b"after the crash"]
    assert broker.pid is None


def test_topics_are_not_created_by_writing_to_them(broker: LocalBroker) -> None:
    errors: list[KafkaError | None] = []
    producer = Producer(
        {
            "bootstrap.servers": broker.bootstrap,
            "topic.metadata.propagation.max.ms": 1_000,
            "log_level": 0,
        }
    )
    producer.produce("misspelt", b"", on_delivery=lambda error, _message: errors.append(error))
    producer.flush(LIMIT_S)
    assert [error.code() for error in errors if error] == [KafkaError.UNKNOWN_TOPIC_OR_PART]


def test_a_broker_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from pipeline.local.broker import LocalBroker\n"
        "broker = LocalBroker(pathlib.Path(sys.argv[1])); broker.start()\n"
        "print(broker.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    broker = LocalBroker(tmp_path)
    assert broker.pid == pid
    parent.kill()
    parent.communicate()
    assert ManagedProcess(tmp_path / "broker.lock").wait(LIMIT_S)


def test_ctrl_c_in_the_terminal_does_not_reach_it(broker: LocalBroker) -> None:
    assert broker.pid is not None
    assert os.getpgid(broker.pid) != os.getpgrp()


def test_a_detached_broker_is_found_and_stopped_by_another_process(tmp_path: Path) -> None:
    started = LocalBroker(tmp_path, detached=True)
    started.start()
    found = LocalBroker(tmp_path, detached=True)
    found.start()
    assert (found.pid, found.bootstrap) == (started.pid, started.bootstrap)
    found.stop()
    assert started.pid is None


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"Port {port} is taken: choose another"):
            LocalBroker(tmp_path, port=port).start()


def test_a_broken_data_directory_ends_with_the_logs_last_lines(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/meta.properties").write_text("version=1\nnode.id=7\ncluster.id=x\n")
    with pytest.raises(BrokerError, match=r"(?s)delete .*The end of .*broker\.log:.*node id 7"):
        LocalBroker(tmp_path).start()


def test_without_java_it_says_which_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BrokerError, match=r"install it .*openjdk-17"):
        LocalBroker(tmp_path).start()


def test_a_process_that_has_ended_is_not_taken_for_one_that_runs(tmp_path: Path) -> None:
    process = ManagedProcess(tmp_path / "lock")
    process.start(["sleep", "600"], log=tmp_path / "log")
    assert process.pid is not None
    process.kill()
    # The number left behind now belongs to this test: neither found nor signalled.
    (tmp_path / "lock").write_text(str(os.getpid()))
    assert process.pid is None
    assert not process.send(signal.SIGKILL)
