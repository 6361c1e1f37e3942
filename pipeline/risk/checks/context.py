"""What a check may look at, gathered once an order, and the results it can return.

Owns the lookups (user, instrument, limits, position, mark), so that checks compare and do nothing
else. Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import i64, mypyc_attr

from pipeline.risk import order_ids
from pipeline.risk.bounds import FIGURE_MAX, ID_BYTES_MAX, MS, is_id
from pipeline.risk.check_rules import Figure, LimitInForce
from pipeline.risk.fx import Rate, find_rate
from pipeline.risk.ledger import OrderTerms
from pipeline.risk.money import divide_up, nearest, protection_price
from pipeline.risk.order_life import ON_REQUEST
from pipeline.risk.records import (
    CHECK_OUTCOME_EXEMPT,
    CHECK_OUTCOME_FAIL,
    CHECK_OUTCOME_NOT_EVALUATED,
    CHECK_OUTCOME_NOTIFIED,
    CHECK_OUTCOME_PASS,
    INSTRUMENT_KIND_SPOT,
    ORDER_ACTION_CANCEL,
    ORDER_ACTION_NEW,
    ORDER_ACTION_REPLACE,
    ORDER_TYPE_MARKET,
    SIDE_BUY,
    CheckResult,
    Cover,
    Instrument,
    Order,
    Policy,
    RowBalance,
    RowMark,
    RowOrder,
    RowPosition,
    RowRecent,
    RowUser,
)
from pipeline.risk.results import Standing
from pipeline.risk.rules_in_force import Provisions, RulesInForce
from pipeline.risk.state import LaneState
from pipeline.risk.valuation import Exposures, Holding, holdings_of, standing_of
from pipeline.risk.windows import counted

QUANTITY_LOTS_MAX: Final = 10**12
PRICE_E9_MAX: Final = 10**18
# Of a check that is not limited.
NO_LIMIT: Final = -1
_NOT_COUNTED: Final = -1
# Of nearly every order: never changed.
_NO_COVER: Final[list[Cover]] = []


@mypyc_attr(acyclic=True, free_list_len=1)
class Addition:
    """What an order would add to held. `problem`: the reason for which that has no figure."""

    def __init__(self, problem: str | None, minor: int, margin_minor: int) -> None:
        self.problem: Final = problem
        self.minor: Final = minor
        # How much of it the position's margin would rise by.
        self.margin_minor: Final = margin_minor


@mypyc_attr(acyclic=True, free_list_len=1)
class OrderContext:
    """One order and everything its checks compare it with. `user`: the row of its user."""

    # Of the check that judges now: the place of its limit in the order of the catalogue.
    limit_place: i64 = NO_LIMIT
    # What several checks look at, each found once, when the first of them asks.
    addition: Addition | None = None
    _holdings: list[Holding] | None = None
    _exposures: Exposures | None = None
    _standing: Standing | None = None
    _rates: dict[tuple[str, str], Rate | None] | None = None
    _mark: RowMark | None = None
    _mark_is_known = False
    _balance: RowBalance | None = None
    _balance_is_known = False
    _messages: i64 = _NOT_COUNTED

    def __init__(
        self,
        order: Order,
        user: RowUser | None,
        gate_time: int,
        state: LaneState,
        rules: RulesInForce,
    ) -> None:
        self.order: Final = order
        self.gate_time: Final = gate_time
        self.state: Final = state
        self.rules: Final = rules
        keys = state.keys(order.user_id)
        self.keys: Final = keys
        registered = user if user is not None and user.registered else None
        instrument = rules.instruments.get(order.instrument_id)
        self.user: Final[RowUser | None] = registered
        self.instrument: Final = instrument
        provisions: Provisions | None = None
        recent: RowRecent | None = None
        if registered is not None:
            known = instrument.instrument_id if instrument is not None else ""
            provisions = rules.provisions_of(order.user_id, registered.tier_id, known)
            if known and order.action != ORDER_ACTION_CANCEL:
                recent = state.recent_at(keys.recent(known))
        self.limits: Final = None if provisions is None else provisions.limits
        # Of the checks that have a limit of their own, in the order of the catalogue.
        self.own_limits: Final = None if provisions is None else provisions.own_limits
        self.fee: Final = None if provisions is None else provisions.fee
        # Of a NEW or REPLACE: the user's last accepted orders in the instrument.
        self.recent: Final[RowRecent | None] = recent
        position: RowPosition | None = None
        if instrument is not None:
            position = state.position_at(keys.position(instrument.instrument_id))
        self.position: Final = position
        self.position_lots: Final = 0 if position is None else position.position_lots
        self.working_buy_lots: Final = 0 if position is None else position.working_buy_lots
        self.working_sell_lots: Final = 0 if position is None else position.working_sell_lots
        self.margin_minor: Final = 0 if position is None else position.margin_minor
        self.quantity_lots: Final = order.quantity_lots
        self.quantity_valid: Final = 0 < order.quantity_lots <= QUANTITY_LOTS_MAX
        self.is_market: Final = order.order_type == ORDER_TYPE_MARKET
        price = order.price_e9
        self.price_given: Final = price is not None and 0 < price <= PRICE_E9_MAX
        # Of a MARKET order set by `bound_market`, where that can.
        self.price_e9 = 0 if price is None or self.is_market else price
        self.price_valid = self.price_given and not self.is_market
        self.protection_price_e9: int | None = None
        self.market_problem: str | None = None
        if self.is_market and order.action == ORDER_ACTION_NEW:
            self.market_problem = self._bound_market()
        # Of a CANCEL or REPLACE: the order it refers to, and why it cannot ("": it can).
        self.referred: order_ids.Found | None = None
        if order.action != ORDER_ACTION_NEW:
            self.referred = self._find_referred()
        # Of a REPLACE: the order it changes; and its terms as they are and as they would be.
        self.replaced: Final[RowOrder | None] = self._find_replaced()
        self.terms: Final = None if self.replaced is None else OrderTerms(self.replaced)
        self.terms_after: Final = None if self.replaced is None else self._after(self.replaced)
        # What converted a notional to the limit's currency: set by ORDER_NOTIONAL.
        self.fx_pair: Instrument | None = None
        self.fx_mark: RowMark | None = None
        # Money of other currencies that the order needs pledged: set by BUYING_POWER.
        self.cover = _NO_COVER

    @property
    def limit(self) -> LimitInForce | None:
        """Of a check that is registered as limited: its limit for the user and the instrument.

        Of an instrument that is not known, or of none, it is the one of any instrument. None: no
        registered user, so not evaluated.
        """
        own_limits = self.own_limits
        if own_limits is None or self.limit_place == NO_LIMIT:
            return None
        return own_limits[self.limit_place]

    @property
    def added_lots(self) -> int:
        """What the order would add to what works."""
        terms = self.terms
        if terms is None:
            return self.quantity_lots
        return max(0, self.quantity_lots - terms.filled_lots - terms.open_lots)

    @property
    def extent_known(self) -> bool:
        """Whether it can be said what the order would add."""
        if self.order.action == ORDER_ACTION_REPLACE and self.replaced is None:
            return False
        return self.quantity_valid

    def reduces(self) -> bool:
        """Whether the order can only lower risk, with all working orders counted."""
        instrument = self.instrument
        if instrument is None or self.user is None or not self.extent_known:
            return False
        buys = self.order.side == SIDE_BUY
        if self.replaced is not None and self.added_lots == 0:
            dearer = self.price_valid and self.price_e9 > self.replaced.price_e9
            if not (buys and (dearer or not self.price_valid)):
                return True
        if instrument.kind == INSTRUMENT_KIND_SPOT:
            return not buys
        if buys:
            return self.position_lots + self.working_buy_lots + self.added_lots <= 0
        return self.position_lots - self.working_sell_lots - self.added_lots >= 0

    # -- found once

    def exposures(self, instrument: Instrument, policy: Policy) -> Exposures:
        """What a registered user is exposed to with the order, whose extent is known."""
        found = self._exposures
        if found is None:
            holdings = self.holdings(instrument, policy)
            side = self.order.side
            found = Exposures(self.rules, holdings, instrument, side, self.added_lots)
            self._exposures = found
        return found

    def standing(self, instrument: Instrument, policy: Policy) -> Standing:
        """The user's result in the instrument's currency."""
        found = self._standing
        if found is None:
            holdings = self.holdings(instrument, policy)
            user_id = self.order.user_id
            day = self.rules.business_day
            found = standing_of(self.state, user_id, instrument.currency, holdings, day)
            self._standing = found
        return found

    def holdings(self, instrument: Instrument, policy: Policy) -> list[Holding]:
        """The user's instruments, with the order's, and their marks."""
        found = self._holdings
        if found is None:
            since = self.gate_time - policy.mark_age_ms_max * MS
            own = Holding(instrument, self.position, self.mark(instrument), since)
            found = holdings_of(self.state, self.rules, self.order.user_id, own, since)
            self._holdings = found
        return found

    def mark(self, instrument: Instrument) -> RowMark | None:
        """The latest mark of the order's instrument."""
        if not self._mark_is_known:
            self._mark = self.state.mark(instrument.instrument_id)
            self._mark_is_known = True
        return self._mark

    def balance(self, currency: str) -> RowBalance | None:
        """The user's money in the currency in which the order holds."""
        if not self._balance_is_known:
            self._balance = self.state.balance_at(self.keys.balance(currency))
            self._balance_is_known = True
        return self._balance

    def messages_within(self, user: RowUser) -> int:
        """Accepted messages of the user's last second."""
        if self._messages == _NOT_COUNTED:
            self._messages = counted(user.message_counts, user.message_bucket, self.gate_time)
        return self._messages

    def rate(self, own: str, wanted: str) -> Rate | None:
        """The rate by which one currency becomes another, however old."""
        known = self._rates
        if known is None:
            known = {}
            self._rates = known
        key = (own, wanted)
        if key not in known:
            known[key] = find_rate(self.rules, self.state, own, wanted)
        return known[key]

    def _bound_market(self) -> str | None:
        """Set the prices of a MARKET order; returns why that cannot be, "" where a check says so.

        The protection price bounds what the venue may do. A buy cannot cost more and holds at it; a
        sale has no upper end, and is valued at the mark.
        """
        instrument = self.instrument
        policy = self.rules.policy
        limits = self.limits
        if instrument is None or policy is None or limits is None:
            return ""
        collar = limits.market_collar_bps
        if collar.value is None:
            return "LIMIT_MISSING"
        mark = self.mark(instrument)
        if mark is None:
            return "MARK_MISSING"
        if self.gate_time - mark.as_of > policy.mark_age_ms_max * MS:
            return "MARK_STALE"
        tick = instrument.tick_e9
        buys = self.order.side == SIDE_BUY
        bound = protection_price(mark.price_e9, collar.value, tick, buys=buys)
        price = bound if buys else divide_up(mark.price_e9, tick) * tick
        if not (0 < bound <= PRICE_E9_MAX and 0 < price <= PRICE_E9_MAX):
            return "OUT_OF_RANGE"
        self.protection_price_e9 = bound
        self.price_e9 = price
        self.price_valid = True
        return None

    def _find_referred(self) -> "order_ids.Found | None":
        order_id = self.order.orig_order_id
        if order_id is None or not is_id(order_id, ID_BYTES_MAX):
            return None
        forgotten = self.rules.forgotten_before
        return order_ids.find(self.state, self.order.user_id, order_id, forgotten)

    def open_to_requests(self) -> RowOrder | None:
        """The working order that a CANCEL or REPLACE refers to, unless its end is known."""
        referred = self.referred
        if referred is None or ON_REQUEST[referred.state].cancel:
            return None
        return referred.working

    def _find_replaced(self) -> RowOrder | None:
        working = self.open_to_requests()
        if working is None or self.order.action != ORDER_ACTION_REPLACE:
            return None
        return working if matches(self.order, working) else None

    def _after(self, replaced: RowOrder) -> OrderTerms:
        terms = OrderTerms(replaced)
        if self.quantity_valid:
            terms.pending_quantity_lots = self.quantity_lots
            terms.pending_price_e9 = self.price_e9
        return terms


