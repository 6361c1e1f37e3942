"""The checks in order of precedence, and running them: all are evaluated, the first FAIL decides.

Every NEW, whatever its route or type, passes through every entry that has a function for it, and so
does every REPLACE and every CANCEL; there is no other way to a decision. An entry says what control
may say of its check, too. Compiled with mypyc.
"""

from collections.abc import Callable
from typing import Final

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
    """A registered check: its function for each action, and what else is true of it.

    `new`, `replace`, `cancel`: None where it does not judge that action. `by_quantity`: whether
    another quantity could lead to another outcome; then a smaller one never fails where a larger
    one passes.
    """

    def __init__(
        self,
        traits: CheckTraits,
        new: Check | None,
        replace: Check | None,
        cancel: Check | None = None,
        *,
        by_quantity: bool = False,
    ) -> None:
        self.traits: Final = traits
        self.name: Final = traits.name
        self.new: Final = new
        self.replace: Final = replace
        self.cancel: Final = cancel
        self.by_quantity: Final = by_quantity


def _fixed(name: str) -> CheckTraits:
    return CheckTraits(name)


def _by_policy(name: str) -> CheckTraits:
    """Of `limits` or the policy, or without a limit."""
    return CheckTraits(name, exemptible=True)


def _limited(name: str, *, limit_max: int = 10**18, window_ms: int = 0) -> CheckTraits:
    return CheckTraits(
        name, exemptible=True, limited=True, limit_max=limit_max, window_ms=window_ms
    )


def _money(name: str) -> CheckTraits:
    return CheckTraits(name, exemptible=True, limited=True, in_money=True)


