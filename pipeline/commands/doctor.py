"""`tollgate doctor`: is this installation, this broker and this flow as the gate needs them?"""

import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

import click
from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec, ResourceType
from rich.console import Console
from rich.table import Table

from pipeline import build
from pipeline.hanging.finish import HangingError, find_hanging
from pipeline.settings import Settings, SettingsError
from pipeline.streaming.epoch_producer import BY_EPOCH, transaction_version
from pipeline.streaming.owners import address_text, members
from pipeline.streaming.topic_admin import (
    BrokerUnreachableError,
    TopicError,
    admin_client,
    check_topics,
    describe_configs,
    partition_counts,
)
from pipeline.topics import ALL_TOPICS, LANE_INPUTS

OK: Final = "ok"
NOTE: Final = "note"
PROBLEM: Final = "problem"
UNREACHABLE: Final = "unreachable"
_EXIT: Final = {OK: 0, NOTE: 0, PROBLEM: 1, UNREACHABLE: 2}
_STYLE: Final = {OK: "green", NOTE: "yellow", PROBLEM: "red", UNREACHABLE: "red"}

# What Kafka's own Java partitioner answers (its UtilsTest: murmur2("foobar") is -790332482).
_KNOWN_KEY: Final = b"foobar"
_KNOWN_COUNT: Final = 1000
_KNOWN_PARTITION: Final = 166
# A dead worker's open transaction hides later records until the broker's next look for it.
_ABORT_CLEANUP_MS_ADVISED: Final = 1_000
_REQUEST_S_MAX: Final = 30
_RETRY_S: Final = 0.5
# What a broker says of a partition whose leader is not known everywhere yet.
_NOT_YET: Final = frozenset(
    (
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    )
)


@dataclass(frozen=True)
class Finding:
    """One line of the report: what was looked at, what was found, and what to do about it."""

    check: str
    state: str
    found: str
    fix: str = ""


@click.command(short_help="Check the broker, the topics and this installation.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: {ok, findings: [...]}.")
def command(*, as_json: bool) -> None:
    """Check the broker, the topics and this installation; say what to do about each problem.

    Changes nothing. A note is worth knowing and no problem.

    \b
    Examples:
      tollgate doctor
      tollgate doctor --json | jq '.findings[] | select(.state == "problem")'
      KAFKA_BOOTSTRAP=kafka:9092 tollgate doctor

    Exit codes: 0 all right, 1 problems, 2 the broker cannot be reached.
    """  # noqa: D301 - \b is click's mark for "do not wrap"
    try:
        settings = Settings.load()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    findings = examine(settings)
    code = max(_EXIT[finding.state] for finding in findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"ok": code == 0, "findings": rows}, indent=2))
    else:
        _print(findings)
    sys.exit(code)


def examine(settings: Settings) -> list[Finding]:
    """Every check, those of the broker only when it can be reached."""
    findings = [_compiled(), _partitioner(), _clock(settings)]
    client = admin_client(settings)
    try:
        counts = partition_counts(client)
    except BrokerUnreachableError as error:
        return [Finding("broker", UNREACHABLE, settings.kafka_bootstrap, str(error)), *findings]
    return [
        _broker(client, settings),
        *_broker_settings(client, settings),
        *_topics(settings),
        *_workers(client, settings),
        *_lag(client, settings, counts),
        _hanging(settings),
        *findings,
    ]


def _compiled() -> Finding:
    try:
        from pipeline.streaming.record_batch import made_together  # noqa: PLC0415 -- as below

        compiled, stale = build.compiled(), build.stale()
    except ImportError as error:
        return Finding("compiled", PROBLEM, f"not importable: {error}", "Run `make build`.")
    if not compiled:
        fix = "Right for tests; for speed install a C compiler and run `make build`."
        return Finding("compiled", NOTE, "no, plain Python runs", fix)
    if stale:
        return Finding("compiled", PROBLEM, "from older sources", "Run `make build`.")
    if made_together([], []) is None:
        found = "yes, but batches are compressed one by one, which slows deciding"
        fix = "Install liblz4 (liblz4-1 in Debian); it also takes a processor with SSE 4.2."
        return Finding("compiled", NOTE, found, fix)
    return Finding("compiled", OK, "yes, from the present sources")


def _partitioner() -> Finding:
    try:
        # A half-made build fails to import, which is to be told and not to be died of.
        from pipeline.risk.partition import partition_of  # noqa: PLC0415
    except ImportError as error:
        return Finding("partitioner", PROBLEM, f"not importable: {error}", "Run `make build`.")
    found = partition_of(_KNOWN_KEY, _KNOWN_COUNT)
    if found == _KNOWN_PARTITION:
        return Finding("partitioner", OK, "murmur2, as Kafka's own producer has it")
    return Finding(
        "partitioner",
        PROBLEM,
        f"key {_KNOWN_KEY.decode()!r} goes to {found} of {_KNOWN_COUNT}, not {_KNOWN_PARTITION}",
        "The build is broken, users would change lanes: run `make clean build`.",
    )


