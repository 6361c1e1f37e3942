"""The story of an order: nothing of it is missing, nothing of another order is in it."""

import json
from collections import Counter
from typing import Any

import pytest

from pipeline.audit.story import (
    Layout,
    SeveralUsersError,
    Step,
    Story,
    UnknownOrderError,
    explain,
)
from pipeline.audit.story_json import story_to_json
from pipeline.audit.story_words import BAD, check_lines, ending, lines, place, price_text, standing
from pipeline.codecs.avro import (
    decode_audit_record,
    decode_fill,
    decode_order,
    encode_audit_record,
    encode_fill,
    encode_order,
    encode_row_order,
)
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.schemas import load_json
from pipeline.codecs.wire import fixed_ids
from pipeline.risk import keys
from pipeline.risk.records import (
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    ORDER_ACTION_CANCEL,
    ORDER_TYPE_MARKET,
    AuditRecord,
    UserAccount,
)
from tests.property.desk import ESX, POLICY, PRICE_E9, USER, Desk, pledging
from tests.property.gate import Gate
from tests.property.histories import seeded_history
from tests.property.world import (
    E9,
    ELSEWHERE,
    LANE,
    LANE_COUNT,
    TENANT,
    TOPICS,
    USERS,
    changed,
    fx_pair,
    usual_limits,
)

LAYOUT = Layout(LANE_COUNT, list(TOPICS), fixed_ids())
FIELDS = [field["name"] for field in load_json("audit_record")["fields"]]


def told(audit: list[bytes], order_id: str, user_id: str | None = None, **options: Any) -> Story:
    """The story from the audit of the one lane that has records."""

    def read(lanes: Any) -> list[tuple[int, bytes]]:
        return [(LANE, body) for body in audit] if LANE in lanes else []

    return explain(LAYOUT, read, order_id, user_id, **options)


def texts(step: Step) -> str:
    return "\n".join(line.text for line in lines(step))


def story_of(desk: Desk, order_id: str, **options: Any) -> Story:
    return told(desk.gate.audit, order_id, **options)


def cancel(desk: Desk, order_id: str) -> None:
    """Ask for a CANCEL whose own id is c-1."""
    desk.order(
        action=ORDER_ACTION_CANCEL,
        order_id="c-1",
        orig_order_id=order_id,
        quantity_lots=0,
        price_e9=None,
    )


# -- what belongs to it


@pytest.mark.parametrize("seed", range(6))
def test_after_its_last_step_an_order_is_as_the_gate_has_it(seed: int) -> None:
    """What a story missed, or took from another order, would show in the order's row."""
    gate = Gate()
    for given in seeded_history(seed, 250):
        gate.apply(given)
    working = gate.orders()
    ended = {
        key: row.filled_lots
        for key, row in gate.rows_of(keys.DECISION).items()
        if row.instrument_id is not None
    }
    assert working or ended
    for user, order_id in [*working, *list(ended)[:6]]:
        after = told(gate.audit, order_id, user).steps[-1].after
        assert after is not None
        if (user, order_id) in working:
            assert after.order is not None
            row = working[user, order_id]
            assert encode_row_order(after.order) == encode_row_order(row)
        else:
            assert (after.order_state, after.filled_lots) == ("ENDED", ended[user, order_id])


@pytest.mark.parametrize("seed", range(6))
def test_every_request_and_report_is_in_one_story(seed: int) -> None:
    """Told of all of a user's ids, each of the user's records comes once."""
    gate = Gate()
    for given in seeded_history(seed + 100, 150):
        gate.apply(given)
    user = USERS[0]
    expected: Counter[tuple[str, int]] = Counter()
    ids: list[str] = []
    for body in gate.audit:
        record = decode_audit_record(body)
        named = named_in(record)
        if named is not None and named.user_id == user:
            expected[record.source_topic, record.source_offset] += 1
            ids.append(named.order_id)
    stories: dict[str, Story] = {}
    for order_id in dict.fromkeys(ids):
        story = told(gate.audit, order_id, user, replay=False)
        assert order_id in story.ids
        stories[story.root_id] = story
    found: Counter[tuple[str, int]] = Counter()
    for story in stories.values():
        for step in story.steps:
            if step.order is not None or step.fill is not None:
                found[step.record.source_topic, step.record.source_offset] += 1
    assert found == expected


