"""The bench profile: the peers' core answers as the gate does, byte for byte."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.contest.alone import CoreAlone, lanes, mark_of
from benchmarks.contest.checker import differences
from benchmarks.contest.inputs import CME, FLOWS, ZIPF, accounts_of, inputs_of, restamped
from benchmarks.contest.profile import REASONS, definitions, write_peer_settings
from benchmarks.flow import definitions as all_checks
from benchmarks.peers.profile_core import LaneHead, Output, ProfileCore, Settings
from pipeline.codecs.avro import decode_decision, decode_order, encode_decision
from pipeline.codecs.wire import FRAME_BYTES
from pipeline.lane.processor import MARKS, ORDERS, LaneOutput
from pipeline.risk.checks.registry import CATALOG, CHECKS_OF_NEW
from pipeline.risk.reasons import ACCEPTED
from pipeline.risk.records import (
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_NOTIFIED,
    CHECK_OUTCOME_PASS,
    Policy,
)
from pipeline.settings import Settings as GateSettings

FIRST_US = 1_704_205_800_000_000
LANES = 8
ORDERS_COUNT = 6_000
ROWS_OF_AN_ORDER = 5
LOOKED_AT = {CHECK_OUTCOME_PASS, CHECK_OUTCOME_FAIL, CHECK_OUTCOME_NOTIFIED}

Histories = dict[str, tuple[list[LaneOutput], list[Output]]]


def decided(flow: str, directory: Path) -> tuple[list[LaneOutput], list[Output]]:
    """What the gate and the peers' core come to, for the same orders."""
    accounts = accounts_of(flow)
    gate = lanes(definitions(), accounts, FIRST_US, LANES)
    told = write_peer_settings(replace(GateSettings(), partitions=LANES), accounts, directory, {})
    settings = Settings(told)
    core = ProfileCore(settings)
    heads = [LaneHead(None, int(first)) for first in settings["first_sequences"].split(",")]
    offsets = [0] * LANES
    users: dict[bytes, bytes] = {}
    orders: dict[tuple[bytes, str], bytes] = {}
    ours, theirs = [], []
    for lane, time_ms, key, value in islice(inputs_of(flow, FIRST_US, LANES), ORDERS_COUNT):
        ours.append(gate[lane].apply(ORDERS, time_ms, key, value))
        order = core.order_of(value)
        identity = key, order.order_id
        output = core.decide(
            heads[lane],
            lane,
            offsets[lane],
            time_ms,
            key,
            value,
            order,
            users.get(key),
            orders.get(identity),
        )
        offsets[lane] += 1
        users[key] = output.user_row
        if output.order_row is not None:
            orders[identity] = output.order_row
        # A peer that starts again reads its head back.
        heads[lane] = LaneHead(heads[lane].row(), 0)
        theirs.append(output)
    return ours, theirs


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> Histories:
    """What both come to, by flow."""
    return {flow: decided(flow, tmp_path_factory.mktemp(flow)) for flow in FLOWS}


@pytest.mark.parametrize("flow", FLOWS)
def test_the_peers_core_decides_as_the_gate_byte_for_byte(flow: str, histories: Histories) -> None:
    ours, theirs = histories[flow]
    assert [one.decision for one in ours] == [other.decision[FRAME_BYTES:] for other in theirs]
    assert [len(one.audit) for one in ours] == [len(o.audit) - FRAME_BYTES for o in theirs]


def test_the_flows_lead_to_every_reason_of_the_profile(histories: Histories) -> None:
    found = {one.reason_code for ours, _ in histories.values() for one in ours}
    assert found == set(REASONS)


def test_the_profile_exempts_every_check_that_the_peers_do_not_run_and_that_can_be() -> None:
    (policy,) = (one for one in definitions() if isinstance(one, Policy))
    assert frozenset(policy.checks_exempt) == CATALOG.exemptible - {"ORDER_RATE", "POSITION_LIMIT"}


def test_an_accepted_order_changes_five_rows_of_the_gate(histories: Histories) -> None:
    ours, _ = histories[CME]
    accepted = Counter(len(one.rows) for one in ours if one.reason_code == ACCEPTED)
    assert accepted.most_common(1)[0][0] == ROWS_OF_AN_ORDER


def test_core_all_us_is_of_orders_that_every_check_has_looked_at() -> None:
    gate = lanes(all_checks(), accounts_of(CME), FIRST_US, LANES)
    mark_ms, mark = mark_of(FIRST_US)
    for lane in gate:
        lane.apply(MARKS, mark_ms, None, mark)
    every_check = {name for name, _ in CHECKS_OF_NEW}
    for place, time_ms, key, value in islice(inputs_of(CME, FIRST_US, LANES), 500):
        body = gate[place].apply(ORDERS, time_ms, key, value).decision
        assert body is not None
        checks = decode_decision(body).checks
        # What an id alone decides is not checked.
        if len(checks) > 1:
            looked_at = {check.check for check in checks if check.result in LOOKED_AT}
            assert looked_at == every_check


def test_the_core_alone_decides_and_changes_rows_as_the_lane_does() -> None:
    accounts = accounts_of(CME)
    whole, parts = (lanes(definitions(), accounts, FIRST_US, LANES) for _ in range(2))
    cores = [CoreAlone(lane) for lane in parts]
    for number, (place, time_ms, key, value) in enumerate(
        islice(inputs_of(CME, FIRST_US, LANES), 500)
    ):
        output = whole[place].apply(ORDERS, time_ms, key, value)
        core, changes, context, order, content_hash = cores[place].read(time_ms, value)
        core.begin(context)
        effects = core.order(context, order, content_hash)
        changes.append(core.state.changed)
        assert effects.decision is not None
        assert encode_decision(effects.decision) == output.decision, number
        if number % 50 == 0:
            cores[place].store()
    for alone in cores:
        alone.store()
    assert [lane.rows.rows for lane in parts] == [lane.rows.rows for lane in whole]


def test_the_checker_tells_what_differs(histories: Histories) -> None:
    ours, _ = histories[CME]
    first, second = ours[0].decision, ours[1].decision
    assert first is not None
    assert second is not None
    assert list(differences({(0, 0): first}, {(0, 0): first})) == []
    assert any("order_id" in what for what in differences({(0, 0): first}, {(0, 0): second}))
    # The last field, which no other depends on.
    assert first.endswith(b"\x00")
    told = list(differences({(0, 0): first}, {(0, 0): first[:-1] + b"\x02\x08"}))
    assert told == ["order (0, 0): passing_lots_max None, and 4"]
    assert list(differences({(0, 0): first}, {})) == ["order (0, 0): decided by one only"]


def test_a_restamped_order_differs_in_its_event_time_alone() -> None:
    record = next(inputs_of(ZIPF, FIRST_US, LANES))
    before = decode_order(record.value, FRAME_BYTES)
    after = decode_order(restamped(record.value, 17), FRAME_BYTES)
    assert after.event_time == 17
    assert (after.order_id, after.price_e9, after.tags) == (
        before.order_id,
        before.price_e9,
        before.tags,
    )
