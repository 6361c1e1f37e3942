"""An order's life: where it can be, what can happen to it there, and what that comes to.

Owns the two tables (states x execution reports, states x requests); `executions.py`, the checks and
the sweep act by them, docs/order-life.md is written from them. Every cell is defined. Compiled
with mypyc.
"""

from typing import Final

from pipeline.risk.records import (
    EXEC_TYPE_CANCEL_REJECTED,
    EXEC_TYPE_CANCELED,
    EXEC_TYPE_EXPIRED,
    EXEC_TYPE_FILL,
    EXEC_TYPE_NEW,
    EXEC_TYPE_PARTIAL_FILL,
    EXEC_TYPE_REJECTED,
    EXEC_TYPE_REPLACED,
    EXEC_TYPE_TRADE_CANCEL,
    EXEC_TYPE_TRADE_CORRECT,
    RowOrder,
)

# -- states

UNKNOWN: Final = 0
REFUSED: Final = 1
PENDING_NEW: Final = 2
WORKING: Final = 3
PENDING_CANCEL: Final = 4
PENDING_REPLACE: Final = 5
PENDING_BOTH: Final = 6
CLOSING: Final = 7
ENDED: Final = 8

STATES: Final[tuple[tuple[str, str], ...]] = (
    ("UNKNOWN", "The gate has not seen the id, or remembers it no more."),
    ("REFUSED", "The gate has rejected it."),
    ("PENDING_NEW", "Accepted; the venue has not reported on it."),
    ("WORKING", "The venue has reported on it, and nothing is asked of it."),
    ("PENDING_CANCEL", "A cancel was accepted, and not answered yet."),
    ("PENDING_REPLACE", "A replace was accepted, and not answered yet: both versions are covered."),
    ("PENDING_BOTH", "A replace and after it a cancel were accepted, and not answered yet."),
    ("CLOSING", "A terminal report was seen; fills it counts are still to come, and are held for."),
    ("ENDED", "It holds nothing any more."),
)


def state_of(order: RowOrder) -> int:
    """Where an order with a row of its own is."""
    if order.final_lots is not None:
        return CLOSING
    if order.pending_order_id is not None:
        return PENDING_BOTH if order.cancel_requested else PENDING_REPLACE
    if order.cancel_requested:
        return PENDING_CANCEL
    return WORKING if order.acknowledged else PENDING_NEW


# -- execution reports

NOTHING: Final = 0
TRADE: Final = 1
CLOSE: Final = 2
REPLACE: Final = 3
ANSWER: Final = 4
BUST: Final = 5
CORRECT: Final = 6

EFFECTS: Final[tuple[tuple[str, str], ...]] = (
    ("nothing", "No more than that an order which works counts as acknowledged."),
    ("trade", "Lots change hands; without lots, nothing."),
    ("close", "cum_lots is final: what was not filled is released, what is still unseen is held."),
    ("replace", "The pending version is in force; the other one is released."),
    ("answer", "The request was refused: the pending replace is dropped, else the cancel."),
    ("bust", "The trade it names is taken back."),
    ("correct", "The trade it names is taken back, and the right one made."),
)


class Cell:
    """What a report comes to in a state, and what is odd about that ("": nothing)."""

    def __init__(self, effect: int, flag: str = "") -> None:
        self.effect: Final = effect
        self.flag: Final = flag


def _reports(close: Cell, replaced: Cell, answer: Cell) -> dict[int, Cell]:
    """The row of a state in which an order is alive."""
    return {
        EXEC_TYPE_NEW: Cell(NOTHING),
        EXEC_TYPE_PARTIAL_FILL: Cell(TRADE),
        EXEC_TYPE_FILL: Cell(TRADE),
        EXEC_TYPE_CANCELED: close,
        EXEC_TYPE_REJECTED: close,
        EXEC_TYPE_EXPIRED: close,
        EXEC_TYPE_REPLACED: replaced,
        EXEC_TYPE_CANCEL_REJECTED: answer,
        EXEC_TYPE_TRADE_CANCEL: Cell(BUST),
        EXEC_TYPE_TRADE_CORRECT: Cell(CORRECT),
    }


