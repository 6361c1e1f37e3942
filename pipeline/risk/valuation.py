"""A user's instruments at their marks: what they expose the user to, and what has been gained.

Owns which instruments count, the sums of exposure by group, and the value of open positions
(docs/rules.md, "Exposure", "Credit and results"). Knows no limit; changes nothing. Compiled with
mypyc.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from pipeline.risk.money import exposed, fits, settled
from pipeline.risk.records import (
    INSTRUMENT_KIND_FUTURE,
    SIDE_BUY,
    Instrument,
    RowMark,
    RowPosition,
)
from pipeline.risk.results import Standing
from pipeline.risk.rules_in_force import RulesInForce
from pipeline.risk.state import InvariantViolated, LaneState
from pipeline.risk.unboxed import product

MARK_MISSING: Final = "MARK_MISSING"
MARK_STALE: Final = "MARK_STALE"
OUT_OF_RANGE: Final = "OUT_OF_RANGE"


@mypyc_attr(acyclic=True)
class Holding:
    """What a user has of one instrument, and its mark. `problem`: why it cannot be valued."""

    def __init__(
        self,
        instrument: Instrument,
        position: RowPosition | None,
        mark: RowMark | None,
        marked_since: int,
    ) -> None:
        self.instrument: Final = instrument
        self.position_lots: Final = 0 if position is None else position.position_lots
        self.working_buy_lots: Final = 0 if position is None else position.working_buy_lots
        self.working_sell_lots: Final = 0 if position is None else position.working_sell_lots
        self.open_cost_e9: Final = 0 if position is None else position.open_cost_e9
        self.price_e9: Final = 0 if mark is None else mark.price_e9
        problem: str | None = None
        if mark is None:
            problem = MARK_MISSING
        elif mark.as_of < marked_since:
            problem = MARK_STALE
        self.problem: Final = problem

    def open_minor(self) -> int:
        """What the position would settle for at the mark, less what a future's lots have cost."""
        value_e9 = product(self.price_e9, self.position_lots)
        if self.instrument.kind == INSTRUMENT_KIND_FUTURE:
            value_e9 -= self.open_cost_e9
        return settled(self.instrument, value_e9)


def holdings_of(
    state: LaneState, rules: RulesInForce, user_id: str, own: Holding, marked_since: int
) -> list[Holding]:
    """The user's instruments with `own` among them; marks older than `marked_since` are stale."""
    found: list[Holding] = []
    has_own = False
    row = state.holdings(user_id)
    if row is not None:
        own_id = own.instrument.instrument_id
        for instrument_id in row.instrument_ids:
            if instrument_id == own_id:
                found.append(own)
                has_own = True
                continue
            instrument = rules.instruments.get(instrument_id)
            if instrument is None:
                raise InvariantViolated("the instrument of a position is gone")
            position = state.position(user_id, instrument_id)
            found.append(Holding(instrument, position, state.mark(instrument_id), marked_since))
    if not has_own:
        found.append(own)
    return found


@mypyc_attr(acyclic=True)
class Exposure:
    """What instruments of one currency expose a user to, in its minor units."""

    def __init__(self) -> None:
        self.gross_minor = 0
        self.long_minor = 0
        self.short_minor = 0

    def count(self, figures: tuple[int, int, int]) -> None:
        """Count an instrument's (gross, long, short)."""
        self.gross_minor += figures[0]
        self.long_minor += figures[1]
        self.short_minor += figures[2]


@mypyc_attr(acyclic=True)
class Group(Exposure):
    """Instruments whose exposure counts together.

    Its own figures are those of instruments in the currency of the order's; `foreign`: of the
    others, by currency. `problem`: why they cannot be valued.
    """

    def __init__(self, currency: str) -> None:
        super().__init__()
        self.currency: Final = currency
        self.foreign: dict[str, Exposure] | None = None
        self.problem: str | None = None

    def add(self, holding: Holding, figures: tuple[int, int, int]) -> None:
        """Count an instrument."""
        if holding.problem is not None:
            if self.problem != MARK_MISSING:
                self.problem = holding.problem
            return
        currency = holding.instrument.currency
        if currency == self.currency:
            self.count(figures)
            return
        foreign = self.foreign
        if foreign is None:
            foreign = {}
            self.foreign = foreign
        exposure = foreign.get(currency)
        if exposure is None:
            exposure = Exposure()
            foreign[currency] = exposure
        exposure.count(figures)


@mypyc_attr(acyclic=True, free_list_len=1)
class Exposures:
    """The groups of one order: with what it would add. `sector`: None for one without a sector."""

    def __init__(
        self,
        rules: RulesInForce,
        holdings: list[Holding],
        own: Instrument,
        side: int,
        added_lots: int,
    ) -> None:
        sector_id = _sector_of(rules, own.instrument_id)
        # Where the user has nothing but the order's instrument, the groups are one.
        is_alone = len(holdings) == 1
        group = Group(own.currency)
        currency = group if is_alone else Group(own.currency)
        user = group if is_alone else Group(own.currency)
        sector: Group | None = None
        if sector_id is not None:
            sector = group if is_alone else Group(own.currency)
        self.instrument: Final = group
        self.currency: Final = currency
        self.user: Final = user
        self.sector: Final = sector
        for holding in holdings:
            instrument = holding.instrument
            is_own = instrument.instrument_id == own.instrument_id
            figures = _figures(holding, side, added_lots if is_own else 0)
            if is_own:
                group.add(holding, figures)
            if is_alone:
                break
            user.add(holding, figures)
            if instrument.currency == own.currency:
                currency.add(holding, figures)
            if sector is not None and (
                is_own or _sector_of(rules, instrument.instrument_id) == sector_id
            ):
                sector.add(holding, figures)


def _sector_of(rules: RulesInForce, instrument_id: str) -> str | None:
    listing = rules.checks.listings.get(instrument_id)
    return None if listing is None else listing.sector_id


def _figures(holding: Holding, side: int, added_lots: int) -> tuple[int, int, int]:
    buys = holding.working_buy_lots
    sells = holding.working_sell_lots
    if side == SIDE_BUY:
        buys += added_lots
    else:
        sells += added_lots
    return exposed(holding.instrument, holding.price_e9, holding.position_lots, buys, sells)


def standing_of(
    state: LaneState, user_id: str, currency: str, holdings: list[Holding], open_day: int
) -> Standing:
    """The result in a currency with every open position at its mark."""
    problem: str | None = None
    open_minor = 0
    for holding in holdings:
        if holding.position_lots == 0 or holding.instrument.currency != currency:
            continue
        if holding.problem is None:
            open_minor += holding.open_minor()
        elif problem != MARK_MISSING:
            problem = holding.problem
    row = state.result(user_id, currency)
    if problem is None and not fits(open_minor + (0 if row is None else row.trading_minor)):
        problem = OUT_OF_RANGE
    return Standing(problem, row, open_minor, open_day)