def named_in(record: AuditRecord) -> Any:
    """The order or report of an input that can be read as what its topic holds."""
    value = record.value or b""
    name = {"orders": "order", "fills": "fill"}.get(record.source_topic)
    if name is None or value[:5] != fixed_ids().frame(name):
        return None
    decode = decode_order if name == "order" else decode_fill
    encode: Any = encode_order if name == "order" else encode_fill
    try:
        read = decode(value, 5)
    except MalformedAvro:
        return None
    return read if encode(read) else None


def whole_life() -> tuple[Desk, list[str]]:
    """An order that is replaced, filled, corrected, cancelled; and all the ids that lead to it."""
    desk = Desk()
    first = desk.works(quantity_lots=4)
    desk.report(first, EXEC_TYPE_NEW)
    second = desk.replace(first, quantity_lots=6, price_e9=PRICE_E9 + E9)
    desk.report(second, EXEC_TYPE_REPLACED, orig_order_id=first.order_id)
    desk.trade(second, 2, exec_type=EXEC_TYPE_PARTIAL_FILL, fee_minor=90)
    third = desk.replace(second, quantity_lots=8)
    desk.report(third, EXEC_TYPE_CANCEL_REJECTED)
    cancel(desk, second.order_id)
    desk.report(second, EXEC_TYPE_CANCELED, cum_lots=2)
    return desk, [first.order_id, second.order_id, third.order_id, "c-1"]


def test_any_id_of_the_chain_leads_to_the_same_story() -> None:
    desk, ids = whole_life()
    other = desk.works()
    stories = [story_to_json(story_of(desk, order_id)) for order_id in ids]
    for story, order_id in zip(stories, ids, strict=True):
        assert story["order_id"] == order_id
        assert story | {"order_id": ""} == stories[0] | {"order_id": ""}
    assert (stories[0]["root_order_id"], stories[0]["ids"]) == (ids[0], ids)
    assert stories[0]["order_state"] == "ENDED"
    assert [step["kind"] for step in stories[0]["steps"]].count("REPORT") == 5
    assert len(story_of(desk, other.order_id).steps) == 1
    json.dumps(stories)


# -- what it says


def test_a_whole_life_in_words() -> None:
    desk, ids = whole_life()
    story = story_of(desk, ids[0])
    said = [lines(step)[0].text for step in story.steps]
    assert said == [
        "NEW o2: buy 4 ESX at 5,000, LIMIT GTC",
        "The venue acknowledged o2.",
        "REPLACE r4: change o2 to buy 6 ESX at 5,001, LIMIT GTC; the quantity is the total",
        "The venue carried out the replace r4.",
        "Filled in part: 2 lots at 5,001, fee 90.",
        "REPLACE r7: change r4 to buy 8 ESX at 5,001, LIMIT GTC; the quantity is the total",
        "The venue refused the request r7.",
        "CANCEL c-1: cancel r4",
        "The venue cancelled r4, with 2 lots filled in all.",
    ]
    assert "400,400 USD more are held." in texts(story.steps[0])
    assert [line.text for line in standing(story.steps[4])] == [
        "order: WORKING, filled 2, open 4, held for it 400 (-200) USD",
        "USD: cash 9,999,910 (-90), held 600,400 (-200), available 9,399,510",
        "ESX: position 2, working buys 4, working sells 0, margin 600,000 USD",
    ]
    sequence = len(desk.gate.audit) - 4
    assert place(story.steps[4]) == (
        f"2023-11-14T22:13:20.000000Z  lane 0, sequence {sequence}  fills[0]@2"
    )
    assert ending(story) == "ENDED: It holds nothing any more. Filled 2 lots."


def test_a_rejection_says_in_plain_words_what_the_check_saw() -> None:
    desk = Desk()
    order = desk.new(quantity_lots=25, price_e9=2 * PRICE_E9)
    desk.send(order)
    (step,) = story_of(desk, order.order_id).steps
    said = texts(step)
    assert "Rejected ORDER_QUANTITY: The quantity is above the limit." in said
    assert "It came to 25 lots; at most 20 are allowed (limit version 40): 5 too many." in said
    assert "It would also have failed ORDER_NOTIONAL, PRICE_COLLAR." in said
    assert step.decision is not None
    vector = {line.check: line for line in check_lines(step.decision)}
    assert vector["ORDER_QUANTITY"][1:] == ("FAIL", "ORDER_QUANTITY", "25", "20", "-5", "40")
    assert vector["EVENT_TIME"].observed == "0.000 ms"


