"""The checks by number: each number leads to its check, and any other to the check itself."""

import pytest

from pipeline.risk.checks.context import OrderContext
from pipeline.risk.checks.direct import NOT_NUMBERED, NUMBERED, Check, judge, number_of
from pipeline.risk.checks.registry import ENTRIES
from pipeline.risk.records import CheckResult
from tests.property.desk import Desk


def never(c: OrderContext) -> CheckResult:
    raise AssertionError(c)


def context() -> OrderContext:
    desk = Desk()
    core = desk.gate.processor.core
    order = desk.new()
    user = core.state.user(order.user_id)
    return OrderContext(order, user, core.head.gate_time, core.state, core.rules)


def said(result: CheckResult) -> tuple[object, ...]:
    return (
        result.check,
        result.result,
        result.reason_code,
        result.observed,
        result.limit,
        result.limit_version,
        result.headroom,
    )


def functions() -> list[Check]:
    of_all = [check for e in ENTRIES for check in (e.new, e.replace, e.cancel)]
    return [check for check in of_all if check is not None]


@pytest.mark.parametrize("check", functions())
def test_a_number_leads_to_its_check(check: Check) -> None:
    assert said(judge(number_of(check), never, context())) == said(check(context()))


def test_every_number_is_that_of_a_check() -> None:
    assert set(NUMBERED) <= set(functions())
    assert len(set(NUMBERED)) == NOT_NUMBERED


def test_a_check_without_a_number_is_called_as_well() -> None:
    result = CheckResult("OTHER", 0, None, None, None, None, None)
    assert number_of(lambda _: result) == NOT_NUMBERED
    assert judge(NOT_NUMBERED, lambda _: result, context()) is result
