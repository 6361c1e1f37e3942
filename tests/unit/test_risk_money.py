"""Money that moves without a trade: facts, but for a withdrawal request; and deficits."""

from typing import Any

import pytest

from pipeline.risk.money import divide_half_even, divide_up
from pipeline.risk.records import (
    DEPOSIT_KIND_ADJUSTMENT,
    DEPOSIT_KIND_DEPOSIT,
    DEPOSIT_KIND_SETTLEMENT,
    DEPOSIT_KIND_WITHDRAWAL_FAILED,
    DEPOSIT_KIND_WITHDRAWAL_REQUEST,
    DEPOSIT_KIND_WITHDRAWAL_SETTLED,
)
from tests.property.desk import ACCOUNT, FUNDS, USER, Desk
from tests.property.histories import WINDOW_MS

REQUEST = DEPOSIT_KIND_WITHDRAWAL_REQUEST
SETTLED = DEPOSIT_KIND_WITHDRAWAL_SETTLED
FAILED = DEPOSIT_KIND_WITHDRAWAL_FAILED


def test_each_kind_of_money_has_its_column() -> None:
    desk = Desk()
    desk.money(DEPOSIT_KIND_DEPOSIT, 5)
    assert desk.event_types() == ["DPST"]
    desk.money(DEPOSIT_KIND_SETTLEMENT, -3)
    assert desk.event_types() == ["STTL"]
    desk.money(DEPOSIT_KIND_ADJUSTMENT, 2)
    assert desk.event_types() == ["ADJT"]
    row = desk.balance()
    assert (row.cash_minor, row.deposited_minor, row.adjusted_minor) == (FUNDS + 4, FUNDS + 5, -1)


def test_a_withdrawal_is_held_until_it_settles() -> None:
    desk = Desk()
    assert desk.money(REQUEST, 600, withdrawal_id="w").reason_code == "APPLIED"
    assert desk.event_types() == ["WDRQ"]
    row = desk.balance()
    assert (row.held_minor, row.pending_withdrawals_minor, row.cash_minor) == (600, 600, FUNDS)
    # The bank took its charge: what settles is not quite what was asked for.
    desk.money(SETTLED, 590, withdrawal_id="w")
    assert desk.event_types() == ["WDST"]
    row = desk.balance()
    assert (row.held_minor, row.pending_withdrawals_minor) == (0, 0)
    assert (row.cash_minor, row.withdrawn_minor) == (FUNDS - 590, 590)
    assert desk.gate.withdrawals() == {}


def test_a_withdrawal_that_fails_is_held_no_longer() -> None:
    desk = Desk()
    desk.money(REQUEST, 600, withdrawal_id="w")
    desk.money(FAILED, 600, withdrawal_id="w")
    assert desk.event_types() == ["WDFL"]
    assert (desk.balance().held_minor, desk.balance().cash_minor) == (0, FUNDS)


def test_a_withdrawal_that_would_break_a_hold_is_refused() -> None:
    desk = Desk()
    desk.works()
    free = FUNDS - desk.balance().held_minor
    answer = desk.money(REQUEST, free + 1, withdrawal_id="w")
    assert (answer.outcome, answer.reason_code) == ("FACT", "WITHDRAWAL_REFUSED")
    assert desk.event_types() == ["WDRJ"]
    assert desk.money(REQUEST, free, withdrawal_id="w").reason_code == "APPLIED"


def test_a_withdrawal_is_asked_for_once() -> None:
    desk = Desk()
    desk.money(REQUEST, 600, withdrawal_id="w")
    answer = desk.money(REQUEST, 600, withdrawal_id="w")
    assert (answer.outcome, answer.reason_code) == ("FACT", "WITHDRAWAL_REPEATED")
    assert desk.balance().held_minor == 600


@pytest.mark.parametrize("kind", [SETTLED, FAILED])
def test_only_what_was_asked_for_in_that_currency_can_end(kind: int) -> None:
    desk = Desk()
    desk.money(REQUEST, 600, withdrawal_id="w")
    for changes in ({"withdrawal_id": "x"}, {"withdrawal_id": "w", "currency": "EUR"}):
        answer = desk.money(kind, 600, changes.pop("currency", "USD"), **changes)
        assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "WITHDRAWAL_UNKNOWN")


@pytest.mark.parametrize(
    ("kind", "amount", "changes", "reason"),
    [
        (DEPOSIT_KIND_DEPOSIT, 1, {"currency": ""}, "FIELD_TOO_LONG"),
        (DEPOSIT_KIND_DEPOSIT, 1, {"currency": "C" * 17}, "FIELD_TOO_LONG"),
        (DEPOSIT_KIND_DEPOSIT, 1, {"withdrawal_id": ""}, "FIELD_TOO_LONG"),
        (DEPOSIT_KIND_DEPOSIT, 1, {"deposit_id": "x" * 65}, "FIELD_TOO_LONG"),
        (DEPOSIT_KIND_DEPOSIT, 0, {}, "BAD_AMOUNT"),
        (DEPOSIT_KIND_DEPOSIT, -1, {}, "BAD_AMOUNT"),
        (DEPOSIT_KIND_SETTLEMENT, 0, {}, "BAD_AMOUNT"),
        (DEPOSIT_KIND_ADJUSTMENT, -(10**18) - 1, {}, "BAD_AMOUNT"),
        (DEPOSIT_KIND_WITHDRAWAL_REQUEST, 1, {}, "WITHDRAWAL_ID_MISSING"),
    ],
)
def test_money_out_of_bounds_is_a_dead_letter(
    kind: int, amount: int, changes: dict[str, Any], reason: str
) -> None:
    desk = Desk()
    answer = desk.money(kind, amount, changes.pop("currency", "USD"), **changes)
    assert (answer.outcome, answer.reason_code, answer.events) == ("DEAD_LETTER", reason, ())
    assert desk.balance().cash_minor == FUNDS