def late(desk: Desk) -> dict[str, Any]:
    return {"event_time": desk.world.now_us - 6_000_001}


def over(desk: Desk) -> dict[str, Any]:
    return {"expires_at": desk.world.now_us - 1}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (late, "It was 6.000001 s old; at most 5.000000 s are allowed (limit version 30)."),
        (lambda d: {"event_time": d.world.now_us + 2_000_000}, "ahead of gate time"),
        (over, "It was over at 2023-11-14T22:13:19.999999Z; gate time was"),
        (lambda _: {"instrument_id": "NOPE"}, "INSTRUMENT_UNKNOWN: The instrument is not defined."),
        (lambda _: {"price_e9": PRICE_E9 + 1}, "PRICE_INCREMENT: The price is not a multiple"),
    ],
)
def test_each_kind_of_figure_reads_in_its_own_unit(changes: Any, said: str) -> None:
    desk = Desk()
    order = desk.new(**changes(desk))
    desk.send(order)
    assert said in texts(story_of(desk, order.order_id).steps[0])


def test_short_of_money() -> None:
    desk = Desk()
    desk.control(changed(ESX, margin_minor_per_lot=9_000_000))
    order = desk.new(quantity_lots=2)
    desk.send(order)
    said = texts(story_of(desk, order.order_id).steps[0])
    assert "It would hold 18,000,200 more; 10,000,000 were available: 8,000,200 short." in said


def test_a_market_order_has_its_protection_price() -> None:
    desk = Desk()
    order = desk.works(order_type=ORDER_TYPE_MARKET, price_e9=None)
    said = texts(story_of(desk, order.order_id).steps[0])
    assert "buy 1 ESX, MARKET GTC" in said
    assert "The venue may fill it at 5,050 or better." in said


def test_repeats_and_a_second_use_of_the_id() -> None:
    desk = Desk()
    order = desk.works()
    desk.send(order)
    desk.send(changed(order, quantity_lots=2))
    _, again, other = story_of(desk, order.order_id).steps
    first = len(desk.gate.audit) - 2
    assert f"The same record again: answered ACCEPTED as at lane sequence {first}" in texts(again)
    assert "Rejected DUPLICATE_ID" in texts(other)


def test_busts_corrections_repeats_and_late_fills() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    desk.trade(order, 1, exec_type=EXEC_TYPE_PARTIAL_FILL)
    first = desk.world.fills[-1].exec_id
    desk.report_again()
    desk.report(
        order, EXEC_TYPE_TRADE_CORRECT, exec_ref_id=first, last_lots=1, last_price_e9=PRICE_E9 - E9
    )
    right = desk.world.fills[-1].exec_id
    desk.report(order, EXEC_TYPE_TRADE_CANCEL, exec_ref_id=right)
    desk.report(order, EXEC_TYPE_TRADE_CANCEL, exec_ref_id=right)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=0)
    desk.trade(order, 1)
    story = story_of(desk, order.order_id)
    said = [texts(step) for step in story.steps]
    assert "REPEATED_EXEC: This execution report was applied before; ignored." in said[2]
    assert f"The venue corrected the trade {first} to 1 lot at 4,999, fee 0." in said[3]
    assert f"The venue busted the trade {right}." in said[4]
    assert "REPEATED_BUST" in said[5]
    assert "LATE_FILL" in said[7]
    after = story.steps[7].after
    assert after is not None
    assert (after.order_state, after.filled_lots) == ("ENDED", 1)


def test_fills_that_are_still_to_come() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=3)
    desk.report(order, EXEC_TYPE_CANCELED, cum_lots=1)
    last = story_of(desk, order.order_id).steps[-1]
    assert "1 lot filled are still to come, and held for." in texts(last)


