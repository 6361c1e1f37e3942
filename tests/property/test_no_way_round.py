"""No way round the checks: whoever asks for what, every check that the rules name has looked at it.

The names are those of the tables in docs/rules.md, not those of the registry.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given

from pipeline.codecs.avro import decode_decision
from pipeline.risk.checks.registry import CATALOG
from pipeline.risk.records import (
    CHECK_OUTCOME_EXEMPT,
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_NOT_EVALUATED,
    CHECK_OUTCOME_NOTIFIED,
    CHECK_SEVERITY_NOTIFY,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NAMES,
    ORDER_ACTION_NEW,
    ORDER_TYPE_MARKET,
    SIDE_SELL,
    VERDICT_ACCEPTED,
    CheckPolicy,
    CheckResult,
    Decision,
)
from tests.property.desk import Desk
from tests.property.gate import Gate
from tests.property.histories import make_history
from tests.property.strategies import STEPS
from tests.property.world import STRANGER, usual_policy

pytestmark = pytest.mark.property

RULES: Final = Path(__file__).parents[2] / "docs/rules.md"
LETTERS: Final = {"N": "NEW", "R": "REPLACE", "C": "CANCEL"}
RULE: Final = "RULE:"


def table() -> Iterable[tuple[str, str, bool]]:
    """Name, letters of the actions and whether it can be exempt, in the rules' order."""
    text = RULES.read_text().partition("| check | of | fails with |")[2].partition("\n\n")[0]
    for row in text.splitlines()[2:]:
        names, actions = (cell.strip() for cell in row.strip("|").split("|")[:2])
        for name in names.split(","):
            stripped = name.removesuffix(" x").removesuffix(" all").strip()
            if stripped and re.fullmatch("[A-Z_]+", stripped):
                yield stripped, actions, names.endswith(" x")


TABLE: Final = tuple(table())
EXEMPTIBLE: Final = tuple(name for name, _, exemptible in TABLE if exemptible)


def names_for(action: int) -> list[str]:
    """The checks that the rules have for an action."""
    return [
        name
        for name, letters, _ in TABLE
        if ORDER_ACTION_NAMES[action] in {LETTERS[letter] for letter in letters}
    ]


def assert_every_check_looked(decision: Decision) -> None:
    """Each of them is in the vector, in order; behind them operators' own rules and no others."""
    shown = [line.check for line in decision.checks]
    due = names_for(decision.action)
    assert shown[: len(due)] == due
    own = shown[len(due) :]
    assert own == sorted(own)
    assert all(name.startswith(RULE) for name in own)


def accepted(desk: Desk, record: Any) -> dict[str, CheckResult]:
    """The vector of an order that must be accepted, by check."""
    desk.world.send_order(record)
    output = desk.gate.apply(desk.world.sent.pop())
    assert output.decision is not None
    decision = decode_decision(output.decision)
    assert decision.reason_code == "ACCEPTED"
    assert_every_check_looked(decision)
    return {line.check: line for line in decision.checks}


def test_the_registry_and_the_rules_name_the_same_checks() -> None:
    assert [name for name, _, _ in TABLE] == list(CATALOG.by_name)
    assert set(EXEMPTIBLE) == CATALOG.exemptible


@given(STEPS)
def test_every_decided_order_shows_every_check_of_its_action(steps: list[int]) -> None:
    gate = Gate()
    for given_input in make_history(steps):
        output = gate.apply(given_input)
        if output.decision is None:
            continue
        decision = decode_decision(output.decision)
        if decision.duplicate_of is not None:
            continue
        if decision.verdict == VERDICT_ACCEPTED or decision.checks[0].check != "IDENTITY":
            assert_every_check_looked(decision)
        if decision.verdict == VERDICT_ACCEPTED:
            assert CHECK_OUTCOME_FAIL not in {line.result for line in decision.checks}


def test_what_works_was_accepted_with_a_whole_vector() -> None:
    desk = Desk()
    order = desk.new(quantity_lots=4)
    vector = accepted(desk, order)
    assert CHECK_OUTCOME_NOT_EVALUATED not in {line.result for line in vector.values()}


def test_a_market_order_meets_every_check() -> None:
    desk = Desk()
    vector = accepted(desk, desk.new(order_type=ORDER_TYPE_MARKET, price_e9=None))
    for name in ("MARKET_BOUND", "PRICE_COLLAR", "PERIOD_COLLAR", "SELF_MATCH", "BUYING_POWER"):
        assert vector[name].result not in (CHECK_OUTCOME_NOT_EVALUATED, CHECK_OUTCOME_EXEMPT)


def test_an_order_that_may_only_reduce_meets_every_check() -> None:
    desk = Desk()
    desk.bought(3)
    vector = accepted(desk, desk.new(side=SIDE_SELL, quantity_lots=2, reduce_only=True))
    assert CHECK_OUTCOME_NOT_EVALUATED not in {line.result for line in vector.values()}


def test_a_replace_meets_every_check_of_a_replace() -> None:
    desk = Desk()
    order = desk.works(quantity_lots=2)
    vector = accepted(desk, desk.replacement(order, quantity_lots=5))
    assert CHECK_OUTCOME_NOT_EVALUATED not in {line.result for line in vector.values()}


def test_a_cancel_meets_every_check_of_a_cancel() -> None:
    desk = Desk()
    order = desk.works()
    accepted(
        desk,
        desk.new(
            action=ORDER_ACTION_CANCEL,
            orig_order_id=order.order_id,
            quantity_lots=0,
            price_e9=None,
        ),
    )


def test_while_all_that_can_be_is_exempt_every_other_check_looks() -> None:
    desk = Desk()
    desk.control(usual_policy(checks_exempt=list(EXEMPTIBLE)))
    vector = accepted(desk, desk.new())
    exempt = {name for name, line in vector.items() if line.result == CHECK_OUTCOME_EXEMPT}
    assert exempt == set(EXEMPTIBLE) & set(names_for(ORDER_ACTION_NEW))
    others = {line.result for name, line in vector.items() if name not in exempt}
    assert CHECK_OUTCOME_NOT_EVALUATED not in others
    assert desk.order(user_id=STRANGER).reason_code == "USER_UNKNOWN"
    assert desk.order(quantity_lots=10**9).reason_code == "BUYING_POWER"


def test_while_all_that_can_be_only_notifies_what_fails_is_shown() -> None:
    desk = Desk()
    for name in EXEMPTIBLE:
        desk.control(CheckPolicy(name, CHECK_SEVERITY_NOTIFY, None))
    vector = accepted(desk, desk.new(quantity_lots=21))
    assert vector["ORDER_QUANTITY"].result == CHECK_OUTCOME_NOTIFIED
    assert vector["ORDER_QUANTITY"].headroom == -1
