"""The one fenced writer of the control topic.

Owns the numbering: each record gets the next number and goes to every partition in one
transaction, so that every lane sees every number or none does. A newer writer fences an older one.
Never publishes what a lane would refuse, and never leaves a number half written.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from confluent_kafka import (
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import OffsetSpec

from pipeline.codecs.avro import encode_control
from pipeline.codecs.registry import schema_ids
from pipeline.control.definitions import OutOfRangeError, Payload, Subject, check, subject_of
from pipeline.control.directory import plan_changes, read_directory
from pipeline.control.history import (
    ControlError,
    ControlHistory,
    kafka_error,
    read_history,
)
from pipeline.risk.records import Control
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import TopicError, admin_client
from pipeline.streaming.topic_reader import partition_count
from pipeline.topics import CONTROL

DEFAULT_TENANT: Final = "firm"
DEFAULT_SOURCE: Final = "tollgate-control"
# Records (changes x partitions) of one transaction: it stays far below the transaction timeout.
TRANSACTION_RECORDS_MAX: Final = 8_000
_TIMEOUT_S: Final = 30.0
# Markers of the transaction before may be on their way for a moment.
_HANGS_S: Final = 20.0
_HANGS_ASKED_S: Final = 0.1
_COMMIT_ATTEMPTS_MAX: Final = 20


class ControlFencedError(ControlError):
    """A newer control writer has started; this one has published nothing since and must stop."""


@dataclass(frozen=True)
class ControlChange:
    """One change to publish. `version` None: one more than the subject's last."""

    payload: Payload
    proposer: str
    reason: str
    approver: str | None = None
    version: int | None = None
    effective_from_us: int = 0
    tenant_id: str = DEFAULT_TENANT
    source_system_id: str = DEFAULT_SOURCE


@dataclass(frozen=True)
class ApplyResult:
    """What applying a directory did.

    `kept`: users (and "firm") whose stricter trading state in force was kept.
    """

    published: int
    unchanged: int
    last_number: int
    kept: tuple[str, ...] = ()