def test_expiry_and_orphans_are_told_with_what_they_released() -> None:
    desk = Desk()
    order = desk.works(expires_at=desk.world.now_us + 1_000)
    desk.wait(1)
    desk.trade(order, 1)
    story = story_of(desk, order.order_id)
    _, swept, filled = story.steps
    assert f"The gate ended {order.order_id}. EXPIRED: The order's time is over." in texts(swept)
    assert "100,100 USD are held no more." in texts(swept)
    assert "LATE_FILL" in texts(filled)
    assert swept.after is None
    assert filled.after is not None
    assert swept.decision is not None
    assert story_of(desk, swept.decision.order_id).ids == story.ids
    rendered = story_to_json(story)["steps"][1]
    assert (rendered["kind"], rendered["reason_code"]) == ("SWEEP", "EXPIRED")


def test_dead_letters_belong_to_the_story() -> None:
    desk = Desk()
    order = desk.works()
    desk.world.send("orders", b"somebody", encode_order(order))
    desk.report(order, EXEC_TYPE_TRADE_CANCEL)
    story = story_of(desk, order.order_id)
    keyless, report = story.steps[1:]
    assert "Dead letter KEY_MISMATCH" in texts(keyless)
    assert "Dead letter EXEC_REF_MISSING" in texts(report)
    assert [line.tone for line in lines(report)][-1] == BAD


# -- whose it is, and what cannot be told


def test_of_several_users_one_must_be_named() -> None:
    desk = Desk()
    desk.control(UserAccount(USERS[1], TENANT, "gold", 0))
    desk.order(order_id="same")
    desk.order(order_id="same", user_id=USERS[1])
    with pytest.raises(SeveralUsersError) as raised:
        story_of(desk, "same")
    assert raised.value.users == [(USERS[0], LANE), (USERS[1], LANE)]
    story = told(desk.gate.audit, "same", USERS[1])
    assert (story.user_id, len(story.steps)) == (USERS[1], 1)


def test_an_order_that_nobody_sent() -> None:
    desk = Desk()
    for user_id in (None, USER):
        with pytest.raises(UnknownOrderError, match="never"):
            told(desk.gate.audit, "never", user_id)


def test_what_only_refers_to_an_order_is_found_by_its_id() -> None:
    desk = Desk()
    cancel(desk, "unheard-of")
    for order_id in ("unheard-of", "c-1"):
        story = story_of(desk, order_id)
        assert story.root_id == "unheard-of"
        assert "Rejected ORIG_ORDER_UNKNOWN" in texts(story.steps[0])


def test_a_lane_that_does_not_begin_at_its_start_is_told_without_money() -> None:
    desk, ids = whole_life()
    story = told(desk.gate.audit[3:], ids[0])
    assert len(story.steps) == 9
    assert [step.after for step in story.steps] == [None] * 9
    assert "begins at sequence 4" in (story.left_out or "")
    assert ending(story) is None
    assert story_to_json(story)["order_state"] is None


def altered(body: bytes, **changes: Any) -> bytes:
    record = decode_audit_record(body)
    fields = {name: getattr(record, name) for name in FIELDS}
    return encode_audit_record(AuditRecord(**(fields | changes)))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"state_digest": bytes(32)}, "comes to another result"),
        ({"core_version": 99}, "needs core 99"),
        ({"source_topic": "elsewhere"}, "elsewhere is no input"),
        ({"lane_sequence": 99}, "was due"),
    ],
)
def test_figures_are_told_as_long_as_the_replay_comes_to_them(
    changes: dict[str, Any], why: str
) -> None:
    desk, ids = whole_life()
    bodies = list(desk.gate.audit)
    # The fill, which is the fifth of its nine steps.
    bodies[-5] = altered(bodies[-5], **changes)
    story = told(bodies, ids[0])
    known = [step.after is not None for step in story.steps]
    assert known[:4] == [True] * 4
    assert not any(known[4:])
    assert why in (story.left_out or "")


def test_a_record_that_cannot_be_read_is_noted() -> None:
    desk, ids = whole_life()
    bodies = list(desk.gate.audit)
    bodies.insert(11, USER.encode() + b"\x80" * 40)
    story = told(bodies, ids[0])
    assert "cannot be read" in story.notes[0]
    assert "cannot be replayed" in (story.left_out or "")
    assert len(story.steps) == 9