def _no_order(flag: str) -> dict[int, Cell]:
    """The row of an id that names no order of the gate: trades count, nothing else does."""
    nothing = Cell(NOTHING, flag)
    row = _reports(nothing, nothing, nothing)
    row[EXEC_TYPE_NEW] = nothing
    row[EXEC_TYPE_PARTIAL_FILL] = Cell(TRADE, flag)
    row[EXEC_TYPE_FILL] = Cell(TRADE, flag)
    row[EXEC_TYPE_TRADE_CANCEL] = Cell(BUST, flag)
    row[EXEC_TYPE_TRADE_CORRECT] = Cell(CORRECT, flag)
    return row


def _ended() -> dict[int, Cell]:
    row = _reports(Cell(NOTHING), Cell(NOTHING, "UNKNOWN_REPLACE"), Cell(NOTHING))
    row[EXEC_TYPE_PARTIAL_FILL] = Cell(TRADE, "LATE_FILL")
    row[EXEC_TYPE_FILL] = Cell(TRADE, "LATE_FILL")
    return row


_UNASKED: Final = Cell(NOTHING, "UNKNOWN_REPLACE")

ON_REPORT: Final[dict[int, dict[int, Cell]]] = {
    UNKNOWN: _no_order("UNKNOWN_ORDER"),
    REFUSED: _no_order("REJECTED_ORDER"),
    PENDING_NEW: _reports(Cell(CLOSE), _UNASKED, Cell(ANSWER)),
    WORKING: _reports(Cell(CLOSE), _UNASKED, Cell(ANSWER)),
    PENDING_CANCEL: _reports(Cell(CLOSE), _UNASKED, Cell(ANSWER)),
    PENDING_REPLACE: _reports(Cell(CLOSE), Cell(REPLACE), Cell(ANSWER)),
    PENDING_BOTH: _reports(Cell(CLOSE), Cell(REPLACE), Cell(ANSWER)),
    CLOSING: _reports(Cell(NOTHING), _UNASKED, Cell(ANSWER)),
    ENDED: _ended(),
}

# -- requests: the reason they are refused for, "" where they are not


class Requests:
    """What a client or the gate itself may ask for in a state."""

    def __init__(self, cancel: str, replace: str, *, expires: bool, is_orphan: bool) -> None:
        self.cancel: Final = cancel
        self.replace: Final = replace
        self.expires: Final = expires
        self.is_orphan: Final = is_orphan


_GONE: Final = "ORIG_ORDER_CLOSED"
_UNHEARD_OF: Final = "ORIG_ORDER_UNKNOWN"

ON_REQUEST: Final[dict[int, Requests]] = {
    UNKNOWN: Requests(_UNHEARD_OF, _UNHEARD_OF, expires=False, is_orphan=False),
    REFUSED: Requests(_UNHEARD_OF, _UNHEARD_OF, expires=False, is_orphan=False),
    PENDING_NEW: Requests("", "", expires=True, is_orphan=True),
    WORKING: Requests("", "", expires=True, is_orphan=False),
    # Until the venue reports, whatever is asked for meanwhile, it is an orphan in its time.
    PENDING_CANCEL: Requests("", "CANCEL_PENDING", expires=True, is_orphan=True),
    PENDING_REPLACE: Requests("", "REPLACE_PENDING", expires=True, is_orphan=True),
    PENDING_BOTH: Requests("", "CANCEL_PENDING", expires=True, is_orphan=True),
    CLOSING: Requests(_GONE, _GONE, expires=False, is_orphan=False),
    ENDED: Requests(_GONE, _GONE, expires=False, is_orphan=False),
}
