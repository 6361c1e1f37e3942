"""Every cell of the fail-closed table: what each check does when something it needs is not there.

Owns a lane in which every check has all it needs, and how each condition takes something away. The
table itself is in the entries of `pipeline/risk/checks/registry.py`.
"""

from typing import Any, Final

import pytest

from pipeline.documents import fail_closed_cells
from pipeline.risk.checks.registry import CATALOG, ENTRIES
from pipeline.risk.fail_closed import CONDITIONS, PASSES, RULE
from pipeline.risk.records import (
    CHECK_SEVERITY_REJECT as _REJECT,
)
from pipeline.risk.records import (
    DEPOSIT_KIND_DEPOSIT,
    LIMIT_SCOPE_TIER,
    ORDER_TYPE_MARKET,
    SHORT_MARK_SHORT,
    SIDE_SELL,
    STATE_SCOPE_ALGORITHM,
    STATE_SCOPE_DESK,
    STATE_SCOPE_INSTRUMENT,
    TRADING_STATE_ACTIVE,
    CheckLimit,
    CheckPolicy,
    Listing,
    Rule,
    ScopeState,
    SessionCalendar,
)
from tests.oracle.auditor import Expected
from tests.oracle.definitions import Payload
from tests.property.desk import (
    ACCOUNT,
    ACME,
    ESX,
    FEES,
    FIRM,
    PRICE_E9,
    SHARE_PRICE_E9,
    Desk,
)
from tests.property.gate import Gate
from tests.property.histories import OTHER_TENANT, changed
from tests.property.world import World, fx_pair, usual_limits, usual_policy

_FOREIGN: Final = "EUR"
_BUY: Final = "BUY"
_MARKET: Final = "MARKET"
_SHORT: Final = "SHORT"
_REPLACE: Final = "REPLACE"
# Checks that judge only some orders, and such an order.
_PROBES: Final = {
    "MARKET_BOUND": _MARKET,
    "SHORT_SALE": _SHORT,
    "SHORT_MARK": _SHORT,
    "ORIG_ORDER": _REPLACE,
    "REPLACE": _REPLACE,
}
FAIL_CLOSED: Final = fail_closed_cells()
CHECKS: Final = [*(entry.name for entry in ENTRIES), RULE]


def payloads() -> dict[str, list[Payload]]:
    """All that a check may need, by the condition that takes it away."""
    limits = usual_limits(
        notional_currency=_FOREIGN, short_lots_max=10, locate_id="prime", position_lots_max=10**6
    )
    single = [
        CheckLimit(
            traits.name,
            LIMIT_SCOPE_TIER,
            "gold",
            None,
            traits.limit_max,
            10**18 if traits.has_allowance else None,
            currency=_FOREIGN if traits.in_money else None,
        )
        for traits in CATALOG.by_name.values()
        if traits.limited
    ]
    states: list[Payload] = [
        ScopeState(STATE_SCOPE_ALGORITHM, "twap", TRADING_STATE_ACTIVE),
        ScopeState(STATE_SCOPE_DESK, "rates", TRADING_STATE_ACTIVE),
        ScopeState(STATE_SCOPE_INSTRUMENT, "ESX", TRADING_STATE_ACTIVE),
    ]
    far = 10**18
    return {
        "NO_POLICY": [usual_policy()],
        "NO_FIRM_STATE": [FIRM],
        "NO_INSTRUMENT": [ESX, ACME],
        "NO_RATE": [fx_pair("EUR-USD")],
        "NO_LIMIT": [limits, *single],
        "NO_FEES": [FEES],
        "NO_LISTING": [Listing(name, "index", "days") for name in ("ESX", "ACME")],
        "NO_CALENDAR": [SessionCalendar("days", 0, far, [0], [far])],
        "NO_STATE": states,
        "NO_RULE": [Rule("house", "quantity_lots > 0 && price_e9 > 0", _REJECT, True)],
        "NO_USER": [ACCOUNT],
    }


INSTEAD: Final[dict[str, list[Payload]]] = {
    "NO_MARGIN": [
        changed(ESX, margin_minor_per_lot=None),
        changed(ACME, margin_minor_per_lot=None),
    ],
    "NO_SECTOR": [Listing(name, None, "days") for name in ("ESX", "ACME")],
    "ROUND_THE_CLOCK": [Listing(name, "index", None) for name in ("ESX", "ACME")],
    "CALENDAR_GAP": [SessionCalendar("days", 0, 1, [0], [1])],
    "OTHER_WINDOW": [CheckPolicy("PERIOD_COLLAR", _REJECT, 1_000_000)],
}
ORDERS: Final[dict[str, dict[str, Any]]] = {
    "OTHER_TENANT": {"tenant_id": OTHER_TENANT},
    "BAD_QUANTITY": {"quantity_lots": 0},
    "NO_PRICE": {"price_e9": None},
    "MARKET_WITH_PRICE": {"order_type": ORDER_TYPE_MARKET, "price_e9": PRICE_E9},
    "NO_NAMES": {"algo_id": None, "desk_id": None, "counterparty_id": None},
    "NO_ORDER": {"orig_order_id": "never"},
}
_MARK_AGE_US: Final = 60_000_001


