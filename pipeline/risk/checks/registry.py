"""The checks in order of precedence, and running them: all are evaluated, the first FAIL decides.

Every NEW, whatever its route or type, passes through every entry that has a function for it, and so
does every REPLACE and every CANCEL; there is no other way to a decision. An entry says what control
may say of its check, too. Compiled with mypyc.
"""

from collections.abc import Callable
from typing import Final

from pipeline.risk.check_rules import RULE_PREFIX
from pipeline.risk.check_traits import CheckCatalog, CheckTraits
from pipeline.risk.checks import (
    collar,
    conduct,
    credit,
    event_time,
    expiry,
    exposure,
    fields,
    funds,
    high_frequency,
    holdings,
    increments,
    latch,
    losses,
    market_bound,
    messages,
    open_orders,
    operator_rules,
    orig_order,
    period_collar,
    position,
    rate,
    reduce_only,
    repeats,
    replace,
    restricted,
    scope_states,
    self_match,
    session,
    short_mark,
    short_sale,
    size,
    standing,
)
from pipeline.risk.checks.context import OrderContext, exempt, notified
from pipeline.risk.fail_closed import (
    BY_LIMIT,
    BY_MARK,
    BY_POLICY,
    BY_PRICE,
    BY_QUANTITY,
    BY_RATE,
    BY_SECTOR,
    BY_VALUE,
    OF_A_USER,
    OF_AN_INSTRUMENT,
    OF_BOTH,
    PASSES,
    SKIPS,
)
from pipeline.risk.records import (
    CHECK_OUTCOME_FAIL,
    CHECK_SEVERITY_NOTIFY,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    CheckResult,
    Order,
)

Check = Callable[[OrderContext], CheckResult]


class Entry:
    """A registered check: its function, what control may say of it, and what else is true of it.

    `check` judges a NEW and a REPLACE alike; `new`, `replace` and `cancel` one action each.
    `by_quantity`: whether another quantity could lead to another outcome; then a smaller one never
    fails where a larger one passes. `missing`: what it does when something it needs is not there,
    by condition (`fail_closed.py`); where nothing is said, it does not look at that.
    """

    def __init__(
        self,
        traits: CheckTraits,
        check: Check | None = None,
        *,
        new: Check | None = None,
        replace: Check | None = None,
        cancel: Check | None = None,
        by_quantity: bool = False,
        missing: dict[str, str] | None = None,
    ) -> None:
        self.traits: Final = traits
        self.name: Final = traits.name
        self.new: Final = new if check is None else check
        self.replace: Final = replace if check is None else check
        self.cancel: Final = cancel
        self.by_quantity: Final = by_quantity
        self.missing: Final[dict[str, str]] = {} if missing is None else missing


def _fixed(name: str) -> CheckTraits:
    """Always rejects what fails it."""
    return CheckTraits(name)


def _optional(name: str) -> CheckTraits:
    """Can be exempt; its limit, if it has one, is of `limits` or the policy."""
    return CheckTraits(name, exemptible=True)


def _limited(name: str, *, limit_max: int = 10**18, window_ms: int = 0) -> CheckTraits:
    """Can be exempt, and has a limit of its own."""
    return CheckTraits(
        name, exemptible=True, limited=True, limit_max=limit_max, window_ms=window_ms
    )


def _money(name: str) -> CheckTraits:
    """Can be exempt, and has a limit of its own, in money."""
    return CheckTraits(name, exemptible=True, limited=True, in_money=True)


def _exposure(name: str, check: Check, missing: dict[str, str]) -> Entry:
    return Entry(_money(name), check, by_quantity=True, missing=missing)