ENTRIES: Final[tuple[Entry, ...]] = (
    Entry(_fixed("FIELDS"), fields.check_new, fields.check_replace, fields.check_cancel),
    Entry(
        _fixed("EVENT_TIME"), event_time.check_new, event_time.check_new, event_time.check_cancel
    ),
    Entry(_fixed("EXPIRY"), expiry.check, None),
    Entry(_fixed("USER"), standing.check_user, standing.check_user, standing.check_user),
    Entry(_fixed("ORIG_ORDER"), None, orig_order.check, orig_order.check),
    Entry(_fixed("REPLACE"), None, replace.check),
    Entry(_fixed("INSTRUMENT"), standing.check_instrument, standing.check_instrument),
    Entry(_by_policy("SESSION"), session.check, session.check),
    Entry(_fixed("RESTRICTED"), restricted.check, restricted.check),
    Entry(
        _fixed("FIRM_STATE"),
        standing.check_firm_state,
        standing.check_firm_state,
        by_quantity=True,
    ),
    Entry(
        _fixed("USER_STATE"),
        standing.check_user_state,
        standing.check_user_state,
        by_quantity=True,
    ),
    Entry(
        _fixed("ALGORITHM_STATE"),
        scope_states.check_algorithm,
        scope_states.check_algorithm,
        by_quantity=True,
    ),
    Entry(
        _fixed("DESK_STATE"),
        scope_states.check_desk,
        scope_states.check_desk,
        by_quantity=True,
    ),
    Entry(
        _fixed("INSTRUMENT_STATE"),
        scope_states.check_instrument,
        scope_states.check_instrument,
        by_quantity=True,
    ),
    Entry(_fixed("LATCH"), latch.check, latch.check, by_quantity=True),
    Entry(_fixed("REDUCE_ONLY"), reduce_only.check, reduce_only.check, by_quantity=True),
    Entry(_fixed("PRICE_TICK"), increments.check_price_tick, increments.check_price_tick),
    Entry(_fixed("LOT"), increments.check_lot, increments.check_lot, by_quantity=True),
    Entry(_fixed("MARKET_BOUND"), market_bound.check, None),
    Entry(_by_policy("ORDER_RATE"), rate.check, rate.check),
    Entry(_limited("MESSAGE_RATE"), messages.check_rate, messages.check_rate),
    Entry(
        CheckTraits("ORDER_TO_TRADE", exemptible=True, limited=True, has_allowance=True),
        messages.check_to_trade,
        messages.check_to_trade,
    ),
    Entry(_limited("REPEATED_EXECUTION"), repeats.check_executions, repeats.check_executions),
    Entry(
        _limited("SAME_CONTENT", limit_max=15, window_ms=1_000),
        repeats.check_content,
        repeats.check_content,
    ),
    Entry(_by_policy("ORDER_QUANTITY"), size.check_quantity, size.check_quantity, by_quantity=True),
    Entry(_by_policy("ORDER_NOTIONAL"), size.check_notional, size.check_notional, by_quantity=True),
    Entry(_by_policy("PRICE_COLLAR"), collar.check, collar.check),
    Entry(_limited("PERIOD_COLLAR", window_ms=300_000), period_collar.check, period_collar.check),
    Entry(_by_policy("SELF_MATCH"), self_match.check, self_match.check),
    Entry(_fixed("SHORT_SALE"), short_sale.check, short_sale.check, by_quantity=True),
    Entry(_by_policy("SHORT_MARK"), short_mark.check, short_mark.check),
    Entry(_by_policy("POSITION_LIMIT"), position.check, position.check, by_quantity=True),
    Entry(
        _money("INSTRUMENT_GROSS"),
        exposure.check_instrument_gross,
        exposure.check_instrument_gross,
        by_quantity=True,
    ),
    Entry(
        _money("INSTRUMENT_NET"),
        exposure.check_instrument_net,
        exposure.check_instrument_net,
        by_quantity=True,
    ),
    Entry(
        _money("CURRENCY_GROSS"),
        exposure.check_currency_gross,
        exposure.check_currency_gross,
        by_quantity=True,
    ),
    Entry(
        _money("CURRENCY_NET"),
        exposure.check_currency_net,
        exposure.check_currency_net,
        by_quantity=True,
    ),
    Entry(
        _money("SECTOR_GROSS"),
        exposure.check_sector_gross,
        exposure.check_sector_gross,
        by_quantity=True,
    ),
    Entry(
        _money("SECTOR_NET"),
        exposure.check_sector_net,
        exposure.check_sector_net,
        by_quantity=True,
    ),
    Entry(
        _money("USER_GROSS"),
        exposure.check_user_gross,
        exposure.check_user_gross,
        by_quantity=True,
    ),
    Entry(
        _money("USER_NET"),
        exposure.check_user_net,
        exposure.check_user_net,
        by_quantity=True,
    ),
    Entry(_by_policy("OPEN_ORDERS"), open_orders.check, None),
    Entry(_fixed("HOLDINGS"), holdings.check, holdings.check),
    Entry(_money("CREDIT"), credit.check, credit.check, by_quantity=True),
    Entry(_money("DAILY_LOSS"), losses.check_daily_loss, losses.check_daily_loss, by_quantity=True),
    Entry(_money("DRAWDOWN"), losses.check_drawdown, losses.check_drawdown, by_quantity=True),
    Entry(_fixed("BUYING_POWER"), funds.check, funds.check, by_quantity=True),
    Entry(
        _limited("HIGH_FREQUENCY_RATE"),
        high_frequency.check_rate,
        high_frequency.check_rate,
        high_frequency.check_rate,
    ),
    Entry(
        _limited("HIGH_FREQUENCY_DAY"),
        high_frequency.check_day,
        high_frequency.check_day,
        high_frequency.check_day,
    ),
    Entry(
        _limited("INSTANT_CANCEL", window_ms=1_000),
        conduct.check_instant_cancel,
        conduct.check_instant_cancel,
        conduct.check_instant_cancel,
    ),
    Entry(_limited("PUSH", window_ms=60_000), conduct.check_push, conduct.check_push),
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
BY_QUANTITY: Final = frozenset([entry.name for entry in ENTRIES if entry.by_quantity])


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
    return results


def first_failure(results: list[CheckResult]) -> CheckResult | None:
    """The first FAIL, or None when the order is accepted."""
    for result in results:
        if result.result == CHECK_OUTCOME_FAIL:
            return result
    return None