def matches(replace: Order, working: RowOrder) -> bool:
    """Whether a REPLACE changes nothing but quantity and price."""
    return (
        replace.instrument_id == working.instrument_id
        and replace.side == working.side
        and replace.order_type == working.order_type
        and replace.time_in_force == working.time_in_force
        and replace.expires_at == working.expires_at
    )


# Results without figures are the same for every order: made once, and their bytes kept.
_PASSED: Final[dict[str, CheckResult]] = {}
_SKIPPED: Final[dict[str, CheckResult]] = {}
_EXEMPT: Final[dict[str, CheckResult]] = {}


def _constant(known: dict[str, CheckResult], check: str, outcome: int) -> CheckResult:
    result = CheckResult(check, outcome, None, None, None, None, None)
    result.kept = True
    known[check] = result
    return result


def passed(check: str) -> CheckResult:
    """PASS of a check that compares no figures."""
    known = _PASSED.get(check)
    return _constant(_PASSED, check, CHECK_OUTCOME_PASS) if known is None else known


def failed(check: str, reason_code: str) -> CheckResult:
    """FAIL of a check that compares no figures, or could not."""
    return CheckResult(check, CHECK_OUTCOME_FAIL, reason_code, None, None, None, None)


def not_evaluated(check: str) -> CheckResult:
    """Something the check needs is missing, and another check fails for that."""
    known = _SKIPPED.get(check)
    return _constant(_SKIPPED, check, CHECK_OUTCOME_NOT_EVALUATED) if known is None else known


