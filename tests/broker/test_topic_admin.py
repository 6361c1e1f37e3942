"""Topics on the broker are those of the registry, or the difference is said."""

import time
from dataclasses import replace

import pytest
from confluent_kafka.admin import (
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from pipeline.settings import Settings
from pipeline.streaming.topic_admin import (
    BrokerUnreachableError,
    Problem,
    TopicError,
    admin_client,
    check_topics,
    create_topics,
    describe_configs,
    partition_counts,
    wanted_config,
)
from pipeline.topics import (
    ALL_TOPICS,
    AUDIT,
    ORDERS,
    REPORT_DAYS_CHANGELOG,
    RISK_CONTEXTS_CHANGELOG,
    TICKS,
    Topic,
)

pytestmark = pytest.mark.broker

LIMIT_S = 60


def test_topics_are_created_once_as_the_registry_has_them(broker_settings: Settings) -> None:
    names = [broker_settings.topic(topic.name) for topic in ALL_TOPICS]
    assert create_topics(broker_settings) == names
    assert create_topics(broker_settings) == []
    counts = partition_counts(admin_client(broker_settings))
    assert {counts[name] for name in names} == {4}
    assert check_topics(broker_settings) == []


def test_a_lacking_topic_is_a_problem_with_its_remedy(broker_settings: Settings) -> None:
    problems = check_topics(broker_settings)
    assert [problem.topic for problem in problems] == [
        broker_settings.topic(topic.name) for topic in ALL_TOPICS
    ]
    assert {problem.fix for problem in problems} == {"Run `tollgate topics create`."}


def test_another_partition_count_is_refused_and_reported(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    wider = replace(broker_settings, partitions=6)
    with pytest.raises(TopicError, match="orders: has 4 partitions instead of 6"):
        create_topics(wider)
    assert {problem.what for problem in check_topics(wider)} == {"has 4 partitions instead of 6"}


def test_a_changed_setting_is_reported_with_the_command_that_mends_it(
    broker_settings: Settings,
) -> None:
    create_topics(broker_settings)
    alter(broker_settings, AUDIT, "retention.ms", "1000")
    problem = only_problem(broker_settings)
    assert problem.topic == broker_settings.topic(AUDIT.name)
    assert problem.what.startswith("retention.ms is 1000 instead of -1: the broker deletes")
    assert "--add-config retention.ms=-1" in problem.fix


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
def test_evidence_that_would_be_compacted_is_reported(
    broker_settings: Settings, policy: str
) -> None:
    create_topics(broker_settings)
    alter(broker_settings, AUDIT, "cleanup.policy", policy)
    problem = only_problem(broker_settings)
    assert problem.topic == broker_settings.topic(AUDIT.name)
    assert problem.what == (
        f"cleanup.policy is {policy} instead of delete: the broker throws away all but the last "
        "record of each key, evidence among them"
    )
    assert "--add-config cleanup.policy=delete" in problem.fix


def test_evidence_is_kept_for_ever_and_state_is_compacted(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    names = {broker_settings.topic(topic.name): topic for topic in ALL_TOPICS}
    configs = describe_configs(admin_client(broker_settings), ResourceType.TOPIC, names)
    for name, topic in names.items():
        config = configs[name]
        if topic in (RISK_CONTEXTS_CHANGELOG, REPORT_DAYS_CHANGELOG):
            assert config["cleanup.policy"] == "compact"
            assert config["segment.bytes"] == "67108864"
            assert config["max.compaction.lag.ms"] == "86400000"
            assert config["delete.retention.ms"] == "604800000"
        elif topic is TICKS:  # no evidence: what becomes a mark is
            assert (config["cleanup.policy"], config["retention.ms"]) == ("delete", "600000")
        else:
            assert config["cleanup.policy"] == "delete"
            assert (config["retention.ms"], config["retention.bytes"]) == ("-1", "-1")


def alter(settings: Settings, topic: Topic, name: str, value: str) -> None:
    """Change one setting of a topic."""
    change = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(
        ConfigResource.Type.TOPIC, settings.topic(topic.name), incremental_configs=[change]
    )
    client = admin_client(settings)
    for future in client.incremental_alter_configs([resource]).values():
        future.result()


def only_problem(settings: Settings) -> Problem:
    """The one problem, once the broker has taken the change up."""
    end = time.monotonic() + LIMIT_S
    problems: list[Problem] = []
    while not problems and time.monotonic() < end:
        problems = check_topics(settings)
    (problem,) = problems
    return problem


def test_more_copies_than_brokers_is_refused_by_name(broker_settings: Settings) -> None:
    with pytest.raises(TopicError, match=r"orders: .*[Rr]eplication factor"):
        create_topics(replace(broker_settings, replication_factor=3))


def test_replicated_topics_acknowledge_only_what_two_brokers_hold() -> None:
    assert wanted_config(ORDERS, Settings(replication_factor=3))["min.insync.replicas"] == "2"
    assert "min.insync.replicas" not in wanted_config(ORDERS, Settings(replication_factor=1))


def test_an_unreachable_broker_is_said_to_be_one() -> None:
    with pytest.raises(BrokerUnreachableError, match="KAFKA_BOOTSTRAP"):
        check_topics(Settings(kafka_bootstrap="127.0.0.1:1"))
