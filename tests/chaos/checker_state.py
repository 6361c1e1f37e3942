"""Compares the changelog of one lane with the state that its inputs lead to.

Owns reading the latest row of each key, and the sums that must hold between rows. What each row
must say is `checker_rows.py`'s business. Must never correct the books by what it reads.
"""

from collections import Counter, defaultdict
from typing import Final

from pipeline.codecs.wire import FRAME_BYTES
from tests.chaos.checker_auditor import LaneAuditor
from tests.chaos.checker_events import Tell
from tests.chaos.checker_history import INPUTS, History, Record
from tests.chaos.checker_lane import LaneJudge
from tests.chaos.checker_outputs import IDS
from tests.chaos.checker_rows import Parts, Row, Rows, expected_rows, says_anything
from tests.flow import decode_body
from tests.oracle.book import SIGN

SCHEMAS: Final = {
    "U": "row_user",
    "B": "row_balance",
    "P": "row_position",
    "O": "row_order",
    "A": "row_alias",
    "D": "row_decision",
    "X": "row_seen",
    "T": "row_seen",
    "W": "row_withdrawal",
    "S": "row_pledge",
    "M": "row_mark",
    "H": "row_band",
    "Y": "row_result",
    "I": "row_holdings",
    "J": "row_algorithm",
    "E": "row_recent",
    "N": "row_restriction",
    "C": "control",
    "G": "row_gate",
    "L": "row_lane",
}
NAMES: Final = {
    "U": "user",
    "B": "balance",
    "P": "position",
    "O": "working order",
    "A": "alias",
    "D": "remembered decision",
    "X": "execution seen",
    "T": "movement seen",
    "W": "withdrawal",
    "S": "pledge",
    "M": "mark",
    "H": "band",
    "Y": "result",
    "I": "holdings",
    "J": "algorithm",
    "E": "recent orders",
    "N": "restriction",
    "G": "head",
    "L": "lane",
}
# Kinds of which an expired row may be stored until the sweep has passed it.
FORGETTABLE: Final = "DXT"
_NO_BALANCE: Final[Row] = {
    "cash_minor": 0,
    "held_minor": 0,
    "covered_minor": 0,
    "covered_by": [],
    "pledged_minor": 0,
}


def judge_state(judge: LaneJudge, history: History, changelog: list[Record], tell: Tell) -> None:
    """Judge the rows of the judge's lane; `changelog` are its records, in offset order."""
    found = _latest(changelog, tell)
    _check_sums(found, tell)
    _check_pledges(found, tell)
    _check_orders(found, tell)
    _check_offsets(judge, history, found["L"], tell)
    if judge.lost_thread:
        return
    auditor = judge.auditor
    for kind, expected in expected_rows(judge).items():
        rows = found[kind]
        if kind in FORGETTABLE:
            bound = auditor.forgotten_before
            rows = {key: row for key, row in rows.items() if row["touched_at"] >= bound}
        if kind in "BPJ":
            rows = {key: row for key, row in rows.items() if says_anything(row)}
        if kind == "I":
            rows = {key: row for key, row in rows.items() if row["instrument_ids"]}
        _compare(kind, rows, expected, tell)
    _check_control(auditor, found["C"], tell)


def _latest(changelog: list[Record], tell: Tell) -> defaultdict[str, Rows]:
    """The rows that the log leads to, by kind and by the parts of their keys."""
    latest: dict[bytes, Record] = {record.key or b"": record for record in changelog}
    rows: defaultdict[str, Rows] = defaultdict(dict)
    for key, record in latest.items():
        if record.value is None:
            continue
        try:
            kind = key[:1].decode()
            rows[kind][_parts(key)] = decode_body(SCHEMAS[kind], record.value)
        except Exception as error:  # noqa: BLE001 -- fastavro raises whatever the bytes provoke
            tell("contradicted", f"row {key!r} at {record.place} cannot be read: {error!r}")
    return rows


def _parts(key: bytes) -> Parts:
    """What follows the kind: each part as a length byte and UTF-8."""
    parts: list[str] = []
    at = 1
    while at < len(key):
        end = at + 1 + key[at]
        parts.append(key[at + 1 : end].decode())
        at = end
    return tuple(parts)


def _compare(kind: str, found: Rows, expected: Rows, tell: Tell) -> None:
    """Each row that must be there is, says what it must, and there is no other."""
    what = NAMES[kind]
    for key, due in expected.items():
        row = found.get(key)
        if row is None:
            tell("lost", f"the {what} row of {key} is missing in the changelog")
            continue
        wrong = [name for name, figure in due.items() if row[name] != figure]
        if wrong:
            said = ", ".join(f"{name} {row[name]!r} instead of {due[name]!r}" for name in wrong)
            tell("contradicted", f"the {what} row of {key} says {said}")
    for key in found.keys() - expected.keys():
        tell("contradicted", f"there is a {what} row of {key}, and nothing leads to it")


# What must agree