ENTRIES: Final[tuple[Entry, ...]] = (
    Entry(
        _fixed("FIELDS"),
        new=fields.check_new,
        replace=fields.check_replace,
        cancel=fields.check_cancel,
        missing={
            "BAD_QUANTITY": "BAD_QUANTITY",
            "NO_PRICE": "BAD_PRICE",
            "MARKET_WITH_PRICE": "BAD_PRICE",
        },
    ),
    Entry(
        _fixed("EVENT_TIME"),
        event_time.check_new,
        cancel=event_time.check_cancel,
        missing={"NO_POLICY": "POLICY_MISSING"},
    ),
    Entry(_fixed("EXPIRY"), new=expiry.check),
    Entry(
        _fixed("USER"),
        standing.check_user,
        cancel=standing.check_user,
        missing={"NO_USER": "USER_UNKNOWN", "OTHER_TENANT": "TENANT_MISMATCH"},
    ),
    Entry(
        _fixed("ORIG_ORDER"),
        replace=orig_order.check,
        cancel=orig_order.check,
        missing={"NO_ORDER": "ORIG_ORDER_UNKNOWN"},
    ),
    Entry(_fixed("REPLACE"), replace=replace.check, missing={"NO_ORDER": SKIPS}),
    Entry(
        _fixed("INSTRUMENT"),
        standing.check_instrument,
        missing={"NO_INSTRUMENT": "INSTRUMENT_UNKNOWN"},
    ),
    Entry(
        _optional("SESSION"),
        session.check,
        missing={
            **OF_AN_INSTRUMENT,
            "NO_LISTING": "SESSION_UNKNOWN",
            "NO_CALENDAR": "SESSION_UNKNOWN",
            "CALENDAR_GAP": "SESSION_UNKNOWN",
            "ROUND_THE_CLOCK": PASSES,
        },
    ),
    Entry(_fixed("RESTRICTED"), restricted.check, missing={"NO_NAMES": PASSES}),
    Entry(
        _fixed("FIRM_STATE"),
        standing.check_firm_state,
        by_quantity=True,
        missing={"NO_FIRM_STATE": "FIRM_STATE_MISSING"},
    ),
    Entry(_fixed("USER_STATE"), standing.check_user_state, by_quantity=True, missing=OF_A_USER),
    Entry(
        _fixed("ALGORITHM_STATE"),
        scope_states.check_algorithm,
        by_quantity=True,
        missing={"NO_STATE": PASSES, "NO_NAMES": PASSES},
    ),
    Entry(
        _fixed("DESK_STATE"),
        scope_states.check_desk,
        by_quantity=True,
        missing={"NO_STATE": PASSES, "NO_NAMES": PASSES},
    ),
    Entry(
        _fixed("INSTRUMENT_STATE"),
        scope_states.check_instrument,
        by_quantity=True,
        missing={**OF_AN_INSTRUMENT, "NO_STATE": PASSES},
    ),
    Entry(_fixed("LATCH"), latch.check, by_quantity=True, missing=OF_A_USER),
    Entry(_fixed("REDUCE_ONLY"), reduce_only.check, by_quantity=True),
    Entry(
        _fixed("PRICE_TICK"), increments.check_price_tick, missing={**OF_AN_INSTRUMENT, **BY_PRICE}
    ),
    Entry(
        _fixed("LOT"),
        increments.check_lot,
        by_quantity=True,
        missing={**OF_AN_INSTRUMENT, **BY_QUANTITY},
    ),
    Entry(
        _fixed("MARKET_BOUND"),
        new=market_bound.check,
        missing={**OF_BOTH, **BY_POLICY, **BY_MARK},
    ),
    Entry(_optional("ORDER_RATE"), rate.check, missing=BY_LIMIT),
    Entry(_limited("MESSAGE_RATE"), messages.check_rate, missing=BY_LIMIT),
    Entry(
        CheckTraits("ORDER_TO_TRADE", exemptible=True, limited=True, has_allowance=True),
        messages.check_to_trade,
        missing=BY_LIMIT,
    ),
    Entry(
        _limited("REPEATED_EXECUTION"),
        repeats.check_executions,
        missing={**BY_LIMIT, "NO_NAMES": PASSES},
    ),
    Entry(
        _limited("SAME_CONTENT", limit_max=15, window_ms=1_000),
        repeats.check_content,
        missing={**OF_BOTH, **BY_QUANTITY, **BY_PRICE},
    ),
    Entry(
        _optional("ORDER_QUANTITY"),
        size.check_quantity,
        by_quantity=True,
        missing={**OF_BOTH, **BY_QUANTITY},
    ),
    Entry(
        _optional("ORDER_NOTIONAL"),
        size.check_notional,
        by_quantity=True,
        missing={**OF_BOTH, **BY_POLICY, **BY_QUANTITY, **BY_PRICE, **BY_RATE},
    ),
    Entry(
        _optional("PRICE_COLLAR"),
        collar.check,
        missing={**OF_BOTH, **BY_POLICY, **BY_PRICE, **BY_MARK},
    ),
    Entry(
        _limited("PERIOD_COLLAR", window_ms=300_000),
        period_collar.check,
        missing={
            **OF_BOTH,
            **BY_PRICE,
            "NO_MARK": "MARK_MISSING",
            "OTHER_WINDOW": "MARK_MISSING",
        },
    ),
    Entry(
        _optional("SELF_MATCH"),
        self_match.check,
        missing={**OF_A_USER, **OF_AN_INSTRUMENT, **BY_PRICE},
    ),
    Entry(
        _fixed("SHORT_SALE"),
        short_sale.check,
        by_quantity=True,
        missing={**OF_A_USER, **OF_AN_INSTRUMENT, **BY_QUANTITY, "NO_LIMIT": "SHORT_SALE"},
    ),
    Entry(
        _optional("SHORT_MARK"),
        short_mark.check,
        missing={**OF_A_USER, **OF_AN_INSTRUMENT, **BY_QUANTITY},
    ),
    Entry(
        _optional("POSITION_LIMIT"),
        position.check,
        by_quantity=True,
        missing={**OF_BOTH, **BY_QUANTITY},
    ),
    _exposure("INSTRUMENT_GROSS", exposure.check_instrument_gross, BY_VALUE),
    _exposure("INSTRUMENT_NET", exposure.check_instrument_net, BY_VALUE),
    _exposure("CURRENCY_GROSS", exposure.check_currency_gross, BY_VALUE),
    _exposure("CURRENCY_NET", exposure.check_currency_net, BY_VALUE),
    _exposure("SECTOR_GROSS", exposure.check_sector_gross, BY_SECTOR),
    _exposure("SECTOR_NET", exposure.check_sector_net, BY_SECTOR),
    _exposure("USER_GROSS", exposure.check_user_gross, BY_VALUE),
    _exposure("USER_NET", exposure.check_user_net, BY_VALUE),
    Entry(_optional("OPEN_ORDERS"), new=open_orders.check, missing=BY_POLICY),
    Entry(_fixed("HOLDINGS"), holdings.check, missing={**OF_A_USER, **OF_AN_INSTRUMENT}),
    Entry(
        _money("CREDIT"),
        credit.check,
        by_quantity=True,
        missing={
            **OF_BOTH,
            **BY_POLICY,
            **BY_QUANTITY,
            **BY_PRICE,
            **BY_RATE,
            "NO_FEES": SKIPS,
            "NO_MARGIN": SKIPS,
        },
    ),
    Entry(
        _money("DAILY_LOSS"),
        losses.check_daily_loss,
        by_quantity=True,
        missing={**OF_BOTH, **BY_POLICY, **BY_RATE},
    ),
    Entry(
        _money("DRAWDOWN"),
        losses.check_drawdown,
        by_quantity=True,
        missing={**OF_BOTH, **BY_POLICY, **BY_RATE},
    ),
    Entry(
        _fixed("BUYING_POWER"),
        funds.check,
        by_quantity=True,
        missing={
            **OF_A_USER,
            **OF_AN_INSTRUMENT,
            **BY_QUANTITY,
            **BY_PRICE,
            "NO_FEES": "FEE_MISSING",
            "NO_MARGIN": "MARGIN_MISSING",
        },
    ),
    Entry(
        _limited("HIGH_FREQUENCY_RATE"),
        high_frequency.check_rate,
        cancel=high_frequency.check_rate,
        missing=BY_LIMIT,
    ),
    Entry(
        _limited("HIGH_FREQUENCY_DAY"),
        high_frequency.check_day,
        cancel=high_frequency.check_day,
        missing=BY_LIMIT,
    ),
    Entry(
        _limited("INSTANT_CANCEL", window_ms=1_000),
        conduct.check_instant_cancel,
        cancel=conduct.check_instant_cancel,
        missing=BY_LIMIT,
    ),
    Entry(
        _limited("PUSH", window_ms=60_000),
        conduct.check_push,
        missing={**OF_BOTH, **BY_PRICE},
    ),
)
CATALOG: Final = CheckCatalog([entry.traits for entry in ENTRIES])

