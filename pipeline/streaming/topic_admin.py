"""Creates the topics of `topics.py` on a broker and compares those that are there.

Owns the way from the registry to the broker: names with the configured prefix, partition counts,
replication and settings. Must never alter or delete a topic: a partition count decides which lane
a user belongs to, and retention which evidence is kept, so both are an operator's to change.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from pipeline.settings import Settings
from pipeline.topics import ALL_TOPICS, CHANGELOG_DELETE_RETENTION_MS, Topic

# With so many copies, a record is acknowledged once two exist: one may then be lost unharmed.
_COPIES_FOR_TWO_ACKS: Final = 3
_REACH_S_MAX: Final = 10
_REQUEST_S_MAX: Final = 30
_LEADERS_S_MAX: Final = 60
_POLL_S: Final = 0.1


class TopicError(RuntimeError):
    """Topics could not be created or looked at; the text says which, why and what to do."""


class BrokerUnreachableError(TopicError):
    """No broker answered at the configured address, or it refused to talk to us."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one topic (its name on the broker) and how to mend it."""

    topic: str
    what: str
    fix: str


def wanted_config(topic: Topic, settings: Settings) -> dict[str, str]:
    """The settings which `topic` has on a broker: its own, and those that replication asks for."""
    if settings.replication_factor >= _COPIES_FOR_TWO_ACKS:
        return {**topic.config, "min.insync.replicas": "2"}
    return dict(topic.config)


def create_topics(settings: Settings) -> list[str]:
    """Create the topics which the broker lacks; their names there, [] when all were there.

    Returns once each partition of all topics has a leader. Raises TopicError when one exists with
    another partition count (nothing is created then) or the broker refuses.
    """
    client = admin_client(settings)
    counts = partition_counts(client)
    wrong = [_wrong_count(settings, topic, counts) for topic in ALL_TOPICS]
    complaints = [f"{problem.topic}: {problem.what}" for problem in wrong if problem]
    if complaints:
        raise TopicError("\n".join([*complaints, _COUNT_FIX]))
    lacking = [topic for topic in ALL_TOPICS if settings.topic(topic.name) not in counts]
    if lacking:
        _create(client, settings, lacking)
    _wait_for_leaders(client, [settings.topic(topic.name) for topic in ALL_TOPICS], settings)
    return [settings.topic(topic.name) for topic in lacking]


def check_topics(settings: Settings) -> list[Problem]:
    """What differs between the broker's topics and the registry, [] when nothing does.

    Partition counts and the settings named in the registry are compared; what the registry leaves
    to the broker is not. Raises BrokerUnreachableError.
    """
    client = admin_client(settings)
    counts = partition_counts(client)
    problems = []
    present = []
    for topic in ALL_TOPICS:
        name = settings.topic(topic.name)
        wrong_count = _wrong_count(settings, topic, counts)
        if name not in counts:
            problems.append(Problem(name, "does not exist", "Run `tollgate topics create`."))
        elif wrong_count:
            problems.append(wrong_count)
        if name in counts:
            present.append(topic)
    configs = describe_configs(
        client, ResourceType.TOPIC, [settings.topic(topic.name) for topic in present]
    )
    for topic in present:
        name = settings.topic(topic.name)
        problems.extend(_wrong_settings(name, wanted_config(topic, settings), configs[name]))
    return problems


def admin_client(settings: Settings) -> AdminClient:
    """An administrative client which reports trouble by its exceptions only, not on stderr."""
    return AdminClient({**settings.confluent(), "log_level": 0})


def partition_counts(client: AdminClient) -> dict[str, int]:
    """Topic name on the broker -> number of partitions. Raises BrokerUnreachableError."""
    topics = _metadata(client).topics
    return {name: len(topic.partitions) for name, topic in topics.items() if topic.error is None}