class Unprepared(Desk):
    """A desk before a lane that has been told nothing."""

    def __init__(self) -> None:
        self.gate = Gate()
        self.world = World()
        self.events = []
        self.dead_letter = None


def vector_of(condition: str, probe: str) -> dict[str, tuple[str, str | None]]:
    """(result, reason) of every check of one order where one thing is not as it should be."""
    desk = Unprepared()
    for missing, parts in payloads().items():
        if missing != condition:
            for payload in parts:
                desk.control(payload)
    for name, price in (("ESX", PRICE_E9), ("ACME", SHARE_PRICE_E9), ("EUR-USD", 1_080_000_000)):
        rate = name == "EUR-USD"
        if condition == ("NO_RATE" if rate else "NO_MARK"):
            continue
        old = condition == ("OLD_RATE" if rate else "OLD_MARK")
        desk.mark(name, price, _MARK_AGE_US if old else 0)
    desk.money(DEPOSIT_KIND_DEPOSIT, 10**12)
    working = desk.new()
    if probe == _REPLACE:
        desk.send(working)
    for payload in INSTEAD.get(condition, []):
        desk.control(payload)
    return lines_of(send(desk, probe, working, ORDERS.get(condition, {})))


def send(desk: Desk, probe: str, working: Any, changes: dict[str, Any]) -> Expected:
    """The answer to one order of the kind."""
    names: dict[str, Any] = {"algo_id": "twap", "desk_id": "rates", "counterparty_id": "cp"}
    names["expires_at"] = desk.world.now_us + 1_000_000
    if probe == _REPLACE:
        return desk.send(desk.replacement(working, **({"quantity_lots": 2} | changes)))
    if probe == _MARKET:
        return desk.order(**(names | {"order_type": ORDER_TYPE_MARKET, "price_e9": None} | changes))
    if probe == _SHORT:
        short = {
            "instrument_id": "ACME",
            "side": SIDE_SELL,
            "short_mark": SHORT_MARK_SHORT,
            "price_e9": SHARE_PRICE_E9,
        }
        return desk.order(**(names | short | changes))
    return desk.order(**(names | changes))


def lines_of(answer: Expected) -> dict[str, tuple[str, str | None]]:
    """The vector by check."""
    assert answer.decision is not None
    return {line.check: (line.result, line.reason) for line in answer.decision.checks}


def table(condition: str) -> dict[str, str]:
    """What every check does under a condition, where it does not pass."""
    probes = {probe: vector_of(condition, probe) for probe in (_BUY, _MARKET, _SHORT)}
    # Elsewhere there could be no order to replace.
    replaces = condition in {"NOTHING", "NO_ORDER", "BAD_QUANTITY", *INSTEAD}
    probes[_REPLACE] = vector_of(condition, _REPLACE) if replaces else {}
    found: dict[str, str] = {}
    for check in CHECKS:
        result, reason = probes[_PROBES.get(check, _BUY)].get(check, ("PASS", None))
        if result != "PASS":
            found[check] = reason or result
    return found


def test_where_nothing_is_missing_every_check_passes() -> None:
    assert table("NOTHING") == {}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_cell_is_as_the_table_says(condition: str) -> None:
    due = {
        check: cells[condition]
        for check, cells in FAIL_CLOSED.items()
        if cells.get(condition, PASSES) != PASSES
    }
    assert table(condition) == due


def test_the_table_has_every_check_and_every_condition() -> None:
    assert list(FAIL_CLOSED) == CHECKS
    assert {name for cells in FAIL_CLOSED.values() for name in cells} <= set(CONDITIONS)


def test_no_order_passes_where_something_it_needs_is_missing() -> None:
    harmless = {"NO_STATE", "NO_RULE", "NO_SECTOR", "ROUND_THE_CLOCK", "NO_NAMES"}
    for condition in CONDITIONS:
        if condition in harmless:
            assert table(condition) == {}, condition
        else:
            assert set(table(condition).values()) - {"NOT_EVALUATED"}, condition