def _clock(settings: Settings) -> Finding:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    if settings.gate_clock == "record":
        fix = "Right for replays only: set gate_clock to wall where real orders are decided."
        return Finding("clock", NOTE, "gate time is the records' time stamps", fix)
    fix = "Compare it with the brokers' clocks; all of them belong on NTP."
    return Finding("clock", NOTE, f"gate time is {platform.node()}'s clock, {now}", fix)


def _broker(client: AdminClient, settings: Settings) -> Finding:
    metadata = client.list_topics(timeout=_REQUEST_S_MAX)
    count = len(metadata.brokers)
    found = f"cluster {metadata.cluster_id}, {count} brokers, at {settings.kafka_bootstrap}"
    if count < settings.replication_factor:
        fix = "Start more brokers, or lower replication_factor."
        wanted = f"{found}; topics want {settings.replication_factor} copies"
        return Finding("broker", PROBLEM, wanted, fix)
    if settings.replication_factor == 1:
        fix = "One disk lost is all lost: set replication_factor to 3 where it matters."
        return Finding("broker", NOTE, f"{found}; one copy of each topic", fix)
    return Finding("broker", OK, found)


def _broker_settings(client: AdminClient, settings: Settings) -> Iterator[Finding]:
    broker_id = str(min(client.list_topics(timeout=_REQUEST_S_MAX).brokers))
    try:
        config = describe_configs(client, ResourceType.BROKER, [broker_id])[broker_id]
    except TopicError as error:
        yield Finding("broker settings", NOTE, "not readable", str(error))
        return
    yield _transaction_protocol(settings)
    yield _transaction_timeout(config, settings)
    yield _abort_cleanup(config, settings)
    yield _session_timeout(config, settings)


def _transaction_protocol(settings: Settings) -> Finding:
    version = transaction_version(settings)
    found = f"transaction.version {version}"
    if version < BY_EPOCH:
        found = f"{found}: workers commit by librdkafka, in more round trips"
        fix = (
            f"Raise the feature to {BY_EPOCH}, from Kafka 4.0 on: "
            f"kafka-features.sh upgrade --feature transaction.version={BY_EPOCH}, "
            "then start the workers again."
        )
        return Finding("transaction protocol", NOTE, found, fix)
    return Finding("transaction protocol", OK, found)


def _transaction_timeout(config: Mapping[str, str], settings: Settings) -> Finding:
    name = "transaction.max.timeout.ms"
    limit_ms = int(config[name])
    found = f"{settings.transaction_timeout_ms} ms, the broker allows {limit_ms} ms"
    if settings.transaction_timeout_ms > limit_ms:
        fix = f"Lower transaction_timeout_ms, or raise the broker's {name}: no worker can start."
        return Finding("transaction timeout", PROBLEM, found, fix)
    session_ms = settings.session_timeout_s * 1000
    if settings.transaction_timeout_ms > session_ms:
        # A dead worker's lanes are free after the session timeout, and whole after this one.
        found = f"{found}; fail-over waits for it, not for the session timeout of {session_ms} ms"
        fix = "Set transaction_timeout_ms to at most session_timeout_s x 1000."
        return Finding("transaction timeout", PROBLEM, found, fix)
    return Finding("transaction timeout", OK, found)


def _abort_cleanup(config: Mapping[str, str], settings: Settings) -> Finding:
    name = "transaction.abort.timed.out.transaction.cleanup.interval.ms"
    interval_ms = int(config.get(name) or 0)
    standing_ms = settings.transaction_timeout_ms + interval_ms
    found = f"every {interval_ms} ms: a killed worker's lanes may stand {standing_ms} ms"
    if interval_ms > _ABORT_CLEANUP_MS_ADVISED:
        fix = f"Set the broker's {name} to {_ABORT_CLEANUP_MS_ADVISED} or less."
        return Finding("abort of dead transactions", NOTE, found, fix)
    return Finding("abort of dead transactions", OK, found)


def _session_timeout(config: Mapping[str, str], settings: Settings) -> Finding:
    low_ms = int(config["group.min.session.timeout.ms"])
    high_ms = int(config["group.max.session.timeout.ms"])
    session_ms = settings.session_timeout_s * 1000
    found = f"{session_ms} ms, the broker allows {low_ms} to {high_ms} ms"
    if not low_ms <= session_ms <= high_ms:
        fix = "Set session_timeout_s within what the broker allows: no worker can join its group."
        return Finding("session timeout", PROBLEM, found, fix)
    return Finding("session timeout", OK, found)


