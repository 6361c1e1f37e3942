"""The rows that the inputs of one lane lead to, as far as the auditor knows them.

Owns what each kind of row must say once the last input is applied. Must never look at a changelog.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Final

from pipeline.codecs.avro import encode_order
from pipeline.risk.records import (
    ORDER_TYPE_NAMES,
    RESTRICTION_SUBJECT_NAMES,
    SIDE_BUY,
    SIDE_NAMES,
    SIDE_SELL,
    TIME_IN_FORCE_NAMES,
    TRADING_STATE_NAMES,
)
from tests.chaos.checker_auditor import LaneAuditor, RunningBook
from tests.chaos.checker_conduct import buckets_of
from tests.chaos.checker_lane import LaneJudge
from tests.oracle.book import SIGN, Remembered
from tests.oracle.conduct import Message
from tests.oracle.prices import PERIOD_BUCKETS
from tests.oracle.situation import SeenMark

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
        "H": lambda: {(name,): _band(seen) for name, seen in auditor.marks_seen.items()},
        "Y": lambda: {
            (user, currency): {
                "trading_minor": book.trading_minor(currency),
                "day": result.day,
                "opening_minor": result.opening,
                "last_minor": result.last,
                "peak_minor": result.peak,
            }
            for user, book in books.items()
            for currency, result in book.results.items()
        },
        "I": lambda: {
            (user,): {"instrument_ids": sorted(book.holdings())}
            for user, book in books.items()
            if book.holdings()
        },
        "J": lambda: _with_figures(
            {
                (user, algo_id): {"executions_count": count}
                for user, book in books.items()
                for algo_id, count in book.conduct.algorithms.items()
            }
        ),
        "E": lambda: {
            (user, name): _recent(book, name)
            for user, book in books.items()
            for name in book.conduct.recents
        },
        "N": lambda: {
            (RESTRICTION_SUBJECT_NAMES[subject], id_, where or ""): {"version": version}
            for (subject, id_, where), version in auditor.steering.restrictions.items()
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
    conduct = book.conduct
    newest, counts = buckets_of(conduct.orders)
    newest_message, message_counts = buckets_of(conduct.messages)
    row: Row = {
        "registered": False,
        "orders_count": book.orders_count,
        "messages_count": book.messages_count,
        "open_orders_count": len(book.open_orders()),
        "deficit_count": len(book.short),
        "rate_bucket": newest,
        "rate_counts": counts,
        "activity_day": conduct.day,
        "messages_today": conduct.messages_on(conduct.day),
        "trades_today": conduct.trades_on(conduct.day),
        "instant_cancels_today": conduct.instant_cancels_on(conduct.day),
        "pushes_today": conduct.pushes_on(conduct.day),
        "message_bucket": newest_message,
        "message_counts": message_counts,
        "latched": list(book.latched),
        "halted_by": list(book.halted_by),
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


def _recent(book: RunningBook, name: str) -> Row:
    recent = book.conduct.recent(name)
    buy, sell = (book.conduct.last_limit(name, side) for side in (SIDE_BUY, SIDE_SELL))
    return {
        "at": [message.at for message in recent],
        "lots": [_signed_lots(message) for message in recent],
        "price_e9": [message.order.price_e9 or 0 for message in recent],
        "buy_price_e9": 0 if buy is None else buy.order.price_e9,
        "buy_at": 0 if buy is None else buy.at,
        "sell_price_e9": 0 if sell is None else sell.order.price_e9,
        "sell_at": 0 if sell is None else sell.at,
    }


def _signed_lots(message: Message) -> int:
    lots = message.order.quantity_lots
    return lots if message.order.side == SIDE_BUY else -lots


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


def _band(seen: list[SeenMark]) -> Row:
    """The range of an instrument's marks, bucket by bucket, back from that of the newest mark."""
    width_us = seen[-1].width_us
    newest = seen[-1].gate_time // width_us
    prices = [
        [mark.price_e9 for mark in seen if mark.gate_time // width_us == newest - back]
        for back in range(PERIOD_BUCKETS)
    ]
    return {
        "width_us": width_us,
        "bucket": newest,
        "low_e9": [min(bucket, default=0) for bucket in prices],
        "high_e9": [max(bucket, default=0) for bucket in prices],
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