def exempt(check: str) -> CheckResult:
    """Switched off by policy."""
    known = _EXEMPT.get(check)
    return _constant(_EXEMPT, check, CHECK_OUTCOME_EXEMPT) if known is None else known


def notified(result: CheckResult) -> CheckResult:
    """What failed, where the check's severity lets the order pass."""
    return CheckResult(
        result.check,
        CHECK_OUTCOME_NOTIFIED,
        result.reason_code,
        result.observed,
        result.limit,
        result.limit_version,
        result.headroom,
    )


def failed_at(
    check: str, reason_code: str, limit: int | None, limit_version: int | None
) -> CheckResult:
    """FAIL where the limit is known but there is nothing to compare it with."""
    return CheckResult(check, CHECK_OUTCOME_FAIL, reason_code, None, limit, limit_version, None)


@mypyc_attr(acyclic=True)
class _Compared:
    """Figures that were compared, and what came of it."""

    def __init__(self, observed: i64, limit: i64, result: CheckResult) -> None:
        self.observed: Final[i64] = observed
        self.limit: Final[i64] = limit
        self.result: Final = result


# Comparisons of small figures recur from order to order: each has one place, which the next to
# need it takes. One that recurs is made once, and its bytes are kept.
_PLACES: Final[i64] = 1_024
_SMALL_MAX: Final = 64
_KNOWN: Final = [_Compared(0, 0, CheckResult("", 0, None, None, None, None, None))] * _PLACES


