"""The rows that the inputs of one lane lead to, as far as the auditor knows them.

Owns what each kind of row must say once the last input is applied. Must never look at a changelog.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final

from pipeline.codecs.avro import encode_order
from pipeline.risk.records import (
    ORDER_TYPE_NAMES,
    SIDE_NAMES,
    TIME_IN_FORCE_NAMES,
    TRADING_STATE_NAMES,
)
from tests.chaos.checker_auditor import LaneAuditor, RunningBook
from tests.chaos.checker_lane import LaneJudge
from tests.oracle.book import SIGN, Remembered

# What follows the kind in a row's key; its figures by name; rows by key.
Parts = tuple[str, ...]
Row = dict[str, Any]
Rows = dict[Parts, Row]
_NO_SESSION: Final = -1
_NOTHING: Final = {"settled_on": _NO_SESSION}


def says_anything(row: Row) -> bool:
    """Whether any figure is not that of nothing: a row of nothing may be stored or not."""
    return any(
        figure != _NOTHING.get(name, 0) for name, figure in row.items() if isinstance(figure, int)
    )


def expected_rows(judge: LaneJudge) -> dict[str, Rows]:
    """Rows by kind; of each, the figures that the inputs decide."""
    auditor = judge.auditor
    books = _books(auditor)
    bound = auditor.forgotten_before
    makers: dict[str, Callable[[], Rows]] = {
        "U": lambda: {(u,): _user(auditor, u, book) for u, book in books.items() if book.exists},
        "B": lambda: _with_figures(_balances(books)),
        "P": lambda: _with_figures(_positions(books)),
        "O": lambda: {
            (user, known.order.order_id): _order(known)
            for user, book in books.items()
            for known in book.open_orders()
        },
        "A": lambda: {
            (user, alias): {"root_order_id": known.order.order_id}
            for user, book in books.items()
            for known in book.open_orders()
            for alias in known.aliases
        },
        "D": lambda: {
            (user, order_id): _decision(known)
            for user, book in books.items()
            for order_id, known in book.orders.everything().items()
            if not known.open and known.touched >= bound
        },
        "X": lambda: _executions(auditor, bound),
        "T": lambda: _seen(auditor.seen_deposits.items(), bound),
        "W": lambda: {
            (user, name): {"currency": pending.currency, "amount_minor": pending.amount}
            for user, book in books.items()
            for name, pending in book.pending.items()
        },
        "S": lambda: {
            (user, *currencies): {
                "covered_minor": pledge.covered,
                "pledged_minor": pledge.pledged,
            }
            for user, book in books.items()
            for currencies, pledge in book.pledges.items()
        },
        "M": lambda: {
            (name,): {"price_e9": price, "as_of": as_of}
            for name, (price, as_of) in auditor.marks.items()
        },
        "G": lambda: _head(judge),
        "L": lambda: _lane(judge),
    }
    return {kind: make() for kind, make in makers.items()}


def _books(auditor: LaneAuditor) -> dict[str, RunningBook]:
    return {user: book for user, book in auditor.books.items() if isinstance(book, RunningBook)}


def _with_figures(rows: Rows) -> Rows:
    return {key: row for key, row in rows.items() if says_anything(row)}


def _user(auditor: LaneAuditor, user: str, book: RunningBook) -> Row:
    newest, counts = book.rate_window()
    row: Row = {
        "registered": False,
        "orders_count": book.orders_count,
        "messages_count": book.messages_count,
        "open_orders_count": len(book.open_orders()),
        "deficit_count": len(book.short),
        "rate_bucket": newest,
        "rate_counts": counts,
    }
    account = auditor.accounts.get(user)
    if account is not None:
        row |= {
            "registered": True,
            "account_tenant_id": account.account_tenant_id,
            "tier_id": account.tier_id,
            "trading_state": TRADING_STATE_NAMES[account.trading_state],
            "version": auditor.versions[user],
        }
    return row


def _balances(books: dict[str, RunningBook]) -> Rows:
    return {
        (user, currency): {
            "cash_minor": book.cash(currency),
            "held_minor": book.held(currency),
            "covered_minor": book.covered(currency),
            "covered_by": sorted(by for into, by in book.pledges if into == currency),
            "pledged_minor": book.pledged(currency),
            "pending_withdrawals_minor": book.pending_total(currency),
        }
        | {f"{column}_minor": book.total(currency, column) for column in SIGN}
        for user, book in books.items()
        for currency in book.currencies()
    }


def _positions(books: dict[str, RunningBook]) -> Rows:
    rows: Rows = {}
    for user, book in books.items():
        for name in book.trades.open.keys() | book.margined.keys():
            position, buys, sells = book.lots(name)
            margined = book.margined.get(name)
            rows[user, name] = {
                "position_lots": position,
                "working_buy_lots": buys,
                "working_sell_lots": sells,
                "open_cost_e9": book.open_cost_e9(name),
                "settled_on": book.settled.get(name, _NO_SESSION),
                "margin_minor": 0 if margined is None else book.margin_of(margined),
            }
    return rows


def _order(known: Remembered) -> Row:
    order, current, pending = known.order, known.current, known.pending
    currency, amount = known.hold
    row: Row = {
        name: getattr(order, name)
        for name in (
            "tenant_id",
            "instrument_id",
            "expires_at",
            "trader_id",
            "algo_id",
            "desk_id",
            "counterparty_id",
        )
    }
    if current is not None:
        row |= {
            "current_order_id": current.order_id,
            "quantity_lots": current.quantity_lots,
            "price_e9": current.price_e9,
        }
    return row | {
        "side": SIDE_NAMES[order.side],
        "order_type": ORDER_TYPE_NAMES[order.order_type],
        "time_in_force": TIME_IN_FORCE_NAMES[order.time_in_force],
        "pending_order_id": None if pending is None else pending.order_id,
        "pending_quantity_lots": 0 if pending is None else pending.quantity_lots,
        "pending_price_e9": 0 if pending is None else pending.price_e9,
        "filled_lots": known.filled,
        "final_lots": known.final,
        "acknowledged": known.acknowledged,
        "cancel_requested": known.cancel_requested,
        "hold_minor": amount,
        "hold_currency": currency,
        "lane_sequence": known.lane_sequence,
        "accepted_at": known.accepted_at,
        "business_day": known.business_day,
        "touched_at": known.touched,
        "content_hash": sha256(encode_order(order)).digest(),
    }


def _decision(known: Remembered) -> Row:
    order, ended = known.order, known.is_order
    return {
        "verdict": "ACCEPTED" if known.accepted else "REJECTED",
        "reason_code": known.reason_code,
        "lane_sequence": known.lane_sequence,
        "touched_at": known.touched,
        "content_hash": sha256(encode_order(order)).digest(),
        "root_order_id": known.root,
        "instrument_id": order.instrument_id if ended else None,
        "side": SIDE_NAMES[order.side] if ended else None,
        "filled_lots": known.filled,
    }


def _seen(remembered: Iterable[tuple[Parts, int]], bound: int) -> Rows:
    return {key: {"touched_at": touched} for key, touched in remembered if touched >= bound}


def _executions(auditor: LaneAuditor, bound: int) -> Rows:
    rows: Rows = {}
    for key, touched in auditor.seen_reports.items():
        if touched >= bound:
            kept = auditor.executions[key]
            rows[key] = kept._asdict() | {
                "touched_at": touched,
                "side": None if kept.side is None else SIDE_NAMES[kept.side],
            }
    return rows


def _head(judge: LaneJudge) -> Rows:
    auditor, last = judge.auditor, judge.last_audit
    if last is None:
        return {}
    return {
        (): {
            "lane_sequence": last["lane_sequence"],
            "gate_time": last["gate_time"],
            "forgotten_before": auditor.forgotten_before,
            "chain_head": judge.chain_head,
            "state_digest": last["state_digest"],
            "control_number": auditor.control_number,
            "core_version": auditor.core_version,
            "remembered_until": [span.until for span in auditor.memory.spans],
            "remembered_counts": [len(span.touched) for span in auditor.memory.spans],
            "ahead_until": sorted(auditor.memory.ahead),
            "ahead_counts": [len(span.touched) for _, span in sorted(auditor.memory.ahead.items())],
            "business_day": auditor.open_day,
            "day_event_counts": dict(judge.events.counts),
        }
    }


def _lane(judge: LaneJudge) -> Rows:
    return {(): {"lane": judge.lane}} if judge.applied else {}
