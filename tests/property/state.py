"""That the gate's rows lead to the same figures as the auditor's books.

Owns what of each kind of row is compared. Must never ask either side how it came to it.
"""

from pipeline.risk import keys
from pipeline.risk.records import RESTRICTION_SUBJECT_NAMES, SIDE_BUY, SIDE_SELL, RowUser
from tests.oracle.auditor import Auditor
from tests.oracle.book import SIGN, Book, Remembered
from tests.oracle.conduct import Conduct, Message
from tests.oracle.prices import PERIOD_BUCKETS, same_width
from tests.oracle.situation import SeenMark
from tests.property.gate import Gate


def assert_same_state(gate: Gate, auditor: Auditor) -> None:
    """Money, positions, orders, counts and conduct of every user, from rows and from the books."""
    assert balances(gate) == {
        (user, currency): figures_of(book, currency)
        for user, book in auditor.books.items()
        for currency in book.currencies()
        if any(figures_of(book, currency))
    }
    assert positions(gate) == {
        (user, name): lots_of(book, name)
        for user, book in auditor.books.items()
        for name in {trade.instrument_id for trade in book.trades} | set(book.margined)
        if any(lots_of(book, name)[:-1])
    }
    assert orders(gate) == {
        (user, known.order.order_id): terms_of(known)
        for user, book in auditor.books.items()
        for known in book.open_orders()
    }
    assert {key: row.root_order_id for key, row in gate.aliases().items()} == {
        (user, alias): known.order.order_id
        for user, book in auditor.books.items()
        for known in book.open_orders()
        for alias in known.aliases
    }
    assert {key: (row.covered_minor, row.pledged_minor) for key, row in gate.pledges().items()} == {
        (user, *currencies): tuple(pledge)
        for user, book in auditor.books.items()
        for currencies, pledge in book.pledges.items()
    }
    assert executions(gate) == remembered_trades(auditor)
    assert {
        user: (r.orders_count, r.messages_count, r.open_orders_count, r.deficit_count)
        for (user,), r in gate.users().items()
    } == {
        user: (b.orders_count, b.messages_count, len(b.open_orders()), len(b.short))
        for user, b in auditor.books.items()
        if b.exists
    }
    assert_same_conduct(gate, auditor)
    assert_same_stakes(gate, auditor)


def assert_same_stakes(gate: Gate, auditor: Auditor) -> None:
    """Where users have something, what trading has brought them, and where marks have been."""
    assert {
        user: row.instrument_ids
        for (user,), row in gate.rows_of(keys.HOLDINGS).items()
        if row.instrument_ids
    } == {user: sorted(book.holdings()) for user, book in auditor.books.items() if book.holdings()}
    assert {
        key: (row.trading_minor, row.day, row.opening_minor, row.last_minor, row.peak_minor)
        for key, row in gate.rows_of(keys.RESULT).items()
    } == {
        (user, currency): (book.trading_minor(currency), *result)
        for user, book in auditor.books.items()
        for currency, result in book.results.items()
    }
    assert {
        name: (row.width_us, row.bucket, row.low_e9, row.high_e9)
        for (name,), row in gate.rows_of(keys.BAND).items()
    } == {name: band_of(seen) for name, seen in auditor.marks_seen.items()}


def assert_same_conduct(gate: Gate, auditor: Auditor) -> None:
    """What users have sent and traded, what has stopped them, and who is on a list."""
    day = 0 if auditor.open_day is None else auditor.open_day
    assert {
        user: (row_today(row, day), row.latched, row.halted_by)
        for (user,), row in gate.users().items()
    } == {
        user: (today(book.conduct, day), list(book.latched), list(book.halted_by))
        for user, book in auditor.books.items()
        if book.exists
    }
    algorithms = {
        key: row.executions_count
        for key, row in gate.rows_of(keys.ALGORITHM).items()
        if row.executions_count
    }
    assert algorithms == {
        (user, algo_id): book.conduct.executions_of(algo_id)
        for user, book in auditor.books.items()
        for algo_id in set(book.conduct.executions)
    }
    assert recents(gate) == {
        (user, name): recent_of(book.conduct, name)
        for user, book in auditor.books.items()
        for name in {m.order.instrument_id for m in book.conduct.messages if m.is_order}
    }
    assert {key: row.version for key, row in gate.rows_of(keys.RESTRICTION).items()} == {
        (RESTRICTION_SUBJECT_NAMES[subject], id_, where or ""): version
        for (subject, id_, where), version in auditor.steering.restrictions.items()
    }


