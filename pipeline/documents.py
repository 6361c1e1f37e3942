"""Writes the parts of the documents that repeat the code: `python -m pipeline.documents`.

Owns docs/reasons.md, rendered from `pipeline/risk/reasons.py`, docs/order-life.md, rendered from
`pipeline/risk/order_life.py`, and the tables between the markers of topology.md (topics), of
docs/rule-language.md (fields of a rule) and of docs/controls.md (what happens when something is
missing). A test holds them to the code. Never touches any other line. With `--check`, writes
nothing and exits 1 when one is not current.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pipeline.risk import fail_closed, order_life, reasons, rule_fields
from pipeline.risk.checks.registry import ENTRIES
from pipeline.risk.expressions.nodes import BOOL, INT, STRING
from pipeline.risk.records import EXEC_TYPE_NAMES
from pipeline.topics import ALL_TOPICS, Topic

_ROOT: Final = Path(__file__).parents[1]
REASONS_PATH: Final = _ROOT / "docs/reasons.md"
ORDER_LIFE_PATH: Final = _ROOT / "docs/order-life.md"
TOPOLOGY_PATH: Final = _ROOT / "topology.md"
CONTROLS_PATH: Final = _ROOT / "docs/controls.md"
RULE_LANGUAGE_PATH: Final = _ROOT / "docs/rule-language.md"

# FIX 5.0 SP2, the values of tag 103 and tag 102 that `reasons.py` uses.
_ORD_REJ_REASONS: Final = {
    reasons.UNKNOWN_SYMBOL: "unknown symbol",
    reasons.EXCHANGE_CLOSED: "exchange closed",
    reasons.EXCEEDS_LIMIT: "exceeds limit",
    reasons.DUPLICATE_ORDER: "duplicate order",
    reasons.STALE_ORDER: "stale order",
    reasons.UNSUPPORTED_CHARACTERISTIC: "unsupported characteristic",
    reasons.INCORRECT_QUANTITY: "incorrect quantity",
    reasons.UNKNOWN_ACCOUNT: "unknown account",
    reasons.PRICE_EXCEEDS_BAND: "price exceeds band",
    reasons.INVALID_PRICE_INCREMENT: "invalid price increment",
    reasons.OTHER: "other",
}
_CXL_REJ_REASONS: Final = {
    reasons.CANCEL_TOO_LATE: "too late",
    reasons.CANCEL_UNKNOWN_ORDER: "unknown order",
    reasons.CANCEL_ALREADY_PENDING: "already pending",
    reasons.CANCEL_DUPLICATE: "duplicate",
    reasons.CANCEL_OTHER: "other",
}

_REASONS_HEAD: Final = """\
# Reason codes

Written by `python -m pipeline.documents` from `pipeline/risk/reasons.py`: change it there. A code
never changes its meaning and is never used for another one. When each one applies is in
[rules.md](rules.md).
"""
_REJECTIONS_HEAD: Final = """\
## Decisions

`reason_code` of a decision: `ACCEPTED`, or why the order was rejected, in the order in which the
checks can raise them. `ord_rej_reason` holds FIX OrdRejReason (103) when the order is a NEW, and
FIX CxlRejReason (102) when it is a CANCEL or a REPLACE.
"""
_DEAD_LETTERS_HEAD: Final = """\
## Dead letters

`reason_code` of a record of topic `dead-letters`, and of its audit record: the input could not be
read, placed or applied. It changed nothing.
"""
_FACTS_HEAD: Final = """\
## Facts

`reason_code` of the audit record of an execution report, a movement of money, a mark or a control
record.
"""
_SWEPT_HEAD: Final = """\
## Decisions of the gate's own

`reason_code` of a decision whose `origin` is EXPIRY or ORPHAN: gate time has ended the order.
"""
_ORDER_LIFE_HEAD: Final = """\
# An order's life

Written by `python -m pipeline.documents` from `pipeline/risk/order_life.py`: change it there. What
each word comes to in figures is in [rules.md](rules.md), what a flag says in
[reasons.md](reasons.md).
"""
_REPORTS_HEAD: Final = """\
## What a report comes to

