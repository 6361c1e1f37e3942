"""Checks that have a limit of their own: finding it for an order, and comparing with it.

Owns how a *limited* check comes to its limit and what it answers without one; what is observed is
the check's own. Compiled with mypyc.
"""

from pipeline.risk.check_rules import LimitInForce
from pipeline.risk.checks.context import OrderContext, failed, figures
from pipeline.risk.records import CheckResult


def limit_of(c: OrderContext, name: str) -> LimitInForce | None:
    """The limit for the order's user and instrument; None: no registered user, so not evaluated.

    Of an instrument that is not known, or of none, it is the one of any instrument.
    """
    own_limits = c.own_limits
    return None if own_limits is None else own_limits[name]


def against(name: str, reason_code: str, observed: int, limit: LimitInForce) -> CheckResult:
    """PASS when observed <= limit, else FAIL with `reason_code`; LIMIT_MISSING where none is."""
    value = limit.value
    if value is None:
        return failed(name, "LIMIT_MISSING")
    bound = limit.bound
    reason = None if observed <= bound else reason_code
    return figures(name, reason, observed, bound, value, limit.version)
