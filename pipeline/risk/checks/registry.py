"""The checks in order of precedence, and running them: all are evaluated, the first FAIL decides.

Every NEW, whatever its route or type, passes through `CHECKS_OF_NEW`, every REPLACE through
`CHECKS_OF_REPLACE`, every CANCEL through `CHECKS_OF_CANCEL`; there is no other way to a decision.
Compiled with mypyc.
"""

from collections.abc import Callable
from typing import Final

from pipeline.risk.checks import (
    collar,
    event_time,
    expiry,
    fields,
    funds,
    increments,
    market_bound,
    open_orders,
    orig_order,
    position,
    rate,
    replace,
    short_sale,
    size,
    standing,
)
from pipeline.risk.checks.context import OrderContext, exempt
from pipeline.risk.records import CHECK_OUTCOME_FAIL, CheckResult

Check = Callable[[OrderContext], CheckResult]

CHECKS_OF_NEW: Final[tuple[tuple[str, Check], ...]] = (
    (fields.NAME, fields.check_new),
    (event_time.NAME, event_time.check_new),
    (expiry.NAME, expiry.check),
    (standing.USER, standing.check_user),
    (standing.INSTRUMENT, standing.check_instrument),
    (standing.FIRM_STATE, standing.check_firm_state),
    (standing.USER_STATE, standing.check_user_state),
    (increments.PRICE_TICK, increments.check_price_tick),
    (increments.LOT, increments.check_lot),
    (market_bound.NAME, market_bound.check),
    (rate.NAME, rate.check),
    (size.ORDER_QUANTITY, size.check_quantity),
    (size.ORDER_NOTIONAL, size.check_notional),
    (collar.NAME, collar.check),
    (short_sale.NAME, short_sale.check),
    (position.NAME, position.check),
    (open_orders.NAME, open_orders.check),
    (funds.NAME, funds.check),
)

CHECKS_OF_REPLACE: Final[tuple[tuple[str, Check], ...]] = (
    (fields.NAME, fields.check_replace),
    (event_time.NAME, event_time.check_new),
    (standing.USER, standing.check_user),
    (orig_order.NAME, orig_order.check),
    (replace.NAME, replace.check),
    (standing.INSTRUMENT, standing.check_instrument),
    (standing.FIRM_STATE, standing.check_firm_state),
    (standing.USER_STATE, standing.check_user_state),
    (increments.PRICE_TICK, increments.check_price_tick),
    (increments.LOT, increments.check_lot),
    (rate.NAME, rate.check),
    (size.ORDER_QUANTITY, size.check_quantity),
    (size.ORDER_NOTIONAL, size.check_notional),
    (collar.NAME, collar.check),
    (short_sale.NAME, short_sale.check),
    (position.NAME, position.check),
    (funds.NAME, funds.check),
)

CHECKS_OF_CANCEL: Final[tuple[tuple[str, Check], ...]] = (
    (fields.NAME, fields.check_cancel),
    (event_time.NAME, event_time.check_cancel),
    (standing.USER, standing.check_user),
    (orig_order.NAME, orig_order.check),
)


def run(checks: tuple[tuple[str, Check], ...], context: OrderContext) -> list[CheckResult]:
    """The decision vector."""
    switched_off = context.rules.exempt
    results: list[CheckResult] = []
    for name, check in checks:
        if switched_off and name in switched_off:
            results.append(exempt(name))
        else:
            results.append(check(context))
    return results


def first_failure(results: list[CheckResult]) -> str | None:
    """The reason of the first FAIL, or None when the order is accepted."""
    for result in results:
        if result.result == CHECK_OUTCOME_FAIL:
            return result.reason_code
    return None