An execution report is a fact: it is always applied, and flagged (in capitals) where it is odd. In a
state in which the order works, any report acknowledges it. An order with nothing left to fill has
ended.
"""
_REQUESTS_HEAD: Final = """\
## What may be asked for

By the client: a cancel, a replace (with the reason it is refused for), beside what the checks say
of it. By the gate itself: that it expires, and that it is an orphan as long as the venue has
reported nothing on it.
"""
_TYPE_NAMES: Final = {INT: "integer", BOOL: "boolean", STRING: "string"}
_RETENTION: Final = {"compact": "the last of each key", "delete": "until archived"}


def render_reasons() -> str:
    """docs/reasons.md."""
    return "\n".join(
        (
            _REASONS_HEAD,
            _REJECTIONS_HEAD,
            *_table(("Code", "Meaning", "103 of a NEW", "102 of a CANCEL"), _rejections()),
            "",
            _DEAD_LETTERS_HEAD,
            *_table(("Code", "Meaning"), _coded(reasons.DEAD_LETTERS)),
            "",
            _FACTS_HEAD,
            *_table(("Code", "Meaning"), _coded(reasons.FACTS)),
            "",
            _SWEPT_HEAD,
            *_table(("Code", "Meaning"), _coded(reasons.SWEPT)),
            "",
        )
    )


def render_order_life() -> str:
    """docs/order-life.md."""
    reports = range(len(EXEC_TYPE_NAMES))
    return "\n".join(
        (
            _ORDER_LIFE_HEAD,
            "## Where an order can be\n",
            *_table(("State", "Meaning"), _named(order_life.STATES)),
            "",
            _REPORTS_HEAD,
            *_table(
                ("State", *(f"`{EXEC_TYPE_NAMES[report]}`" for report in reports)),
                [
                    (f"`{name}`", *(_cell(state, report) for report in reports))
                    for state, (name, _) in enumerate(order_life.STATES)
                ],
            ),
            "",
            *_table(("Word", "Meaning"), _worded(order_life.EFFECTS)),
            "",
            _REQUESTS_HEAD,
            *_table(
                ("State", "Cancel", "Replace", "Expires", "Is an orphan in its time"),
                [
                    (f"`{name}`", *_asked(order_life.ON_REQUEST[state]))
                    for state, (name, _) in enumerate(order_life.STATES)
                ],
            ),
            "",
        )
    )


def render_topics() -> str:
    """The table of topics, without the markers."""
    head = ("Topic", "Schema", "Key", "Written by", "Lane input", "Largest record", "Kept")
    return "\n".join(_table(head, [_topic_row(topic) for topic in ALL_TOPICS]))


def render_fields() -> str:
    """The table of the fields of a rule, without the markers."""
    return "\n".join(
        _table(
            ("Field", "Type", "Example", "What it is"),
            [
                (f"`{name}`", _TYPE_NAMES[kind], f"`{example}`", meaning)
                for name, (kind, example, meaning) in rule_fields.FIELDS.items()
            ],
        )
    )


def fail_closed_cells() -> dict[str, dict[str, str]]:
    """What each check does by condition, in order of precedence; last a rule of the operator's."""
    cells = {entry.name: entry.missing for entry in ENTRIES}
    return {**cells, fail_closed.RULE: fail_closed.OF_A_RULE}


def render_fail_closed() -> str:
    """The table of what happens when something is missing, without the markers."""
    rows = []
    for condition, meaning in fail_closed.CONDITIONS.items():
        rejects: dict[str, list[str]] = {}
        skips: list[str] = []
        passes: list[str] = []
        for check, cells in fail_closed_cells().items():
            outcome = cells.get(condition)
            if outcome == fail_closed.SKIPS:
                skips.append(check)
            elif outcome == fail_closed.PASSES:
                passes.append(check)
            elif outcome is not None:
                rejects.setdefault(outcome, []).append(check)
        told = "; ".join(
            f"`{reason}`" if checks == [reason] else f"{', '.join(checks)}: `{reason}`"
            for reason, checks in rejects.items()
        )
        rows.append((meaning, told, ", ".join(skips), ", ".join(passes)))
    head = ("Condition", "Rejected by", "Not evaluated", "Passes all the same")
    return "\n".join(_table(head, rows))


