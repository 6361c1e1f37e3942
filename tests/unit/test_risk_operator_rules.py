"""The operator's own rules: published, judged in order, told, latched, withdrawn."""

import pytest

from pipeline.risk.check_rules import RULES_MAX
from pipeline.risk.records import (
    CHECK_SEVERITY_LATCH,
    CHECK_SEVERITY_NOTIFY,
    CHECK_SEVERITY_REJECT,
    ORDER_TYPE_MARKET,
    SIDE_SELL,
    DayClose,
    Listing,
    Rule,
)
from pipeline.risk.rule_fields import FIELDS
from tests.oracle.checks import Check
from tests.property.desk import LIMITS, PRICE_E9, Desk, check
from tests.property.world import DAY_MS, START_MS

REJECT = CHECK_SEVERITY_REJECT


def rule(expression: str, rule_id: str = "house", severity: int = REJECT) -> Rule:
    """A rule that is enabled."""
    return Rule(rule_id, expression, severity, True)


def test_an_order_passes_while_the_expression_is_true() -> None:
    desk = Desk()
    desk.control(rule("quantity_lots <= 2"))
    version = desk.world.controls[-1].version
    answer = desk.order(quantity_lots=2)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "RULE:house") == Check("RULE:house", "PASS", limit_version=version)
    answer = desk.order(quantity_lots=3)
    assert answer.reason_code == "RULE_REFUSED"
    assert check(answer, "RULE:house") == Check(
        "RULE:house", "FAIL", "RULE_REFUSED", limit_version=version
    )
    assert answer.decision is not None
    assert answer.decision.passing_lots_max == 2


def test_rules_are_judged_last_in_order_of_their_ids() -> None:
    desk = Desk()
    for name in ("b", "a", "c"):
        desk.control(rule("true", name))
    answer = desk.order()
    assert answer.decision is not None
    assert [line.check for line in answer.decision.checks][-3:] == ["RULE:a", "RULE:b", "RULE:c"]


@pytest.mark.parametrize(
    "expression",
    [
        "quantity_lots / (position_lots - position_lots) == 1",
        "quantity_lots % 0 == 0",
        "price_e9 * price_e9 > 0",
        'trader_id == "t-7"',
    ],
)
def test_a_rule_that_cannot_be_computed_refuses(expression: str) -> None:
    desk = Desk()
    desk.control(rule(expression))
    assert desk.order().reason_code == "RULE_ERROR"


def test_a_rule_can_tell_and_let_pass() -> None:
    desk = Desk()
    desk.control(rule('side == "BUY"', severity=CHECK_SEVERITY_NOTIFY))
    answer = desk.order(side=SIDE_SELL)
    assert answer.reason_code == "ACCEPTED"
    assert check(answer, "RULE:house").result == "NOTIFIED"
    assert desk.event_types() == ["NEWO", "ALERT"]


def test_a_rule_can_latch_until_a_person_releases_it() -> None:
    desk = Desk()
    desk.control(rule("quantity_lots < 5", severity=CHECK_SEVERITY_LATCH))
    assert desk.order(quantity_lots=5).reason_code == "RULE_REFUSED"
    assert desk.event_types() == ["REMO", "LATCH"]
    assert desk.order().reason_code == "LATCHED"


def test_a_replace_is_judged_and_a_cancel_never() -> None:
    desk = Desk()
    order = desk.works()
    desk.control(rule('action == "NEW" && quantity_lots < 1'))
    assert desk.send(desk.replacement(order, quantity_lots=2)).reason_code == "RULE_REFUSED"
    answer = desk.cancel(order.order_id)
    assert answer.reason_code == "ACCEPTED"
    assert answer.decision is not None
    assert "RULE:house" not in [line.check for line in answer.decision.checks]


def test_a_rule_is_replaced_by_its_id_and_withdrawn() -> None:
    desk = Desk()
    desk.control(rule("false", severity=CHECK_SEVERITY_NOTIFY))
    desk.control(rule("false"))
    assert desk.order().reason_code == "RULE_REFUSED"
    desk.control(Rule("house", "false", REJECT, enabled=False))
    assert desk.order().reason_code == "ACCEPTED"


def test_rules_in_force_survive_a_restart() -> None:
    desk = Desk()
    desk.control(rule("quantity_lots <= 2"))
    desk.gate.restart()
    assert desk.order(quantity_lots=3).reason_code == "RULE_REFUSED"


def test_a_rule_that_does_not_compile_changes_nothing() -> None:
    desk = Desk()
    desk.control(rule("quantity_lots <= 2"))
    answer = desk.control(rule("quantity_lots <= "))
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "BAD_CONTROL")
    assert desk.order(quantity_lots=3).reason_code == "RULE_REFUSED"
    assert desk.control(rule("true", "")).reason_code == "BAD_CONTROL"
    assert desk.control(rule("true", "x" * 65)).reason_code == "BAD_CONTROL"


def test_no_more_rules_are_enabled_than_an_order_can_be_judged_by() -> None:
    desk = Desk()
    for number in range(64):
        assert desk.control(rule("true", f"r{number}")).reason_code == "APPLIED"
    assert desk.control(rule("true", "one more")).reason_code == "BAD_CONTROL"
    assert desk.control(rule("false", "r7")).reason_code == "APPLIED"
    later = desk.world.now_us + 1_000_000
    assert desk.control(rule("true", "one more"), later).reason_code == "BAD_CONTROL"
    assert desk.control(Rule("one more", "true", REJECT, enabled=False)).reason_code == "APPLIED"
    assert desk.order().reason_code == "RULE_REFUSED"


