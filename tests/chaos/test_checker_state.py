"""The judge on the state that is left: every row that says something else is found."""

from dataclasses import replace

import pytest

from tests.chaos.checker import judge_history
from tests.chaos.checker_history import CHANGELOG, History, Record
from tests.chaos.checker_runs import a_run, found, has_row, run_of
from tests.chaos.checker_tampering import Content, alter_rows, row_value, with_records
from tests.property.histories import LANE

pytestmark = pytest.mark.property


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (b"B", "cash_minor"),
        (b"B", "covered_minor"),
        (b"B", "pledged_minor"),
        (b"S", "covered_minor"),
        (b"S", "pledged_minor"),
        (b"P", "position_lots"),
        (b"P", "settled_on"),
        (b"O", "hold_minor"),
        (b"O", "quantity_lots"),
        (b"O", "pending_quantity_lots"),
        (b"O", "accepted_at"),
        (b"O", "business_day"),
        (b"D", "lane_sequence"),
        (b"X", "touched_at"),
        (b"X", "lots"),
        (b"X", "fee_minor"),
        (b"T", "touched_at"),
        (b"M", "price_e9"),
        (b"U", "orders_count"),
        (b"U", "messages_today"),
        (b"U", "trades_today"),
        (b"U", "pushes_today"),
        (b"U", "instant_cancels_today"),
        (b"J", "executions_count"),
        (b"E", "buy_price_e9"),
        (b"H", "bucket"),
        (b"N", "version"),
        (b"Y", "trading_minor"),
        (b"Y", "opening_minor"),
        (b"Y", "peak_minor"),
        (b"G", "control_number"),
        (b"C", "version"),
    ],
)
def test_a_row_that_says_something_else_is_found(kind: bytes, field: str) -> None:
    history = a_run(has_row(kind))

    def change(record: Record, row: Content) -> Record:
        if record.value is None:
            return record
        return record._replace(value=row_value(kind, row | {field: row[field] + 1}))

    said = "is stored as it was not sent" if kind == b"C" else f"{field} "
    assert found(alter_rows(history, kind, change), "contradicted", said)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (b"U", "latched"),
        (b"U", "halted_by"),
        (b"U", "message_counts"),
        (b"E", "lots"),
        (b"H", "low_e9"),
        (b"I", "instrument_ids"),
    ],
)
def test_a_row_that_lists_something_else_is_found(kind: bytes, field: str) -> None:
    history = a_run(has_row(kind, lambda row: bool(row[field])))

    def change(record: Record, row: Content) -> Record:
        if not row or not row[field]:
            return record
        return record._replace(value=row_value(kind, row | {field: row[field][:-1]}))

    assert found(alter_rows(history, kind, change), "contradicted", f"{field} ")


@pytest.mark.parametrize(
    ("kind", "field", "other"),
    [
        (b"A", "root_order_id", "another"),
        (b"O", "current_order_id", "another"),
        (b"O", "pending_order_id", "another"),
        (b"D", "root_order_id", "another"),
        (b"X", "instrument_id", "another"),
        (b"X", "side", "BUY"),
    ],
)
def test_a_row_that_names_something_else_is_found(kind: bytes, field: str, other: str) -> None:
    def names_it(row: Content) -> bool:
        return row[field] not in (None, other)

    history = a_run(has_row(kind, names_it))

    def change(record: Record, row: Content) -> Record:
        if not row or not names_it(row):
            return record
        return record._replace(value=row_value(kind, row | {field: other}))

    assert found(alter_rows(history, kind, change), "contradicted", f"{field} '{other}'")


@pytest.mark.parametrize(
    ("kind", "field"),
    [(b"O", "acknowledged"), (b"O", "cancel_requested"), (b"X", "superseded")],
)
def test_a_row_that_denies_what_happened_is_found(kind: bytes, field: str) -> None:
    history = a_run(has_row(kind, lambda row: bool(row[field])))

    def change(record: Record, row: Content) -> Record:
        if not row:
            return record
        return record._replace(value=row_value(kind, row | {field: False}))

    assert found(alter_rows(history, kind, change), "contradicted", f"{field} False instead of")


@pytest.mark.parametrize("kind", [bytes([kind]) for kind in b"BPOADXTMUGCSJEHNYI"])
def test_a_row_that_is_missing_is_lost(kind: bytes) -> None:
    history = a_run(has_row(kind))
    said = "is not stored" if kind == b"C" else "is missing in the changelog"
    assert found(alter_rows(history, kind, lambda *_: None), "lost", said)


