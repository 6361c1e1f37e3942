"""The checks in order of precedence, and running them: all are evaluated, the first FAIL decides.

Every NEW, whatever its route or type, passes through every entry that has a function for it, and so
does every REPLACE and every CANCEL; there is no other way to a decision. An entry says what control
may say of its check, too. Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64, mypyc_attr

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
from pipeline.risk.checks.context import NO_LIMIT, OrderContext, exempt, notified
from pipeline.risk.checks.direct import Check, judge, number_of
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
from pipeline.risk.rules_in_force import RulesInForce


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


class Step:
    """A check that judges, its place in the decision vector, and that of its limit, if any."""

    def __init__(self, place: int, name: str, check: Check) -> None:
        self.place: Final[i64] = place
        self.name: Final = name
        self.check: Final = check
        self.number: Final[i64] = number_of(check)
        limited = name in CATALOG.limited
        self.limit_place: Final[i64] = CATALOG.limited.index(name) if limited else NO_LIMIT


class Course:
    """The checks of one action under a policy: the vector with what is exempt, and the others."""

    def __init__(self, checks: list[tuple[str, Check]], exempted: set[str]) -> None:
        # Where a step has its place, its result takes it.
        self.vector: Final = [exempt(name) for name, _ in checks]
        self.steps: Final = [
            Step(place, name, check)
            for place, (name, check) in enumerate(checks)
            if name not in exempted
        ]


@mypyc_attr(acyclic=True, free_list_len=1)
class Vector:
    """The decision vector of an order.

    `deciding`: its first FAIL, None when the order is accepted; `notified`: whether anything failed
    that lets the order pass.
    """

    def __init__(self, results: list[CheckResult]) -> None:
        self.results: Final = results
        self.deciding: CheckResult | None = None
        self.notified = False

    def failed(self, result: CheckResult, *, passes: bool) -> CheckResult:
        """Note a FAIL, or what becomes of it where it `passes`; returns the line of the vector."""
        if passes:
            self.notified = True
            return notified(result)
        if self.deciding is None:
            self.deciding = result
        return result


class Judge:
    """Runs the checks of one lane. `values_results`: whether any looks at what trading brought."""

    def __init__(self, rules: RulesInForce) -> None:
        self.rules: Final = rules
        self._take(rules.exempt)

    def _take(self, exempted: set[str]) -> None:
        """Follow the policy in force."""
        self._exempted = exempted
        self._of_new = Course(CHECKS_OF_NEW, exempted)
        self._of_replace = Course(CHECKS_OF_REPLACE, exempted)
        self._of_cancel = Course(CHECKS_OF_CANCEL, exempted)
        self.values_results = not losses.exempt(exempted)

    def _course_of(self, order: Order) -> Course:
        exempted = self.rules.exempt
        if exempted is not self._exempted:
            self._take(exempted)
        if order.action == ORDER_ACTION_NEW:
            return self._of_new
        return self._of_cancel if order.action == ORDER_ACTION_CANCEL else self._of_replace

    def run(self, context: OrderContext) -> Vector:
        """All checks, whatever the first of them say."""
        course = self._course_of(context.order)
        known = self.rules.checks
        is_cancel = context.order.action == ORDER_ACTION_CANCEL
        results = course.vector.copy()
        vector = Vector(results)
        for step in course.steps:
            context.limit_place = step.limit_place
            result = judge(step.number, step.check, context)
            if result.result == CHECK_OUTCOME_FAIL:
                # Nothing that can be switched off may refuse a cancel.
                passes = known.severity_of(step.name) == CHECK_SEVERITY_NOTIFY or (
                    is_cancel and step.name in CATALOG.exemptible
                )
                result = vector.failed(result, passes=passes)
            results[step.place] = result
        if known.rules and not is_cancel:
            for result in operator_rules.judge(context, known.rules):
                if result.result == CHECK_OUTCOME_FAIL:
                    passes = known.severity_of(result.check) == CHECK_SEVERITY_NOTIFY
                    results.append(vector.failed(result, passes=passes))
                else:
                    results.append(result)
        return vector