def band_of(seen: list[SeenMark]) -> tuple[int, int, list[int], list[int]]:
    """Width and newest bucket of the marks; the lowest and highest of it and of the 8 before it."""
    width_us = seen[-1].width_us
    newest = seen[-1].gate_time // width_us
    buckets = [
        [mark.price_e9 for mark in same_width(seen) if mark.gate_time // width_us == newest - back]
        for back in range(PERIOD_BUCKETS)
    ]
    lows = [min(prices, default=0) for prices in buckets]
    return width_us, newest, lows, [max(prices, default=0) for prices in buckets]


def row_today(row: RowUser, day: int) -> tuple[int, int, int, int]:
    """Messages, trades, instant cancels and pushes of a business day."""
    if row.activity_day != day:
        return 0, 0, 0, 0
    trades, cancels = row.trades_today, row.instant_cancels_today
    return row.messages_today, trades, cancels, row.pushes_today


def today(conduct: Conduct, day: int) -> tuple[int, int, int, int]:
    """The same from what the user has sent."""
    trades, cancels = conduct.trades_on(day), conduct.instant_cancels_on(day)
    return conduct.messages_on(day), trades, cancels, conduct.pushes_on(day)


def recents(gate: Gate) -> dict[tuple[str, ...], tuple[object, ...]]:
    """The orders that are remembered by content, and the last price of each side."""
    return {
        key: (
            list(zip(row.at, row.lots, row.price_e9, strict=True)),
            (row.buy_price_e9, row.buy_at),
            (row.sell_price_e9, row.sell_at),
        )
        for key, row in gate.rows_of(keys.RECENT).items()
    }


def recent_of(conduct: Conduct, name: str) -> tuple[object, ...]:
    """The same from what the user has sent."""
    contents = [(m.at, signed_lots(m), m.order.price_e9 or 0) for m in conduct.recent(name)]
    last = (conduct.last_limit(name, side) for side in (SIDE_BUY, SIDE_SELL))
    return contents, *((0, 0) if m is None else (m.order.price_e9, m.at) for m in last)


def signed_lots(message: Message) -> int:
    """Its quantity, negative of a SELL."""
    lots = message.order.quantity_lots
    return lots if message.order.side == SIDE_BUY else -lots


def balances(gate: Gate) -> dict[tuple[str, ...], list[int]]:
    """Cash, held, covered, pledged, pending and each column, where any is not zero."""
    figures = {
        key: [
            row.cash_minor,
            row.held_minor,
            row.covered_minor,
            row.pledged_minor,
            row.pending_withdrawals_minor,
            row.deposited_minor,
            row.withdrawn_minor,
            row.adjusted_minor,
            row.traded_minor,
            row.fees_minor,
        ]
        for key, row in gate.balances().items()
    }
    return {key: figure for key, figure in figures.items() if any(figure)}


def figures_of(book: Book, currency: str) -> list[int]:
    """The same from the auditor's entries."""
    columns = [book.total(currency, column) for column in SIGN]
    secured = [book.covered(currency), book.pledged(currency)]
    pending = book.pending_total(currency)
    return [book.cash(currency), book.held(currency), *secured, pending, *columns]


def positions(gate: Gate) -> dict[tuple[str, ...], list[int]]:
    """Position, what works on each side, and open cost, where any is not zero; session settled."""
    figures = {
        key: [row.position_lots, row.working_buy_lots, row.working_sell_lots, row.open_cost_e9]
        for key, row in gate.positions().items()
    }
    settled = {key: row.settled_on for key, row in gate.positions().items()}
    return {key: [*figure, settled[key]] for key, figure in figures.items() if any(figure)}


def lots_of(book: Book, name: str) -> list[int]:
    """The same from the auditor's trades and orders."""
    working = [book.working(name, SIDE_BUY), book.working(name, SIDE_SELL)]
    return [book.position(name), *working, book.open_cost_e9(name), book.settled.get(name, -1)]


def orders(gate: Gate) -> dict[tuple[str, ...], tuple[object, ...]]:
    """What is in force and asked for of each working order, and how far it has come."""
    return {
        key: (
            (row.current_order_id, row.quantity_lots, row.price_e9),
            (row.pending_order_id, row.pending_quantity_lots, row.pending_price_e9),
            (row.filled_lots, row.final_lots, row.acknowledged, row.cancel_requested),
            (row.accepted_at, row.business_day),
        )
        for key, row in gate.orders().items()
    }


def terms_of(known: Remembered) -> tuple[object, ...]:
    """The same from the auditor's memory."""
    current, pending = known.current, known.pending
    assert current is not None
    return (
        (current.order_id, current.quantity_lots, current.price_e9),
        (None, 0, 0)
        if pending is None
        else (pending.order_id, pending.quantity_lots, pending.price_e9),
        (known.filled, known.final, known.acknowledged, known.cancel_requested),
        (known.accepted_at, known.business_day),
    )


def executions(gate: Gate) -> dict[tuple[str, ...], tuple[object, ...]]:
    """When each remembered report was touched, whether it counts, and the trade that it was."""
    return {
        key: (
            row.touched_at,
            row.superseded,
            (row.instrument_id, row.side, row.lots, row.price_e9, row.fee_minor)
            if row.lots
            else None,
        )
        for key, row in gate.executions().items()
    }


def remembered_trades(auditor: Auditor) -> dict[tuple[str, ...], tuple[object, ...]]:
    """The same from the auditor's memory."""
    found: dict[tuple[str, ...], tuple[object, ...]] = {}
    for key, touched_at in auditor.seen_reports.items():
        if touched_at < auditor.forgotten_before:
            continue
        known = auditor.executions[key]
        trade = (known.instrument_id, known.side, known.lots, known.price_e9, known.fee_minor)
        found[key] = (touched_at, known.superseded, trade if known.lots else None)
    return found