def test_rules_that_wait_count_among_those_that_are_enabled() -> None:
    desk = Desk()
    for number in range(RULES_MAX - 1):
        desk.control(rule("true", f"r{number}"))
    later = desk.world.now_us + 1_000_000
    assert desk.control(rule("true", "later"), later).reason_code == "PENDING"
    assert desk.control(rule("true", "later"), later).reason_code == "PENDING"
    assert desk.control(rule("true", "one more")).reason_code == "BAD_CONTROL"


@pytest.mark.parametrize(
    ("expression", "changes"),
    [
        ('action == "NEW" && order_type == "LIMIT" && time_in_force == "GTC"', {}),
        ('side == "SELL"', {"side": SIDE_SELL}),
        ('tier_id == "gold" && tenant_id != "" && source_system_id == "desk"', {}),
        ('trader_id == "t"', {"trader_id": "t"}),
        ('algo_id == "a"', {"algo_id": "a"}),
        ('desk_id == "d"', {"desk_id": "d"}),
        ('counterparty_id == "c"', {"counterparty_id": "c"}),
        ('instrument_id == "ESX" && user_id != ""', {}),
        (f"quantity_lots == 2 && price_e9 == {PRICE_E9}", {"quantity_lots": 2}),
        ("notional_minor == 50000000", {"quantity_lots": 2}),
        (f"mark_e9 == {PRICE_E9}", {}),
        ("position_lots == 0 && working_buy_lots == 3 && working_sell_lots == 0", {}),
        ("open_orders_count == 1", {}),
        ("age_ms == 0 && !reduces && !reduce_only", {}),
    ],
)
def test_fields_have_the_values_of_the_order(expression: str, changes: dict[str, object]) -> None:
    desk = Desk()
    desk.works(quantity_lots=3)
    desk.control(rule(expression))
    assert desk.order(**changes).reason_code == "ACCEPTED"


@pytest.mark.parametrize("lots", [1, 4])
def test_what_is_true_or_false_can_stand_alone(lots: int) -> None:
    desk = Desk()
    desk.bought(3)
    closes = lots == 1
    desk.control(rule("reduces" if closes else "!reduces"))
    assert desk.order(side=SIDE_SELL, quantity_lots=lots).reason_code == "ACCEPTED"
    desk.control(rule("reduce_only" if closes else "!reduce_only"))
    answer = desk.order(side=SIDE_SELL, quantity_lots=lots, reduce_only=closes)
    assert answer.reason_code == "ACCEPTED"


def test_messages_are_those_of_the_open_day() -> None:
    desk = Desk()
    desk.works()
    desk.control(rule("messages_today == 1"))
    desk.works()
    assert check(desk.order(), "RULE:house").reason == "RULE_REFUSED"
    desk.control(DayClose(START_MS // DAY_MS))
    desk.control(rule("messages_today == 0"))
    desk.works()


def test_an_age_is_in_whole_milliseconds() -> None:
    desk = Desk()
    desk.control(rule("age_ms == 7"))
    assert desk.order(event_time=desk.world.now_us - 7_900).reason_code == "ACCEPTED"


def test_rules_that_wait_to_be_withdrawn_and_other_records_are_no_rules() -> None:
    desk = Desk()
    for number in range(RULES_MAX - 1):
        desk.control(rule("true", f"r{number}"))
    later = desk.world.now_us + 1_000_000
    assert desk.control(Rule("gone", "true", REJECT, False), later).reason_code == "PENDING"
    assert desk.control(Listing("ESX", None, None), later).reason_code == "PENDING"
    assert desk.control(rule("true", "one more")).reason_code == "APPLIED"


def test_a_market_order_has_the_price_it_is_judged_at() -> None:
    desk = Desk()
    desk.control(rule(f"price_e9 > {PRICE_E9} && notional_minor > 0"))
    market = {"order_type": ORDER_TYPE_MARKET, "price_e9": None}
    assert desk.order(**market).reason_code == "ACCEPTED"


@pytest.mark.parametrize(
    ("expression", "changes"),
    [
        ("position_lots == 0", {"instrument_id": "NOPE"}),
        ("mark_e9 > 0", {"instrument_id": "ACME"}),
        ("price_e9 > 0", {"price_e9": None}),
        ("notional_minor > 0", {"quantity_lots": 0}),
        ("notional_minor >= 0", {"price_e9": None}),
        ("open_orders_count == 0", {"user_id": "stranger-5"}),
        ('tier_id == "gold"', {"user_id": "stranger-5"}),
    ],
)
def test_a_field_without_a_value_is_an_error(expression: str, changes: dict[str, object]) -> None:
    desk = Desk()
    desk.control(rule(expression))
    assert check(desk.order(**changes), "RULE:house").reason == "RULE_ERROR"


def test_a_notional_beyond_64_bits_is_no_value() -> None:
    desk = Desk(LIMITS)
    desk.control(rule("notional_minor > 0"))
    huge = {"quantity_lots": 10**12, "price_e9": 10**18}
    assert check(desk.order(**huge), "RULE:house").reason == "RULE_ERROR"


def test_every_field_is_explained_with_an_example() -> None:
    assert all(example and meaning for _, example, meaning in FIELDS.values())
