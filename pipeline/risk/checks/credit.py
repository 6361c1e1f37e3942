"""CREDIT: would what is held and owed exceed what the user has been given credit for?

SEC 15c3-5(c)(1)(i): a pre-set credit threshold in the aggregate. Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks import in_money
from pipeline.risk.checks.context import OrderContext, failed, not_evaluated
from pipeline.risk.checks.funds import addition_of
from pipeline.risk.money import hold_currency
from pipeline.risk.records import CheckResult

NAME: Final = "CREDIT"


def check(c: OrderContext) -> CheckResult:
    """Held in the order's hold currency with the order, and what is owed in it."""
    instrument = c.instrument
    limit = c.limit
    addition = addition_of(c)
    if instrument is None or limit is None or addition is None or addition.problem is not None:
        # BUYING_POWER says which of them it is.
        return not_evaluated(NAME)
    if limit.value is None:
        return failed(NAME, "LIMIT_MISSING")
    own = hold_currency(instrument, c.order.side)
    balance = c.balance(own)
    used = max(addition.minor, 0)
    if balance is not None:
        used += balance.held_minor + max(0, -balance.cash_minor)
    wanted = limit.currency or instrument.currency
    if own != wanted:
        policy = c.rules.policy
        if policy is None:
            return not_evaluated(NAME)
        problem = in_money.fx_problem(c, policy, own, wanted)
        if problem is not None:
            return in_money.unknown(c, NAME, problem, limit)
        used = in_money.into(c, used, own, wanted)
    return in_money.compared(c, NAME, used, limit)