@pytest.mark.parametrize("kind", [b"O", b"A", b"W", b"S"])
def test_a_row_whose_deletion_is_missing_is_found(kind: bytes) -> None:
    def change(record: Record, _: Content) -> Record | None:
        return None if record.value is None else record

    def has(history: History) -> bool:
        latest = {record.key or b"": record for record in history.records[CHANGELOG]}
        return any(key.startswith(kind) and last.value is None for key, last in latest.items())

    history = a_run(has)
    assert found(alter_rows(history, kind, change), "contradicted", "and nothing leads to it")


def test_holds_that_are_not_those_of_the_open_orders_are_found_from_the_rows_alone() -> None:
    def change(record: Record, row: Content) -> Record:
        return record._replace(value=row_value(b"B", row | {"held_minor": row["held_minor"] + 1}))

    altered = alter_rows(run_of(0), b"B", change)
    assert found(altered, "contradicted", "its orders and positions hold")


def test_pledges_that_balances_do_not_know_of_are_found_from_the_rows_alone() -> None:
    def change(record: Record, row: Content) -> Record:
        if not row:
            return record
        more = {"pledged_minor": row["pledged_minor"] + 1}
        return record._replace(value=row_value(b"S", row | more))

    altered = alter_rows(a_run(has_row(b"S")), b"S", change)
    assert found(altered, "contradicted", "its pledges say")


def test_money_that_covers_more_than_is_needed_is_found_from_the_rows_alone() -> None:
    def change(record: Record, row: Content) -> Record:
        more = {"cash_minor": row["cash_minor"] + 10**12}
        return record._replace(value=row_value(b"B", row | more))

    altered = alter_rows(a_run(has_row(b"S")), b"B", change)
    assert found(altered, "contradicted", "covered, it needs")


def test_lots_that_work_are_those_that_orders_have_open_from_the_rows_alone() -> None:
    def change(record: Record, row: Content) -> Record:
        more = {"working_buy_lots": row["working_buy_lots"] + 1}
        return record._replace(value=row_value(b"P", row | more))

    history = a_run(has_row(b"P"))
    assert found(alter_rows(history, b"P", change), "contradicted", "lots work, orders have")


def test_an_alias_that_no_order_has_is_found_from_the_rows_alone() -> None:
    history = a_run(has_row(b"A"))
    gone = alter_rows(history, b"O", lambda record, row: None if row else record)
    assert found(gone, "contradicted", "the alias (")
    assert found(gone, "contradicted", "rows of such")


def test_an_old_version_of_a_row_is_found(sound: History) -> None:
    last: dict[bytes | None, Record] = {}
    for record in sound.records[CHANGELOG]:
        last[record.key] = record
    key = next(k for k in last if (k or b"").startswith(b"B"))
    records = [record for record in sound.records[CHANGELOG] if record != last[key]]
    assert found(with_records(sound, CHANGELOG, records), "contradicted", "the balance row of")


def test_ids_that_the_sweep_has_removed_are_not_missed() -> None:
    history = a_run(lambda history: bool(expired(history)))
    gone = expired(history)
    records = [record for record in history.records[CHANGELOG] if record.key not in gone]
    assert judge_history(with_records(history, CHANGELOG, records)).violations == []


def expired(history: History) -> set[bytes | None]:
    """Keys of remembered rows that no longer count."""
    head = [r for r in history.records[CHANGELOG] if r.key == b"G"][-1]
    touched: dict[bytes | None, int] = {}
    bounds: list[int] = []

    def look(record: Record, row: Content) -> Record:
        touched[record.key] = row.get("touched_at", -1)
        bounds.append(row.get("forgotten_before", 0))
        return record

    for kind in (b"D", b"X", b"T"):
        alter_rows(history, kind, look)
    alter_rows(with_records(history, CHANGELOG, [head]), b"G", look)
    return {key for key, at in touched.items() if 0 <= at < bounds[-1]}


def test_a_group_that_is_behind_or_ahead_of_the_state_is_found(sound: History) -> None:
    for step in (-1, 1):
        place = ("orders", LANE)
        moved = replace(sound, committed=sound.committed | {place: sound.committed[place] + step})
        assert found(moved, "contradicted", "the group goes on at offset")


def test_a_lane_row_that_is_behind_is_found(sound: History) -> None:
    def change(record: Record, row: Content) -> Record:
        applied = row["applied"] | {"orders": row["applied"].get("orders", 1) - 1}
        return record._replace(value=row_value(b"L", row | {"applied": applied}))

    behind = alter_rows(sound, b"L", change)
    assert found(behind, "contradicted", "the lane row has applied orders up to offset")