def _check_offsets(judge: LaneJudge, history: History, rows: Rows, tell: Tell) -> None:
    """The lane row, the audit and the group have come equally far."""
    stored = {
        topic.removeprefix(history.prefix): offset
        for topic, offset in rows.get((), {}).get("applied", {}).items()
    }
    for topic in INPUTS:
        applied = judge.applied.get(topic, -1)
        if stored.get(topic, -1) != applied:
            tell(
                "contradicted",
                f"the lane row has applied {topic} up to offset {stored.get(topic, -1)}, the audit "
                f"up to {applied}",
            )
        committed = history.committed.get((topic, judge.lane), 0)
        if committed != applied + 1:
            tell(
                "contradicted",
                f"the group goes on at offset {committed} of {topic}, the last one applied is "
                f"{applied}",
            )


def _check_sums(found: dict[str, Rows], tell: Tell) -> None:
    """By the rows alone: cash is the sum of its columns, held of all that holds."""
    held: Counter[Parts] = Counter()
    for (user, _), row in found["O"].items():
        held[user, row["hold_currency"]] += row["hold_minor"]
    for (user, _), row in found["P"].items():
        held[user, row["margin_currency"]] += row["margin_minor"]
    for (user, _), row in found["W"].items():
        held[user, row["currency"]] += row["amount_minor"]
    for purse, row in found["B"].items():
        cash = sum(sign * row[f"{column}_minor"] for column, sign in SIGN.items())
        if row["cash_minor"] != cash:
            tell("contradicted", f"{purse} has {row['cash_minor']}, its columns add up to {cash}")
        holds = held.pop(purse, 0)
        if row["held_minor"] != holds:
            said = row["held_minor"]
            tell("contradicted", f"{purse} holds {said}, its orders and positions hold {holds}")
    for purse, amount in held.items():
        if amount:
            tell(
                "contradicted",
                f"{purse} has no balance row, its orders and positions hold {amount}",
            )


def _check_pledges(found: dict[str, Rows], tell: Tell) -> None:
    """By the rows alone: balances say what their pledges do, and no more is covered than needed."""
    into: defaultdict[Parts, dict[str, int]] = defaultdict(dict)
    out: Counter[Parts] = Counter()
    for (user, covered, covering), row in found["S"].items():
        into[user, covered][covering] = row["covered_minor"]
        out[user, covering] += row["pledged_minor"]
    for purse in {*found["B"], *into, *out}:
        row = found["B"].get(purse, _NO_BALANCE)
        said = (row["covered_by"], row["covered_minor"], row["pledged_minor"])
        due = (sorted(into[purse]), sum(into[purse].values()), out[purse])
        if said != due:
            tell("contradicted", f"{purse} is covered and pledged {said}, its pledges say {due}")
        needed = row["held_minor"] + row["pledged_minor"] - row["cash_minor"]
        if row["covered_minor"] > max(0, needed):
            tell("contradicted", f"{purse} has {row['covered_minor']} covered, it needs {needed}")


def _check_orders(found: dict[str, Rows], tell: Tell) -> None:
    """By the rows alone: what works is what orders have open, and aliases lead to orders."""
    working: Counter[tuple[str, str, str]] = Counter()
    count: Counter[str] = Counter()
    aliases: dict[Parts, str] = {}
    for (user, root), row in found["O"].items():
        count[user] += 1
        working[user, row["instrument_id"], row["side"]] += _open_lots(row)
        for other in {row["current_order_id"], row["pending_order_id"] or root} - {root}:
            aliases[user, other] = root
    for (user, name), row in found["P"].items():
        open_ = tuple(working.pop((user, name, side), 0) for side in ("BUY", "SELL"))
        work = (row["working_buy_lots"], row["working_sell_lots"])
        if work != open_:
            tell("contradicted", f"of {(user, name)} {work} lots work, orders have {open_} open")
    for (user, name, side), lots in working.items():
        if lots:
            tell("contradicted", f"{user} has no position row of {name}, and {side} {lots} works")
    for (user,), row in found["U"].items():
        counted = row["open_orders_count"]
        if counted != count[user]:
            tell(
                "contradicted", f"{user} has {counted} open orders, and {count[user]} rows of such"
            )
    stored = {key: row["root_order_id"] for key, row in found["A"].items()}
    for key in {key for key, _ in stored.items() ^ aliases.items()}:
        tell("contradicted", f"the alias {key} leads to {stored.get(key)}, not {aliases.get(key)}")


def _open_lots(row: Row) -> int:
    """What is still to be filled of a working order."""
    final: int | None = row["final_lots"]
    whole: int = max(row["quantity_lots"], row["pending_quantity_lots"])
    filled: int = row["filled_lots"]
    return max(0, (whole if final is None else final) - filled)


def _check_control(auditor: LaneAuditor, rows: Rows, tell: Tell) -> None:
    """The control records in force and waiting are stored as they were sent."""
    stored = Counter(row["number"] for row in rows.values())
    due = Counter(auditor.control_rows())
    for number in (due - stored).elements():
        tell("lost", f"control record {number} is in force or waits, and is not stored")
    for number in (stored - due).elements():
        tell("contradicted", f"control record {number} is stored, and is not in force")
    for row in rows.values():
        sent = auditor.control_values.get(row["number"])
        # One of an older version was read into the current one, and is stored as that.
        if sent is None or not sent.startswith(IDS.frame("control")):
            continue
        if decode_body("control", sent[FRAME_BYTES:]) != row:
            tell("contradicted", f"control record {row['number']} is stored as it was not sent")