def _topics(settings: Settings) -> Iterator[Finding]:
    problems = check_topics(settings)
    for problem in problems:
        yield Finding(f"topic {problem.topic}", PROBLEM, problem.what, problem.fix)
    if not problems:
        found = f"all {len(ALL_TOPICS)}, {settings.partitions} partitions each, settings right"
        yield Finding("topics", OK, found)


def _workers(client: AdminClient, settings: Settings) -> Iterator[Finding]:
    """One finding a worker: its lanes, and where its endpoint is."""
    try:
        found = members(client, settings)
    except KafkaException as error:
        yield Finding("workers", NOTE, f"not known: {error.args[0].str()}", "Is one running?")
        return
    if not found:
        yield Finding("workers", NOTE, "none has joined the group", "Start one: tollgate worker.")
    for member in found:
        lanes = ", ".join(map(str, sorted(member.lanes))) or "none"
        at = "" if member.address is None else f"; endpoint {address_text(member.address)}"
        yield Finding(f"worker {member.worker_id}", OK, f"lanes {lanes}{at}")


def _lag(client: AdminClient, settings: Settings, counts: Mapping[str, int]) -> Iterator[Finding]:
    """One finding a lane: records of its inputs that no commit has covered."""
    inputs = [
        TopicPartition(settings.topic(topic.name), partition)
        for topic in LANE_INPUTS
        for partition in range(counts.get(settings.topic(topic.name), 0))
    ]
    if not inputs:
        return
    try:
        lags = _retried(lambda: _lags(client, settings, inputs))
    except KafkaException as error:
        yield Finding("lag", PROBLEM, f"not readable: {error}", "Look at the broker's log.")
        return
    for lane in sorted(lags):
        yield Finding(f"lag of lane {lane}", OK, f"{lags[lane]} records")


def _hanging(settings: Settings) -> Finding:
    try:
        found = find_hanging(settings)
    except (HangingError, TopicError) as error:
        fix = "It needs Describe on the cluster and Read on __transaction_state."
        return Finding("transactions", NOTE, f"not readable: {error}", fix)
    if found:
        places = ", ".join(sorted({f"{one.topic} {one.partition}" for one in found}))
        fix = "Run `tollgate transactions`: readers and lanes wait there."
        return Finding("transactions", PROBLEM, f"{len(found)} hang, in {places}", fix)
    return Finding("transactions", OK, "none hangs")


def _lags(client: AdminClient, settings: Settings, inputs: list[TopicPartition]) -> dict[int, int]:
    """Lane -> records behind; where nothing was committed yet, all that are there count."""
    first = _offsets(client, inputs, OffsetSpec.earliest())
    end = _offsets(client, inputs, OffsetSpec.latest())
    wanted = ConsumerGroupTopicPartitions(settings.app_id, inputs)
    (answer,) = client.list_consumer_group_offsets([wanted]).values()
    lags: dict[int, int] = {}
    for committed in answer.result(timeout=_REQUEST_S_MAX).topic_partitions:
        place = (committed.topic, committed.partition)
        behind = end[place] - max(committed.offset, first[place])
        lags[committed.partition] = lags.get(committed.partition, 0) + behind
    return lags


def _retried(ask: Callable[[], dict[int, int]]) -> dict[int, int]:
    """Ask again while the broker says "not yet", as it does just after topics were created."""
    end = time.monotonic() + _REQUEST_S_MAX
    while True:
        try:
            return ask()
        except KafkaException as error:
            cause: Any = error.args[0]
            not_yet = cause.retriable() or cause.code() in _NOT_YET
            if not not_yet or time.monotonic() > end:
                raise
            time.sleep(_RETRY_S)


def _offsets(
    client: AdminClient, inputs: list[TopicPartition], spec: Any
) -> dict[tuple[str, int], int]:
    futures = client.list_offsets(
        dict.fromkeys(inputs, spec),
        isolation_level=IsolationLevel.READ_COMMITTED,
        request_timeout=_REQUEST_S_MAX,
    )
    infos: dict[TopicPartition, Any] = {key: future.result() for key, future in futures.items()}
    return {(key.topic, key.partition): info.offset for key, info in infos.items()}


def _print(findings: list[Finding]) -> None:
    if not sys.stdout.isatty():
        for finding in findings:
            fix = f"\t{finding.fix}" if finding.state != OK else ""
            click.echo(f"{finding.state}\t{finding.check}\t{finding.found}{fix}")
        return
    table = Table("", "Check", "Found", "What to do", box=None)
    for finding in findings:
        style = _STYLE[finding.state]
        table.add_row(f"[{style}]{finding.state}[/]", finding.check, finding.found, finding.fix)
    Console().print(table)