def with_table(text: str, name: str, table: str) -> str:
    """`text` with the table between its markers. Raises ValueError without them."""
    begin_mark = f"<!-- {name}: written by `python -m pipeline.documents` -->"
    end_mark = f"<!-- end of {name} -->"
    before, begin, rest = text.partition(begin_mark)
    _, end, after = rest.partition(end_mark)
    if not (begin and end):
        raise ValueError(f"the document must hold {begin_mark} and after it {end_mark}")
    return f"{before}{begin}\n\n{table}\n\n{end}{after}"


def _rejections() -> Iterator[tuple[str, ...]]:
    yield (f"`{reasons.ACCEPTED}`", reasons.reject_text(reasons.ACCEPTED), "", "")
    for code in reasons.REJECTIONS:
        new = reasons.fix_reject_reason(code, is_new=True)
        cancel = reasons.fix_reject_reason(code, is_new=False)
        if new is None or cancel is None:
            raise ValueError(f"{code} has no FIX code")
        yield (
            f"`{code}`",
            reasons.reject_text(code),
            f"{new} {_ORD_REJ_REASONS[new]}",
            f"{cancel} {_CXL_REJ_REASONS[cancel]}",
        )


def _coded(texts: dict[str, str]) -> Iterator[tuple[str, ...]]:
    for code, text in texts.items():
        yield f"`{code}`", text


def _named(texts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    for name, text in texts:
        yield f"`{name}`", text


def _worded(texts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, ...]]:
    yield from texts


def _cell(state: int, report: int) -> str:
    cell = order_life.ON_REPORT[state][report]
    effect = order_life.EFFECTS[cell.effect][0]
    return f"{effect} `{cell.flag}`" if cell.flag else effect


def _asked(requests: order_life.Requests) -> tuple[str, ...]:
    return (
        f"`{requests.cancel}`" if requests.cancel else "yes",
        f"`{requests.replace}`" if requests.replace else "yes",
        "yes" if requests.expires else "",
        "yes" if requests.is_orphan else "",
    )


def _topic_row(topic: Topic) -> tuple[str, ...]:
    lane_input = "every lane" if topic.broadcast else "the user's lane" if topic.lane_input else ""
    mebibytes = int(topic.config["max.message.bytes"]) >> 20
    return (
        f"`{topic.name}`",
        f"`{topic.schema}`",
        topic.key,
        topic.writer,
        lane_input,
        f"{mebibytes} MiB",
        _kept(topic),
    )


def _kept(topic: Topic) -> str:
    retention_ms = int(topic.config.get("retention.ms", "-1"))
    if retention_ms < 0:
        return _RETENTION[topic.config["cleanup.policy"]]
    return f"{retention_ms // 60_000} minutes"


def _table(head: Sequence[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *[_line(row) for row in rows]]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Write the documents, or with --check compare them."""
    parser = argparse.ArgumentParser(description="Write what the documents repeat of the code.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 when a document is not current"
    )
    check = parser.parse_args().check
    wanted = {
        REASONS_PATH: render_reasons(),
        ORDER_LIFE_PATH: render_order_life(),
        TOPOLOGY_PATH: with_table(TOPOLOGY_PATH.read_text(), "topics", render_topics()),
        RULE_LANGUAGE_PATH: with_table(RULE_LANGUAGE_PATH.read_text(), "fields", render_fields()),
        CONTROLS_PATH: with_table(
            CONTROLS_PATH.read_text(), "fail-closed table", render_fail_closed()
        ),
    }
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text() != text]
    for path in stale:
        if check:
            sys.stderr.write(f"{path.name} is not current: run `python -m pipeline.documents`\n")
        else:
            path.write_text(wanted[path])
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
