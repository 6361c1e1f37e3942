"""The core version in force is an input: who sets it, from when it counts, who must stop."""

import pytest

from pipeline.codecs.avro import (
    decode_audit_record,
    decode_decision,
    decode_row_gate,
    encode_order,
    encode_row_gate,
)
from pipeline.codecs.wire import fixed_ids, ids_of_table
from pipeline.lane.processor import INPUT_SCHEMAS, LaneProcessor
from pipeline.lane.rows import DictRows
from pipeline.risk.core_versions import CORE_VERSIONS, UnknownCore
from pipeline.risk.keys import GATE
from pipeline.risk.records import CoreVersion
from tests.property.desk import Desk
from tests.property.histories import LANE, LANE_COUNT, TOPICS, Input, changed

OLDEST = CORE_VERSIONS[0]
NEWEST = CORE_VERSIONS[-1]
UNKNOWN = NEWEST + 1


def desk_with_an_older_core() -> Desk:
    """A desk in whose lane a core before this release's oldest is in force."""
    desk = Desk()
    desk.gate.processor.head.core_version = OLDEST - 1
    return desk


def named(desk: Desk) -> int:
    """The core that the last audit record names."""
    return decode_audit_record(desk.gate.audit[-1]).core_version


def test_a_lane_begins_with_the_oldest_core_and_says_so() -> None:
    desk = Desk()
    desk.works()
    record = decode_audit_record(desk.gate.audit[-1])
    assert record.core_version == OLDEST
    assert decode_decision(record.decision or b"").core_version == OLDEST


def test_a_core_counts_from_the_input_after_its_record() -> None:
    desk = desk_with_an_older_core()
    answer = desk.control(CoreVersion(OLDEST))
    assert (answer.outcome, answer.reason_code) == ("FACT", "APPLIED")
    assert named(desk) == OLDEST - 1
    assert desk.order().core_version == OLDEST


def test_a_core_that_waits_decides_the_input_that_finds_it_due() -> None:
    desk = desk_with_an_older_core()
    assert desk.control(CoreVersion(OLDEST), desk.world.now_us + 1_000).reason_code == "PENDING"
    assert desk.order().core_version == OLDEST - 1
    desk.wait(1)
    assert desk.order().core_version == OLDEST


def test_the_core_in_force_survives_a_restart() -> None:
    desk = desk_with_an_older_core()
    desk.control(CoreVersion(OLDEST))
    desk.gate.restart()
    assert desk.order().core_version == OLDEST


def test_a_core_never_goes_back() -> None:
    desk = desk_with_an_older_core()
    # In range when it was taken, below what is in force when its time has come.
    desk.control(CoreVersion(OLDEST - 1), desk.world.now_us + 1_000)
    desk.control(CoreVersion(OLDEST))
    desk.wait(1)
    assert desk.order().core_version == OLDEST
    answer = desk.control(CoreVersion(OLDEST - 1))
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "BAD_CONTROL")
    assert desk.order().core_version == OLDEST


def test_the_core_in_force_may_be_said_again() -> None:
    desk = Desk()
    assert desk.control(CoreVersion(OLDEST)).reason_code == "APPLIED"
    desk.works()


def test_a_core_that_this_release_does_not_know_stops_the_lane() -> None:
    desk = Desk()
    message = f"needs core {UNKNOWN}, this release knows cores? .*{NEWEST}: run a release"
    with pytest.raises(UnknownCore, match=message):
        desk.control(CoreVersion(UNKNOWN))


def test_a_schema_is_unknown_to_lanes_whose_core_is_older() -> None:
    desk = Desk()
    table = {name: [fixed_ids().current[name]] for name in INPUT_SCHEMAS}
    ids = ids_of_table({**table, "order": [1, {"id": 99, "since_core": OLDEST}]})
    desk.gate.processor = LaneProcessor(LANE, LANE_COUNT, TOPICS, ids, desk.gate.rows)
    desk.gate.processor.head.core_version = OLDEST - 1

    def send(order_id: str) -> str:
        order = desk.new(order_id=order_id)
        value = b"\x00\x00\x00\x00\x63" + encode_order(order)
        given = Input("orders", desk.world.now_ms, order.user_id.encode(), value)
        return desk.gate.apply(given).reason_code

    assert send("early") == "UNKNOWN_SCHEMA"
    desk.control(CoreVersion(OLDEST))
    assert send("in time") == "ACCEPTED"


def test_control_is_written_as_lanes_with_an_older_core_read_it() -> None:
    ids = ids_of_table({"control": [5, {"id": 11, "since_core": 3}], "order": [1]})
    assert ids.frame("control") == b"\x00\x00\x00\x00\x0b"
    assert ids.frame_for("control", 2) == b"\x00\x00\x00\x00\x05"
    assert ids.frame_for("control", 3) == b"\x00\x00\x00\x00\x0b"


def test_a_lane_of_an_unknown_core_is_not_opened() -> None:
    rows = Desk().gate.rows
    head = decode_row_gate(rows.get(GATE) or b"")
    newer = DictRows()
    newer.store([(GATE, encode_row_gate(changed(head, core_version=UNKNOWN)))])
    with pytest.raises(UnknownCore, match=f"needs core {UNKNOWN}"):
        LaneProcessor(LANE, LANE_COUNT, TOPICS, fixed_ids(), newer)