def test_a_movement_is_applied_once_within_the_window() -> None:
    desk = Desk()
    desk.money(DEPOSIT_KIND_DEPOSIT, 5, deposit_id="d")
    answer = desk.money(DEPOSIT_KIND_DEPOSIT, 5, deposit_id="d")
    assert (answer.outcome, answer.reason_code) == ("IGNORED", "REPEATED_DEPOSIT")
    then = desk.world.now_us
    desk.wait(WINDOW_MS + 1)
    answer = desk.money(DEPOSIT_KIND_DEPOSIT, 5, deposit_id="d", event_time=then)
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "FACT_TOO_OLD")
    assert desk.balance().cash_minor == FUNDS + 5


@pytest.mark.parametrize("sign", [1, -1])
def test_money_that_cannot_be_counted_is_refused(sign: int) -> None:
    desk = Desk()
    for _ in range(9):
        assert desk.money(DEPOSIT_KIND_ADJUSTMENT, sign * 10**18, "YEN").reason_code == "APPLIED"
    answer = desk.money(DEPOSIT_KIND_ADJUSTMENT, sign * 10**18, "YEN")
    assert (answer.outcome, answer.reason_code) == ("DEAD_LETTER", "OUT_OF_RANGE")
    assert desk.balance("YEN").cash_minor == sign * 9 * 10**18


def test_deposits_and_withdrawals_that_cannot_be_counted_are_refused() -> None:
    desk = Desk()
    desk.money(REQUEST, 1, withdrawal_id="last")
    for number in range(9):
        desk.money(DEPOSIT_KIND_DEPOSIT, 10**18)
        desk.money(REQUEST, 10**18, withdrawal_id=str(number))
        assert desk.money(SETTLED, 10**18, withdrawal_id=str(number)).reason_code == "APPLIED"
    assert desk.money(DEPOSIT_KIND_DEPOSIT, 10**18).reason_code == "OUT_OF_RANGE"
    assert desk.money(SETTLED, 10**18, withdrawal_id="last").reason_code == "OUT_OF_RANGE"


def test_money_of_a_user_nobody_has_registered_is_kept_for_him() -> None:
    desk = Desk(ACCOUNT)
    desk.money(DEPOSIT_KIND_DEPOSIT, 500_000)
    assert not desk.user().registered
    assert desk.order().reason_code == "USER_UNKNOWN"
    assert desk.user().messages_count == 1
    desk.control(ACCOUNT)
    desk.works()
    assert desk.balance().cash_minor == 500_000


def test_going_short_and_being_covered_again_are_told_once() -> None:
    desk = Desk()
    desk.works()
    held = desk.balance().held_minor
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -FUNDS)
    assert desk.event_types() == ["ADJT", "DEFICIT"]
    assert (desk.events[1].currency, desk.events[1].amount_minor) == ("USD", held)
    assert desk.user().deficit_count == 1
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -1)
    assert desk.event_types() == ["ADJT"]
    desk.money(DEPOSIT_KIND_DEPOSIT, held)
    assert desk.event_types() == ["DPST"]
    desk.money(DEPOSIT_KIND_DEPOSIT, 1)
    assert desk.event_types() == ["DPST", "DEFICIT_CURED"]
    assert desk.user().deficit_count == 0


def test_two_currencies_can_be_short_at_once() -> None:
    desk = Desk()
    order = desk.works(instrument_id="BTC-USD")
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -1, "EUR")
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -FUNDS)
    assert desk.user().deficit_count == 2
    desk.trade(order, 1)
    assert desk.user().deficit_count == 2


def test_money_of_a_tenant_nobody_knows_is_filed_under_unknown() -> None:
    desk = Desk()
    answer = desk.money(DEPOSIT_KIND_DEPOSIT, 1, tenant_id="nobody")
    assert [event.tenant for event in answer.events] == ["UNKNOWN"]


def test_a_withdrawal_row_is_its_users_own() -> None:
    desk = Desk()
    desk.money(REQUEST, 600, withdrawal_id="w")
    assert set(desk.gate.withdrawals()) == {(USER, "w")}


@pytest.mark.parametrize(
    ("numerator", "denominator", "up", "half_even"),
    [(5, 2, 3, 2), (7, 2, 4, 4), (-5, 2, -2, -2), (-7, 2, -3, -4), (4, 3, 2, 1), (6, 3, 2, 2)],
)
def test_division_rounds_as_the_rules_say(
    numerator: int, denominator: int, up: int, half_even: int
) -> None:
    assert divide_up(numerator, denominator) == up
    assert divide_half_even(numerator, denominator) == half_even


def test_a_user_who_is_short_of_the_least_is_in_deficit() -> None:
    desk = Desk()
    desk.works()
    available = desk.balance().cash_minor - desk.balance().held_minor
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -available)
    assert desk.event_types() == ["ADJT"]
    desk.money(DEPOSIT_KIND_ADJUSTMENT, -1)
    assert desk.event_types() == ["ADJT", "DEFICIT"]
    desk.money(DEPOSIT_KIND_ADJUSTMENT, 1)
    assert desk.event_types() == ["ADJT", "DEFICIT_CURED"]
    assert desk.user().deficit_count == 0
