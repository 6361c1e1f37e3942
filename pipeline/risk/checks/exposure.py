"""INSTRUMENT_, CURRENCY_, SECTOR_ and USER_, each GROSS and NET: exposure at the marks.

Position and every working order with the order itself, over the user's instruments that count
together, in money (RTS 6 Art. 15(2), (4); docs/rules.md, "Exposure"). Compiled with mypyc.
"""

from typing import Final

from pipeline.risk.checks import in_money
from pipeline.risk.checks.context import OrderContext, failed, not_evaluated, passed
from pipeline.risk.records import CheckResult, Policy
from pipeline.risk.valuation import Exposures, Group

INSTRUMENT_GROSS: Final = "INSTRUMENT_GROSS"
INSTRUMENT_NET: Final = "INSTRUMENT_NET"
CURRENCY_GROSS: Final = "CURRENCY_GROSS"
CURRENCY_NET: Final = "CURRENCY_NET"
SECTOR_GROSS: Final = "SECTOR_GROSS"
SECTOR_NET: Final = "SECTOR_NET"
USER_GROSS: Final = "USER_GROSS"
USER_NET: Final = "USER_NET"

_INSTRUMENT: Final = 0
_CURRENCY: Final = 1
_SECTOR: Final = 2
_USER: Final = 3


def check_instrument_gross(c: OrderContext) -> CheckResult:
    """Everything in the order's instrument."""
    return _check(c, INSTRUMENT_GROSS, _INSTRUMENT, is_net=False)


def check_instrument_net(c: OrderContext) -> CheckResult:
    """The worse side of the order's instrument."""
    return _check(c, INSTRUMENT_NET, _INSTRUMENT, is_net=True)


def check_currency_gross(c: OrderContext) -> CheckResult:
    """Everything in instruments of the same currency."""
    return _check(c, CURRENCY_GROSS, _CURRENCY, is_net=False)


def check_currency_net(c: OrderContext) -> CheckResult:
    """The worse side of all instruments of the same currency."""
    return _check(c, CURRENCY_NET, _CURRENCY, is_net=True)


def check_sector_gross(c: OrderContext) -> CheckResult:
    """Everything in instruments of the same sector."""
    return _check(c, SECTOR_GROSS, _SECTOR, is_net=False)


def check_sector_net(c: OrderContext) -> CheckResult:
    """The worse side of all instruments of the same sector."""
    return _check(c, SECTOR_NET, _SECTOR, is_net=True)


def check_user_gross(c: OrderContext) -> CheckResult:
    """Everything in any instrument."""
    return _check(c, USER_GROSS, _USER, is_net=False)


def check_user_net(c: OrderContext) -> CheckResult:
    """The worse side of all instruments."""
    return _check(c, USER_NET, _USER, is_net=True)


def _check(c: OrderContext, name: str, kind: int, *, is_net: bool) -> CheckResult:
    policy = c.rules.policy
    instrument = c.instrument
    limit = c.limit
    if policy is None or instrument is None or limit is None or not c.extent_known:
        return not_evaluated(name)
    if limit.value is None:
        return failed(name, "LIMIT_MISSING")
    group = _group(c.exposures(instrument, policy), kind)
    if group is None:
        return passed(name)
    wanted = limit.currency or instrument.currency
    problem = group.problem or _fx_problem(c, policy, group, wanted)
    if problem is not None:
        return in_money.unknown(c, name, problem, limit)
    observed = _net(c, group, wanted) if is_net else _gross(c, group, wanted)
    return in_money.compared(c, name, observed, limit)


def _group(exposures: Exposures, kind: int) -> Group | None:
    """None: the order's instrument is in no such group."""
    if kind == _INSTRUMENT:
        return exposures.instrument
    if kind == _CURRENCY:
        return exposures.currency
    return exposures.sector if kind == _SECTOR else exposures.user


def _fx_problem(c: OrderContext, policy: Policy, group: Group, wanted: str) -> str | None:
    foreign = group.foreign
    if foreign is None:
        return in_money.fx_problem(c, policy, group.currency, wanted)
    for currency in sorted([group.currency, *foreign]):
        problem = in_money.fx_problem(c, policy, currency, wanted)
        if problem is not None:
            return problem
    return None


def _gross(c: OrderContext, group: Group, wanted: str) -> int:
    gross = in_money.into(c, group.gross_minor, group.currency, wanted)
    if group.foreign is not None:
        for currency, exposure in group.foreign.items():
            gross += in_money.into(c, exposure.gross_minor, currency, wanted)
    return gross


def _net(c: OrderContext, group: Group, wanted: str) -> int:
    longs = in_money.into(c, group.long_minor, group.currency, wanted)
    shorts = in_money.into(c, group.short_minor, group.currency, wanted)
    if group.foreign is not None:
        for currency, exposure in group.foreign.items():
            longs += in_money.into(c, exposure.long_minor, currency, wanted)
            shorts += in_money.into(c, exposure.short_minor, currency, wanted)
    worse = max(longs, shorts)
    return max(worse, 0)