class ControlWriter:
    """Numbers changes and publishes them. A context manager; starting it fences any older writer.

    Raises ControlError when Kafka or the topic is not there, ControlFencedError when a newer writer
    has started.
    """

    def __init__(self, settings: Settings) -> None:
        """Remember the settings; entering the context connects."""
        self._settings: Final = settings
        self._topic: Final = settings.topic(CONTROL.name)
        self._history = ControlHistory()
        self._producer: Any = None
        self._partitions = 0
        self._frame = b""

    def __enter__(self) -> Self:
        """Fence older writers and read what the topic says."""
        settings = self._settings
        ids = schema_ids(settings)
        self._partitions = _partitions(settings, self._topic)
        self._producer = Producer(
            {
                **settings.confluent(
                    transactional_id=f"{settings.topic_prefix}{settings.app_id}-control-writer",
                    transaction_timeout_ms=settings.transaction_timeout_ms,
                    compression_type=settings.compression,
                    linger_ms=5,
                ),
                # What goes wrong is raised and told in words; librdkafka's retries are no news.
                "log_level": 0,
            }
        )
        self._call(self._producer.init_transactions, _TIMEOUT_S)
        # After init_transactions nothing of an older writer is pending: the end is the end. But for
        # what a broker has forgotten to abort, which the next commit would publish as well.
        self._require_nothing_hangs()
        self._history = read_history(settings)
        # What a lane could not read would be a gap to it.
        self._frame = ids.frame_for(CONTROL.schema, self._history.core_version)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drop what was not committed."""
        del kind, error, traceback
        self._producer.purge()
        self._producer = None

    @property
    def history(self) -> ControlHistory:
        """What the topic says, this writer's own records included."""
        return self._history

    def current(self) -> int:
        """The last number published, 0 when there is none."""
        return self._history.last_number

    def publish(
        self, changes: Sequence[ControlChange], record_time_ms: int | None = None
    ) -> list[int]:
        """Publish `changes` in order and return their numbers.

        `record_time_ms` is the Kafka time stamp (and event_time) of each record; now when absent.
        All changes are checked before the first is published (OutOfRangeError). A long list takes
        several transactions: when one fails, the numbers of the ones before it stay published.
        """
        now_us = time.time_ns() // 1_000 if record_time_ms is None else record_time_ms * 1_000
        numbers = []
        per_transaction = max(1, TRANSACTION_RECORDS_MAX // self._partitions)
        for batch in _batches(self._numbered(changes, now_us), per_transaction):
            self._publish_transaction(batch, record_time_ms)
            for control in batch:
                self._history.record(control)
            numbers += [control.number for control in batch]
        return numbers

    def _require_nothing_hangs(self) -> None:
        """Raises ControlError while a partition has records of a transaction that nobody ends."""
        admin = admin_client(self._settings)
        deadline = time.monotonic() + _HANGS_S
        while True:
            late = time.monotonic() > deadline
            try:
                hanging = self._hanging(admin)
            except KafkaException as error:
                # A topic made just now has no leader for a moment.
                if late:
                    raise ControlError(f"the end of {self._topic} is not known: {error}") from error
                admin = admin_client(self._settings)
            else:
                if not hanging:
                    return
                if late:
                    raise ControlError(
                        f"a transaction hangs in {self._topic}, partitions {hanging}: nothing can "
                        "be published before it is finished, see `tollgate transactions`"
                    )
            time.sleep(_HANGS_ASKED_S)

    def _hanging(self, admin: Any) -> list[int]:
        """Partitions whose last stable offset is short of their end."""
        latest = {
            TopicPartition(self._topic, partition): OffsetSpec.latest()
            for partition in range(self._partitions)
        }
        stable, high = (
            {
                place.partition: answer.result(_TIMEOUT_S).offset
                for place, answer in admin.list_offsets(latest, isolation_level=level).items()
            }
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        return sorted(partition for partition in high if stable[partition] < high[partition])

    def _numbered(self, changes: Sequence[ControlChange], now_us: int) -> list[Control]:
        last = {subject: (c.version, c.payload) for subject, c in self._history.last.items()}
        controls = []
        for number, change in enumerate(changes, start=self._history.last_number + 1):
            subject = subject_of(change.payload)
            last_version, last_payload = last.get(subject, (0, None))
            check(change.payload, last_payload, last)
            version = _version(change, subject, last_version)
            last[subject] = (version, change.payload)
            controls.append(_control(change, number, version, now_us))
        return controls

    def _publish_transaction(self, batch: list[Control], record_time_ms: int | None) -> None:
        self._call(self._producer.begin_transaction)
        try:
            for control in batch:
                value = self._frame + encode_control(control)
                for partition in range(self._partitions):
                    self._produce(value, partition, record_time_ms)
        except ControlFencedError:
            raise
        except ControlError:
            self._call(self._producer.abort_transaction, _TIMEOUT_S)
            raise
        self._commit()

    def _produce(self, value: bytes, partition: int, record_time_ms: int | None) -> None:
        stamp = {} if record_time_ms is None else {"timestamp": record_time_ms}
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                self._producer.produce(self._topic, value, partition=partition, **stamp)
            except BufferError:
                if time.monotonic() > deadline:
                    raise ControlError(
                        f"Kafka at {self._settings.kafka_bootstrap} has taken nothing for "
                        f"{_TIMEOUT_S:.0f} s: is the broker up?"
                    ) from None
                self._producer.poll(0.1)
            except KafkaException as error:
                raise _failure(kafka_error(error)) from error
            else:
                self._producer.poll(0)
                return

    def _commit(self) -> None:
        """Commit until the outcome is known: a commit that timed out may have happened."""
        for _ in range(_COMMIT_ATTEMPTS_MAX):
            try:
                self._producer.commit_transaction(_TIMEOUT_S)
            except KafkaException as error:
                cause = kafka_error(error)
                if cause.txn_requires_abort():
                    self._call(self._producer.abort_transaction, _TIMEOUT_S)
                    raise _failure(cause) from error
                if not cause.retriable():
                    raise _failure(cause) from error
            else:
                return
        raise ControlError(
            "the outcome of the last transaction is unknown: Kafka does not answer. Run "
            "`tollgate control show` once it does; applying again publishes only what is missing"
        )

    def _call(self, action: Any, *arguments: float) -> None:
        try:
            action(*arguments)
        except KafkaException as error:
            raise _failure(kafka_error(error)) from error


def apply_directory(
    settings: Settings,
    directory: Path,
    record_time_ms: int | None = None,
    *,
    proposer: str = "config",
    approver: str | None = None,
    reason: str = "configuration applied",
) -> ApplyResult:
    """Publish what the directory's files define and the topic does not say yet.

    Applying twice publishes nothing the second time. It never makes a trading state less strict:
    whom a kill switch has stopped stays stopped until a named person says otherwise. Raises
    DefinitionError for a file that is not right, ControlError when it cannot be published.
    """
    definitions = read_directory(directory)
    with ControlWriter(settings) as writer:
        plan = plan_changes(definitions, writer.history)
        changes = [
            ControlChange(payload, proposer=proposer, approver=approver, reason=reason)
            for payload in plan.payloads
        ]
        numbers = writer.publish(changes, record_time_ms)
        return ApplyResult(len(numbers), plan.unchanged, writer.current(), plan.kept)


def _partitions(settings: Settings, topic: str) -> int:
    try:
        return partition_count(settings, topic)
    except TopicError as error:
        raise ControlError(str(error)) from error


def _control(change: ControlChange, number: int, version: int, now_us: int) -> Control:
    return Control(
        event_time=now_us,
        source_system_id=change.source_system_id,
        tenant_id=change.tenant_id,
        number=number,
        version=version,
        proposer=change.proposer,
        approver=change.approver,
        reason=change.reason,
        effective_from=change.effective_from_us,
        signature=None,
        payload=change.payload,
    )


def _version(change: ControlChange, subject: Subject, last_version: int) -> int:
    if change.version is None:
        return last_version + 1
    if change.version <= last_version:
        raise OutOfRangeError(
            f"version {change.version} of {' '.join(subject)} is not above the last, {last_version}"
        )
    return change.version


def _failure(error: KafkaError) -> ControlError:
    if error.code() in {
        KafkaError._FENCED,  # noqa: SLF001
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }:
        return ControlFencedError(
            "another control writer has started: nothing of this was published. Look at "
            "`tollgate control show`, then run the command again"
        )
    return ControlError(f"the control topic was not written: {error.str()}")


def _batches(controls: list[Control], size: int) -> Iterator[list[Control]]:
    remaining = iter(controls)
    while batch := list(islice(remaining, size)):
        yield batch