CHECKS_OF_NEW: Final[list[tuple[str, Check]]] = [
    (entry.name, entry.new) for entry in ENTRIES if entry.new is not None
]
CHECKS_OF_REPLACE: Final[list[tuple[str, Check]]] = [
    (entry.name, entry.replace) for entry in ENTRIES if entry.replace is not None
]
CHECKS_OF_CANCEL: Final[list[tuple[str, Check]]] = [
    (entry.name, entry.cancel) for entry in ENTRIES if entry.cancel is not None
]
_BY_QUANTITY: Final = frozenset([entry.name for entry in ENTRIES if entry.by_quantity])


def depends_on_quantity(check: str) -> bool:
    """Whether another quantity could lead to another outcome of a check."""
    return check in _BY_QUANTITY or check.startswith(RULE_PREFIX)


def checks_of(order: Order) -> list[tuple[str, Check]]:
    """The checks that judge an order, in order of precedence."""
    if order.action == ORDER_ACTION_NEW:
        return CHECKS_OF_NEW
    if order.action == ORDER_ACTION_CANCEL:
        return CHECKS_OF_CANCEL
    return CHECKS_OF_REPLACE


def run(context: OrderContext) -> list[CheckResult]:
    """The decision vector."""
    exempted = context.rules.exempt
    severities = context.rules.checks.severities
    is_cancel = context.order.action == ORDER_ACTION_CANCEL
    results: list[CheckResult] = []
    for name, check in checks_of(context.order):
        if exempted and name in exempted:
            results.append(exempt(name))
            continue
        result = check(context)
        if result.result == CHECK_OUTCOME_FAIL and (
            severities.get(name) == CHECK_SEVERITY_NOTIFY
            or (is_cancel and name in CATALOG.exemptible)
        ):
            # Nothing that can be switched off may refuse a cancel.
            result = notified(result)
        results.append(result)
    rules = context.rules.checks.rules
    if rules and not is_cancel:
        for result in operator_rules.judge(context, rules):
            told = severities.get(result.check) == CHECK_SEVERITY_NOTIFY
            if told and result.result == CHECK_OUTCOME_FAIL:
                results.append(notified(result))
            else:
                results.append(result)
    return results


def first_failure(results: list[CheckResult]) -> CheckResult | None:
    """The first FAIL, or None when the order is accepted."""
    for result in results:
        if result.result == CHECK_OUTCOME_FAIL:
            return result
    return None
