"""What trading has brought a user in a currency: `row_result`, for DAILY_LOSS and DRAWDOWN.

Owns the row: trades and settlements by price add to it, and a decision writes down what the result
was worth then (docs/rules.md, "Credit and results"). What open positions are worth is found by
`valuation.py`. Compiled with mypyc.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from pipeline.risk.records import RowGate, RowResult
from pipeline.risk.state import LaneState


@mypyc_attr(acyclic=True, free_list_len=1)
class Standing:
    """A result as valued now, and what it is compared with on the open day.

    `problem`: why it cannot be valued; the figures say nothing then.
    """

    def __init__(
        self, problem: str | None, row: RowResult | None, open_minor: int, open_day: int
    ) -> None:
        self.problem: Final = problem
        trading = 0
        opening = 0
        peak = 0
        if row is not None:
            trading = row.trading_minor
            # The first to look on a new day compares with what was found last, at night or before.
            is_new_day = row.day < open_day
            opening = row.last_minor if is_new_day else row.opening_minor
            peak = row.last_minor if is_new_day else row.peak_minor
        self.result_minor: Final = trading + open_minor
        self.opening_minor: Final = opening
        self.peak_minor: Final = max(peak, self.result_minor)


class Results:
    """The results of one lane's users."""

    def __init__(self, state: LaneState, head: RowGate) -> None:
        self.state: Final = state
        self.head: Final = head

    def trading(self, user_id: str, currency: str) -> int:
        """What trades and settlements by price have brought, less fees."""
        row = self.state.result(user_id, currency)
        return 0 if row is None else row.trading_minor

    def traded(self, user_id: str, currency: str, trading_minor: int) -> None:
        """A trade or a settlement has brought it to `trading_minor`."""
        row = self.state.result(user_id, currency)
        if row is None:
            row = RowResult(0, self.head.business_day, 0, 0, 0)
        row.trading_minor = trading_minor
        self.state.put(self.state.keys(user_id).result(currency), row)

    def valued(self, user_id: str, currency: str, standing: Standing) -> None:
        """Write down what was found, which has to fit 64 bits; nothing where it is known."""
        row = self.state.result(user_id, currency)
        day = self.head.business_day
        opening = standing.opening_minor
        last = standing.result_minor
        peak = standing.peak_minor
        if row is None:
            row = RowResult(0, day, opening, last, peak)
        elif row.day == day and row.last_minor == last and row.peak_minor == peak:
            # Within a day the opening stays.
            return
        row.day = day
        row.opening_minor = opening
        row.last_minor = last
        row.peak_minor = peak
        self.state.put(self.state.keys(user_id).result(currency), row)
