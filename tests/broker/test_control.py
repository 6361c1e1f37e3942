"""The control topic has one writer, no gaps, and every record in every partition."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    Message,
    Producer,
    TopicPartition,
)

from pipeline.__main__ import main
from pipeline.codecs.avro import decode_control
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.control.history import ControlError, read_history
from pipeline.control.publisher import (
    ControlChange,
    ControlFencedError,
    ControlWriter,
    apply_directory,
)
from pipeline.risk.records import (
    RESTRICTION_SUBJECT_COUNTERPARTY,
    RESTRICTION_SUBJECT_USER,
    STATE_SCOPE_ALGORITHM,
    STATE_SCOPE_DESK,
    STATE_SCOPE_INSTRUMENT,
    TRADING_STATE_ACTIVE,
    TRADING_STATE_HALTED,
    TRADING_STATE_REDUCING,
    Control,
    FirmState,
    Release,
    Restriction,
    ScopeState,
    UserAccount,
)
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.streaming.topic_admin import create_topics
from pipeline.topics import CONTROL

pytestmark = pytest.mark.broker

CONFIG = PROJECT_ROOT / "config/control"


def read_partition(settings: Settings, partition: int) -> list[Message]:
    consumer = Consumer(
        settings.confluent(
            group_id="reader",
            isolation_level="read_committed",
            enable_auto_commit=False,
            enable_partition_eof=True,
        )
    )
    consumer.assign([TopicPartition(settings.topic(CONTROL.name), partition, OFFSET_BEGINNING)])
    messages: list[Message] = []
    while True:
        message = consumer.poll(30)
        assert message is not None
        error = message.error()
        if error is not None:
            assert error.code() == KafkaError._PARTITION_EOF
            consumer.close()
            return messages
        messages.append(message)


def controls(settings: Settings, partition: int) -> list[Control]:
    frame = fixed_ids().frame("control")
    values = [message.value() or b"" for message in read_partition(settings, partition)]
    assert all(value[:FRAME_BYTES] == frame for value in values)
    return [decode_control(value, FRAME_BYTES) for value in values]


def user(user_id: str, trading_state: int = TRADING_STATE_ACTIVE) -> ControlChange:
    account = UserAccount(user_id, "demo", "standard", trading_state)
    return ControlChange(account, proposer="someone", reason="test")


def test_applying_the_shipped_configuration_twice_publishes_it_once(
    broker_settings: Settings,
) -> None:
    create_topics(broker_settings)
    first = apply_directory(broker_settings, CONFIG, record_time_ms=1_703_500_000_000)
    assert first.published == first.last_number > 0
    assert first.unchanged == 0
    again = apply_directory(broker_settings, CONFIG)
    assert (again.published, again.unchanged) == (0, first.published)
    assert again.last_number == first.last_number


def test_every_record_is_in_every_partition_in_order_with_the_given_time(
    broker_settings: Settings,
) -> None:
    create_topics(broker_settings)
    apply_directory(broker_settings, CONFIG, record_time_ms=1_703_500_000_000)
    numbers = [control.number for control in controls(broker_settings, 0)]
    assert numbers == list(range(1, len(numbers) + 1))
    for partition in range(1, broker_settings.partitions):
        assert [control.number for control in controls(broker_settings, partition)] == numbers
    stamps = {message.timestamp()[1] for message in read_partition(broker_settings, 1)}
    assert stamps == {1_703_500_000_000}
    assert {c.event_time for c in controls(broker_settings, 1)} == {1_703_500_000_000_000}


def test_only_what_changed_is_published_with_the_next_version(
    broker_settings: Settings, tmp_path: Path
) -> None:
    create_topics(broker_settings)
    directory = tmp_path / "control"
    shutil.copytree(CONFIG, directory)
    before = apply_directory(broker_settings, directory)
    policy = directory / "policy.yaml"
    policy.write_text(policy.read_text().replace("order_age_ms_max: 10_000", "order_age_ms_max: 9"))
    after = apply_directory(broker_settings, directory, proposer="p", approver="a", reason="r")
    assert (after.published, after.unchanged) == (1, before.published - 1)
    last = controls(broker_settings, 0)[-1]
    assert (last.number, last.version) == (before.last_number + 1, 2)
    assert (last.proposer, last.approver, last.reason) == ("p", "a", "r")


def test_a_second_writer_fences_the_first_and_no_number_is_lost_or_doubled(
    broker_settings: Settings,
) -> None:
    create_topics(broker_settings)
    with ControlWriter(broker_settings) as first:
        assert first.publish([user("u1")]) == [1]
        with ControlWriter(broker_settings) as second:
            assert second.current() == 1
            with pytest.raises(ControlFencedError, match="another control writer has started"):
                first.publish([user("u2")])
            assert second.publish([user("u3"), user("u1")]) == [2, 3]
    written = [(c.number, c.version) for c in controls(broker_settings, 0)]
    assert written == [(1, 1), (2, 1), (3, 2)]


def test_nothing_is_published_behind_a_transaction_that_hangs(
    broker_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_topics(broker_settings)
    monkeypatch.setattr("pipeline.control.publisher._HANGS_S", 0.5)
    # As a broker leaves it that has forgotten to abort: no writer of ours can end it.
    other = Producer(broker_settings.confluent(transactional_id=f"{broker_settings.app_id}-other"))
    other.init_transactions(30)
    other.begin_transaction()
    other.produce(broker_settings.topic("control"), b"never committed", partition=2)
    assert other.flush(30) == 0
    with (
        pytest.raises(ControlError, match=r"hangs in .*control, partitions \[2\]"),
        ControlWriter(broker_settings),
    ):
        pass
    other.abort_transaction(30)
    with ControlWriter(broker_settings) as writer:
        assert writer.publish([user("u1")]) == [1]


def test_a_long_list_is_split_and_stays_gapless(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    changes = [user(f"u{index}") for index in range(5_000)]
    with ControlWriter(broker_settings) as writer:
        assert writer.publish(changes) == list(range(1, 5_001))
    assert [c.number for c in controls(broker_settings, 3)] == list(range(1, 5_001))


def test_applying_the_configuration_does_not_lift_a_halt(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    apply_directory(broker_settings, CONFIG)
    halts = [
        user("alice", TRADING_STATE_HALTED),
        ControlChange(FirmState(TRADING_STATE_HALTED), proposer="someone", reason="drill"),
    ]
    with ControlWriter(broker_settings) as writer:
        writer.publish(halts)
    result = apply_directory(broker_settings, CONFIG)
    assert result.published == 0
    assert set(result.kept) == {"alice", "firm"}


def test_what_others_wrote_into_the_topic_stops_nobody(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    intruder = Producer(broker_settings.confluent())
    intruder.produce(broker_settings.topic(CONTROL.name), b"\x00\x00\x00\x00\x05junk", partition=0)
    intruder.flush(30)
    with ControlWriter(broker_settings) as writer:
        assert writer.publish([user("u1")]) == [1]
    assert read_history(broker_settings).last_number == 1


def test_a_lacking_topic_and_a_lacking_broker_are_said_plainly(broker_settings: Settings) -> None:
    with pytest.raises(ControlError, match="does not exist"), ControlWriter(broker_settings):
        pass
    nowhere = replace(broker_settings, kafka_bootstrap="127.0.0.1:1")
    with pytest.raises(ControlError, match="No Kafka broker answered"):
        read_history(nowhere)


def tollgate(settings: Settings, *arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(
        main, ["control", *arguments], env=settings.as_env(), input=given or None
    )


NAMED = ("--proposer", "ann", "--reason", "case 17")


def test_the_command_line_applies_shows_and_stops(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    named = ("--proposer", "risk-desk", "--reason", "drill")
    planned = tollgate(broker_settings, "apply", str(CONFIG), "--dry-run", "--json")
    assert read_history(broker_settings).last_number == 0
    applied = tollgate(broker_settings, "apply", str(CONFIG), "--json")
    count = len(json.loads(planned.stdout)["publish"])
    assert json.loads(applied.stdout)["published"] == count > 0
    assert tollgate(broker_settings, "set-state", "firm", "HALTED", *named).exit_code == 0
    halted = tollgate(broker_settings, "set-state", "user", "alice", "halted", *named, "--json")
    assert json.loads(halted.stdout) == {"number": count + 2}
    assert tollgate(broker_settings, "close-day", "2024-03-15", *named).exit_code == 0
    shown = tollgate(broker_settings, "show", "--json")
    last = {
        record["number"]: record["payload"] for record in map(json.loads, shown.stdout.splitlines())
    }
    assert last[count + 1] == {"firm_state": {"trading_state": "HALTED"}}
    assert last[count + 2]["user_account"]["trading_state"] == "HALTED"
    assert last[count + 3] == {"day_close": {"business_day": "2024-03-15"}}
    told = tollgate(broker_settings, "show").stdout
    assert "HALTED" in told
    assert f"last control number {count + 3}, core 1 in force" in told


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("set-state", "firm", "HALTED", "--reason", "x"), 2, "--proposer"),
        (("set-state", "firm", "HALTED", "--proposer", "x"), 2, "--reason"),
        (("set-core-version", "2", "--proposer", "x", "--reason", "x"), 2, "--approver"),
        (
            ("set-core-version", "99", "--proposer", "x", "--approver", "y", "--reason", "x"),
            1,
            "core_version 99 is unknown: this release knows core",
        ),
        (
            ("set-core-version", "1", "--proposer", "x", "--approver", "y", "--reason", "x"),
            1,
            "never goes back",
        ),
        (("close-day", "9999-01-01", "--proposer", "x", "--reason", "x"), 2, "has not begun"),
        (("set-state", "user", "nobody", "ACTIVE", *NAMED), 1, "'nobody' is not registered"),
        (("set-state", "instrument", "NOPE", "HALTED", *NAMED), 1, "'NOPE' is not defined"),
        (("set-state", "desk", "x" * 65, "HALTED", *NAMED), 1, "scope_id is empty or too long"),
        (("set-state", "desk", "d7", "HALTED", "--reason", "x"), 2, "--proposer"),
        (("release", "nobody", *NAMED), 1, "'nobody' is not registered"),
        (("release", "alice", "--reason", "x"), 2, "--proposer"),
        (("release", "alice", "--check", "CREDT", *NAMED), 2, "'CREDT' latches and halts nobody"),
        (
            ("release", "alice", "--check", "CREDIT", "--algorithm", "a", *NAMED),
            2,
            "give one, then the other",
        ),
        (("restrict", "user", *NAMED), 2, "name at least one ID, or a --file"),
        (("restrict", "trader", "t", *NAMED), 2, "'trader' is not one of 'user', 'desk'"),
        (("restrict", "user", "x" * 65, *NAMED), 1, "an id is empty or too long"),
        (("restrict", "user", "--file", "/nowhere", *NAMED), 2, "/nowhere"),
    ],
)
def test_the_command_line_refuses_what_lacks_a_name_a_reason_or_a_subject(
    broker_settings: Settings, arguments: tuple[str, ...], exit_code: int, message: str
) -> None:
    create_topics(broker_settings)
    result = tollgate(broker_settings, *arguments)
    assert result.exit_code == exit_code
    assert message in result.output
    assert read_history(broker_settings).last_number == 0


def test_desks_algorithms_and_instruments_are_stopped_and_started(
    broker_settings: Settings,
) -> None:
    create_topics(broker_settings)
    apply_directory(broker_settings, CONFIG)
    for arguments in (
        ("desk", "d7", "REDUCING"),
        ("algorithm", "twap-3", "halted"),
        ("instrument", "ESH4", "HALTED"),
    ):
        done = tollgate(broker_settings, "set-state", *arguments, *NAMED)
        assert done.exit_code == 0, done.output
        assert f"{arguments[0]} {arguments[1]} is {arguments[2].upper()}, from" in done.stdout
    states = [control.payload for control in controls(broker_settings, 2)[-3:]]
    assert [
        (state.scope, state.scope_id, state.trading_state)
        for state in states
        if isinstance(state, ScopeState)
    ] == [
        (STATE_SCOPE_DESK, "d7", TRADING_STATE_REDUCING),
        (STATE_SCOPE_ALGORITHM, "twap-3", TRADING_STATE_HALTED),
        (STATE_SCOPE_INSTRUMENT, "ESH4", TRADING_STATE_HALTED),
    ]
    shown = tollgate(broker_settings, "show").stdout
    assert "scope_state DESK d7  version 1" in shown
    assert "by ann: case 17\n    trading_state REDUCING\n" in shown
    # What the files say of other things does not lift it.
    assert apply_directory(broker_settings, CONFIG).published == 0


def test_a_named_person_releases_a_user_a_check_or_an_algorithm(broker_settings: Settings) -> None:
    create_topics(broker_settings)
    apply_directory(broker_settings, CONFIG)
    ways: tuple[tuple[tuple[str, ...], str], ...] = (
        ((), "alice is released from every check"),
        (("--check", "DAILY_LOSS"), "alice is released from DAILY_LOSS"),
        (("--check", "RULE:big"), "alice is released from RULE:big"),
        (("--algorithm", "twap-3"), "algorithm twap-3 of alice is counted anew"),
    )
    for options, told in ways:
        done = tollgate(broker_settings, "release", "alice", *options, *NAMED)
        assert done.exit_code == 0, done.output
        assert told in done.stdout
    last = controls(broker_settings, 1)[-4:]
    assert {(control.proposer, control.reason) for control in last} == {("ann", "case 17")}
    releases = [control.payload for control in last if isinstance(control.payload, Release)]
    assert [(each.user_id, each.algo_id, each.check) for each in releases] == [
        ("alice", None, None),
        ("alice", None, "DAILY_LOSS"),
        ("alice", None, "RULE:big"),
        ("alice", "twap-3", None),
    ]
    assert "release alice  version 4" in tollgate(broker_settings, "show").stdout


def test_a_restricted_list_grows_shrinks_and_is_shown(
    broker_settings: Settings, tmp_path: Path
) -> None:
    create_topics(broker_settings)
    done = tollgate(
        broker_settings, "restrict", "counterparty", "acme", "--instrument", "ESH4", *NAMED
    )
    assert done.stdout == (
        "1 restricted in ESH4, 0 were before, from control number 1 on; "
        "1 on the counterparty list in ESH4\n"
    )
    names = [f"user-{number}" for number in range(60_500)]
    file = tmp_path / "names.txt"
    file.write_text("# of May\n" + "\n".join(names))
    long = tollgate(broker_settings, "restrict", "user", "bob", "--file", str(file), *NAMED)
    assert long.exit_code == 0, long.output
    assert "60,501 restricted, 0 were before, from control number 62 on" in long.stdout
    records = [control.payload for control in controls(broker_settings, 3)]
    lists = [record for record in records if isinstance(record, Restriction)]
    assert lists[0].subject == RESTRICTION_SUBJECT_COUNTERPARTY
    assert {record.subject for record in lists[1:]} == {RESTRICTION_SUBJECT_USER}
    assert [each for record in lists[1:] for each in record.ids] == ["bob", *names]
    assert max(len(record.ids) for record in lists) == 1_000
    again = tollgate(
        broker_settings, "restrict", "user", "--file", "-", *NAMED, "--json", given="\n".join(names)
    )
    assert json.loads(again.stdout) == {"changed": 0, "unchanged": 60_500, "last_number": 62}
    lifted = tollgate(broker_settings, "unrestrict", "user", "bob", "carl", *NAMED)
    assert "1 unrestricted, 1 were not before, from control number 63 on" in lifted.stdout
    shown = tollgate(broker_settings, "show").stdout
    assert "restriction USER  version 62, number 63, at once, by ann: case 17" in shown
    assert "    60,500 listed: user-0, user-1, user-2, user-3, user-4 and 60,495 more" in shown
    assert tollgate(broker_settings, "restricted", "user").stdout.split() == names
    within = tollgate(broker_settings, "restricted", "counterparty", "--instrument", "ESH4")
    assert within.stdout == "acme\n"