def describe_configs(
    client: AdminClient, kind: ResourceType, names: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Resource name -> setting -> value ("" where the broker hides it). Raises TopicError."""
    resources = [ConfigResource(kind, name) for name in names]
    if not resources:
        return {}
    found = {}
    futures = client.describe_configs(resources, request_timeout=_REQUEST_S_MAX)
    for resource, future in futures.items():
        try:
            entries = future.result()
        except KafkaException as error:
            raise TopicError(
                f"The broker does not tell the settings of {resource.name}: {_reason(error)}. "
                "Give this user the DescribeConfigs permission."
            ) from error
        found[resource.name] = {name: entry.value or "" for name, entry in entries.items()}
    return found


_COUNT_FIX: Final = (
    "A partition count cannot be changed afterwards, it decides which lane a user belongs to: set "
    "`partitions` to the count which the topics have, or choose a new `topic_prefix`."
)


def _wrong_count(settings: Settings, topic: Topic, counts: Mapping[str, int]) -> Problem | None:
    name = settings.topic(topic.name)
    found = counts.get(name, settings.partitions)
    if found == settings.partitions:
        return None
    return Problem(name, f"has {found} partitions instead of {settings.partitions}", _COUNT_FIX)


# What a wrong setting does, where its name does not say it: by the value it ought to have.
_HARM: Final = {
    ("cleanup.policy", "delete"): (
        "the broker throws away all but the last record of each key, evidence among them"
    ),
    ("cleanup.policy", "compact"): (
        "the broker deletes rows of the state by their age, or keeps every version of them"
    ),
    ("retention.ms", "-1"): "the broker deletes records by their age, evidence among them",
    ("retention.bytes", "-1"): "the broker deletes the oldest records, evidence among them",
    ("delete.retention.ms", str(CHANGELOG_DELETE_RETENTION_MS)): (
        "recovery counts on tombstones being there so long"
    ),
}


def _wrong_settings(
    name: str, wanted: Mapping[str, str], found: Mapping[str, str]
) -> Iterable[Problem]:
    for setting, value in wanted.items():
        if found.get(setting) != value:
            harm = _HARM.get((setting, value))
            yield Problem(
                name,
                f"{setting} is {found.get(setting, 'not known to the broker')} instead of {value}"
                + (f": {harm}" if harm else ""),
                f"kafka-configs.sh --bootstrap-server ... --alter --topic {name} "
                f"--add-config {setting}={value}",
            )


def _create(client: AdminClient, settings: Settings, topics: Iterable[Topic]) -> None:
    new = [
        NewTopic(
            settings.topic(topic.name),
            num_partitions=settings.partitions,
            replication_factor=settings.replication_factor,
            config=wanted_config(topic, settings),
        )
        for topic in topics
    ]
    futures = client.create_topics(new, operation_timeout=_REQUEST_S_MAX)
    refused = []
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            # Somebody else creates them at the same time: the same topics, from the same registry.
            if _error(error).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                refused.append(f"{name}: {_reason(error)}")
    if refused:
        raise TopicError("\n".join(["The broker refused to create topics.", *refused]))


def _wait_for_leaders(client: AdminClient, names: Iterable[str], settings: Settings) -> None:
    end = time.monotonic() + _LEADERS_S_MAX
    waiting = set(names)
    while waiting:
        topics = _metadata(client).topics
        waiting = {name for name in waiting if not _is_led(topics.get(name), settings.partitions)}
        if waiting and time.monotonic() > end:
            raise TopicError(
                f"No leader for every partition of {', '.join(sorted(waiting))} after "
                f"{_LEADERS_S_MAX} s: look at the brokers' logs."
            )
        if waiting:
            time.sleep(_POLL_S)


def _is_led(topic: Any, partitions: int) -> bool:
    return (
        topic is not None
        and topic.error is None
        and len(topic.partitions) == partitions
        and all(part.leader >= 0 and part.error is None for part in topic.partitions.values())
    )


def _metadata(client: AdminClient) -> Any:
    try:
        return client.list_topics(timeout=_REACH_S_MAX)
    except KafkaException as error:
        raise BrokerUnreachableError(
            f"No Kafka broker answered within {_REACH_S_MAX} s ({_reason(error)}). Is "
            "KAFKA_BOOTSTRAP right, are its TLS and SASL settings, and does the broker run? "
            "`tollgate up` starts one on this machine."
        ) from error


def _reason(error: KafkaException) -> str:
    return str(_error(error).str())


def _error(error: KafkaException) -> Any:
    return error.args[0]
