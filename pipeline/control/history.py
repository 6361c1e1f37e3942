"""What the control topic says so far: the last number, the last record of each subject, the lists.

Owns reading the topic from its start (partition 0: every partition holds the same records). Writes
nothing and fences nobody, so anyone may look at any time.
"""

from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException

from pipeline.codecs.avro import decode_control
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import unframe
from pipeline.codecs.registry import schema_ids
from pipeline.codecs.rendering import value_to_json
from pipeline.codecs.wire import SchemaIds
from pipeline.control.definitions import Payload, Subject, subject_of
from pipeline.risk.core_versions import CORE_VERSIONS
from pipeline.risk.records import Control, CoreVersion, Restriction
from pipeline.settings import Settings
from pipeline.streaming.topic_admin import TopicError
from pipeline.streaming.topic_reader import partition_count, read_topic
from pipeline.topics import CONTROL


class ControlError(Exception):
    """The control topic cannot be read or written; the text says why and what to do."""


@dataclass
class ControlHistory:
    """The control topic, read: `last_number` (0 when empty) and the last record of each subject.

    `restricted`: of each subject of restrictions the ids on its list, in the order of listing; what
    waits for its time counts already.
    """

    last_number: int = 0
    last: dict[Subject, Control] = field(default_factory=dict)
    restricted: dict[Subject, dict[str, None]] = field(default_factory=dict)

    def record(self, control: Control) -> None:
        """Take the next record. Raises ControlError when its number is not the next one."""
        if control.number != self.last_number + 1:
            raise ControlError(
                f"control record {control.number} follows {self.last_number}: the topic has a gap "
                "or was written by something other than `tollgate control`; lanes stop there"
            )
        self.last_number = control.number
        subject = subject_of(control.payload)
        self.last[subject] = control
        if isinstance(control.payload, Restriction):
            self._follow_list(subject, control.payload)

    def _follow_list(self, subject: Subject, restriction: Restriction) -> None:
        listed = self.restricted.setdefault(subject, {})
        for each in restriction.ids:
            if restriction.restricted:
                listed.setdefault(each)
            else:
                listed.pop(each, None)

    def payload(self, subject: Subject) -> Payload | None:
        """The last published definition of `subject`, or None."""
        control = self.last.get(subject)
        return None if control is None else control.payload

    @property
    def core_version(self) -> int:
        """The core version in force; the oldest where the topic names none."""
        core = self.payload(("core_version",))
        return core.core_version if isinstance(core, CoreVersion) else CORE_VERSIONS[0]

    def says(self, payload: Payload) -> bool:
        """Whether the last published definition of the payload's subject equals `payload`."""
        last = self.payload(subject_of(payload))
        name = subject_of(payload)[0]
        return last is not None and value_to_json(name, last) == value_to_json(name, payload)


def kafka_error(error: KafkaException) -> KafkaError:
    """The error of Kafka that an exception of the client carries."""
    cause = error.args[0]
    if not isinstance(cause, KafkaError):
        raise TypeError(f"a KafkaException without a KafkaError: {error!r}")
    return cause


def read_history(settings: Settings) -> ControlHistory:
    """Read the control topic to its end, committed records only. Raises ControlError."""
    history = ControlHistory()
    ids = schema_ids(settings)
    try:
        name = settings.topic(CONTROL.name)
        partition_count(settings, name)
        for message in read_topic(settings, name, [0]):
            _take(history, message.value(), ids)
    except TopicError as error:
        raise ControlError(str(error)) from error
    return history


def _take(history: ControlHistory, value: bytes | None, ids: SchemaIds) -> None:
    """Take a value; what a lane would dead-letter, or ignore as a repeat, is skipped here too."""
    try:
        name, _, body = unframe(value, ids)
        control = decode_control(body) if name == CONTROL.schema else None
    except MalformedAvro:
        return
    if control is not None and control.number > history.last_number:
        history.record(control)
