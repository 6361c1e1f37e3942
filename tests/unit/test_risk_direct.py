"""The checks by number: each number leads to its check, and any other to the check itself."""

import pytest

from pipeline.risk.checks.context import OrderContext
from pipeline.risk.checks.direct import NOT_NUMBERED, NUMBERED, judge, number_of
from pipeline.risk.checks.registry import ENTRIES, Step
from pipeline.risk.records import CheckResult
from tests.property.desk import Desk


def never(c: OrderContext) -> CheckResult:
    raise AssertionError(c)


def context(step: Step | None = None) -> OrderContext:
    """What an order's checks look at, as the judge gives it to that of a step."""
    desk = Desk()
    core = desk.gate.processor.core
    order = desk.new()
    user = core.state.user(order.user_id)
    made = OrderContext(order, user, core.head.gate_time, core.state, core.rules)
    if step is not None:
        made.limit_place = step.limit_place
    return made


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


def steps() -> list[Step]:
    of_all = [(e.name, check) for e in ENTRIES for check in (e.new, e.replace, e.cancel)]
    return [Step(0, name, check) for name, check in of_all if check is not None]


@pytest.mark.parametrize("step", steps(), ids=lambda step: step.name)
def test_a_number_leads_to_its_check(step: Step) -> None:
    by_number = judge(step.number, never, context(step))
    assert said(by_number) == said(step.check(context(step)))


def test_every_number_is_that_of_a_check() -> None:
    assert set(NUMBERED) <= {step.check for step in steps()}
    assert len(set(NUMBERED)) == NOT_NUMBERED


def test_a_check_without_a_number_is_called_as_well() -> None:
    result = CheckResult("OTHER", 0, None, None, None, None, None)
    assert number_of(lambda _: result) == NOT_NUMBERED
    assert judge(NOT_NUMBERED, lambda _: result, context()) is result