def with_figures(
    check: str, reason_code: str | None, observed: int, limit: int, limit_version: int | None
) -> CheckResult:
    """PASS, or FAIL with `reason_code`; figures outside 64 bits are shown as its nearest end."""
    return _figures(check, reason_code, observed, limit, nearest(limit), limit_version)


def with_figure(check: str, reason_code: str | None, observed: int, figure: Figure) -> CheckResult:
    """The same with a limit that is configured."""
    return _figures(check, reason_code, observed, figure.bound, figure.value, figure.version)


def _figures(
    check: str,
    reason_code: str | None,
    observed: int,
    limit: int,
    limit_shown: int | None,
    limit_version: int | None,
) -> CheckResult:
    """`limit_shown` is the limit as an object, so that none has to be made."""
    if not (-FIGURE_MAX <= observed <= FIGURE_MAX and -FIGURE_MAX <= limit <= FIGURE_MAX):
        headroom = nearest(limit - observed)
        return _made(check, reason_code, nearest(observed), limit_shown, limit_version, headroom)
    seen: i64 = observed
    bound: i64 = limit
    if not 0 <= seen < _SMALL_MAX:
        return _made(check, reason_code, seen, limit_shown, limit_version, bound - seen)
    length: i64 = len(check)
    place = (length ^ (seen << 5) ^ bound ^ (ord(check[length >> 1]) << 2)) & (_PLACES - 1)
    known = _KNOWN[place]
    result = known.result
    if (
        known.observed == seen
        and known.limit == bound
        and result.check == check
        and result.limit_version is limit_version
        and result.reason_code is reason_code
    ):
        result.kept = True
        return result
    result = _made(check, reason_code, seen, limit_shown, limit_version, bound - seen)
    _KNOWN[place] = _Compared(seen, bound, result)
    return result


def _made(
    check: str,
    reason_code: str | None,
    observed: int,
    limit: int | None,
    limit_version: int | None,
    headroom: int,
) -> CheckResult:
    outcome = CHECK_OUTCOME_PASS if reason_code is None else CHECK_OUTCOME_FAIL
    return CheckResult(check, outcome, reason_code, observed, limit, limit_version, headroom)


def compared(
    check: str, reason_code: str, observed: int, limit: int, limit_version: int | None
) -> CheckResult:
    """PASS when observed <= limit, else FAIL with `reason_code`; headroom = limit - observed."""
    reason = None if observed <= limit else reason_code
    return with_figures(check, reason, observed, limit, limit_version)


def within(check: str, reason_code: str, observed: int, figure: Figure) -> CheckResult:
    """`compared` with a configured limit; FAIL with LIMIT_MISSING where none is."""
    if figure.value is None:
        return failed(check, "LIMIT_MISSING")
    reason = None if observed <= figure.bound else reason_code
    return with_figure(check, reason, observed, figure)