def test_records_in_other_lanes_are_told_too() -> None:
    """An order that was sent to the wrong partition leaves its trace there."""
    desk = Desk()
    astray = desk.new(user_id=ELSEWHERE)
    desk.send(astray)
    story = story_of(desk, astray.order_id)
    assert "Dead letter WRONG_PARTITION" in texts(story.steps[0])
    assert "no record of it lies where those of the user belong" in (story.left_out or "")
    with pytest.raises(UnknownOrderError):
        told(desk.gate.audit, astray.order_id, ELSEWHERE)


def test_converted_notional_names_its_rate() -> None:
    desk = Desk()
    desk.control(fx_pair("EUR-USD"))
    desk.mark("EUR-USD", 1_080_000_000)
    desk.control(usual_limits(notional_currency="EUR"))
    said = texts(story_of(desk, desk.works().order_id).steps[0])
    rate = "Its notional was converted by EUR-USD: 1.08 as of 2023-11-14T22:13:20.000000Z."
    assert rate in said


def test_pledges_are_told_by_their_rates_and_so_is_their_end() -> None:
    desk = pledging(haircut_bps=300)
    order = desk.works()
    desk.trade(order, 1, fee_minor=40)
    told_order, told_fill = story_of(desk, order.order_id).steps
    rate = "by EUR-USD: 1.25 as of 2023-11-14T22:13:20.000000Z, less 300 bps (collateral version "
    assert f"82,557 EUR are pledged for 100,100 USD, {rate}" in texts(told_order)
    stood = [line.text for line in standing(told_order)]
    held = "USD: cash 0, held 100,100 (+100,100), covered 100,100 (+100,100), available 0"
    assert held in stood
    assert "EUR: cash 200,000, held 0, pledged 82,557 (+82,557), available 117,443" in stood
    stood = [line.text for line in standing(told_fill)]
    assert ("USD: cash -40 (-40), held 100,000 (-100), covered 100,040 (-60), available 0") in stood
    assert "EUR: cash 200,000, held 0, pledged 82,508 (-49), available 117,492" in stood


def test_what_covered_an_order_is_told_to_the_last() -> None:
    desk = pledging()
    order = desk.works()
    desk.report(order, EXEC_TYPE_CANCELED)
    last = standing(story_of(desk, order.order_id).steps[-1])
    said = "EUR: cash 200,000, held 0, pledged 0 (-80,080), available 200,000"
    assert said in [line.text for line in last]


def test_a_rejection_says_what_would_have_been_pledged_and_what_was_missing() -> None:
    desk = pledging(euros=1_000)
    order = desk.new()
    desk.send(order)
    said = texts(story_of(desk, order.order_id).steps[0])
    assert "It would hold 100,100 more; 1,250 were available: 98,850 short." in said
    assert "1,000 EUR would have been pledged for 1,250 minor units, by EUR-USD: 1.25" in said
    desk.wait(60_001)
    desk.mark("ESX", PRICE_E9)
    stale = desk.new()
    desk.send(stale)
    said = texts(story_of(desk, stale.order_id).steps[0])
    assert "Rejected FX_STALE: The rate to convert by is too old." in said


def test_a_report_that_overtakes_its_request_is_in_the_same_story() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    request = desk.replacement(order, quantity_lots=3)
    desk.trade(request, 1, exec_type=EXEC_TYPE_PARTIAL_FILL)
    desk.send(request)
    story = story_of(desk, order.order_id)
    assert "UNKNOWN_ORDER" in texts(story.steps[1])
    assert story.ids == [order.order_id, request.order_id]
    assert story_of(desk, request.order_id).root_id == order.order_id


def test_exempt_checks_are_named() -> None:
    desk = Desk()
    desk.control(usual_limits(order_quantity_lots_max=1))
    desk.control(changed(POLICY, checks_exempt=["ORDER_QUANTITY"]))
    order = desk.works(quantity_lots=2)
    assert "but for ORDER_QUANTITY, which the policy exempts" in texts(
        story_of(desk, order.order_id).steps[0]
    )


def test_prices_read_as_decimals() -> None:
    assert price_text(5_120_250_000_000) == "5,120.25"
    assert price_text(-1) == "-0.000000001"
    assert price_text(0) == "0"
