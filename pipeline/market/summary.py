"""What a replay came to, for people and as JSON.

Owns the wording and the JSON shape (field names are stable). All recorded volume is in it: what is
matched and what is not add up to what was executed.
"""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table

from pipeline.market.orders import REJECTED_ORDER, REJECTED_REPLACE, UNMATCHED_REASONS
from pipeline.market.replay import ReplayResult
from pipeline.risk.reasons import reject_text

_NEVER_SHOWN: Final = "never_shown"
_UNMATCHED_TEXTS: Final = {
    _NEVER_SHOWN: "fills of orders that the recording never shows",
    REJECTED_ORDER: "of orders that the gate rejected",
    REJECTED_REPLACE: "beyond what the version before a rejected replace could trade",
}


def summary_json(result: ReplayResult) -> dict[str, Any]:
    """The result as plain values; times in ISO 8601."""
    found = asdict(result)
    recording = found.pop("survey")
    recording["from"] = _iso(recording.pop("first_us"))
    recording["to"] = _iso(recording.pop("last_us"))
    counted = found.pop("tally")
    flow = found.pop("flow")
    tally, withheld = result.tally, result.tally.withheld
    return {
        "recording": recording,
        **found,
        **{name: count for name, count in counted.items() if isinstance(count, int)},
        "rejected_by_reason": dict(tally.rejected_by_reason.most_common()),
        "replaces_rejected_by_reason": dict(tally.replaces_rejected_by_reason.most_common()),
        "cancels_rejected_by_reason": dict(tally.cancels_rejected_by_reason.most_common()),
        "withheld": {
            "reports": withheld.reports,
            "cancels": withheld.cancels,
            "traded_lots": withheld.traded_lots,
        },
        "volume": {
            "traded_lots": result.flow.traded_lots,
            "executed_lots": result.flow.executed_lots,
            "matched_lots": result.fill_lots,
            "unmatched_lots": result.flow.executed_lots - result.fill_lots,
            "unmatched_by_reason": _unmatched_lots(result),
        },
        "unmatched": {
            name.removeprefix("unmatched_"): count
            for name, count in flow.items()
            if name.startswith("unmatched_")
        },
        "flow": {name: count for name, count in flow.items() if not name.startswith("unmatched_")},
    }


def summary_table(result: ReplayResult) -> Table:
    """The result as two columns: what, and how many."""
    recording, tally, flow = result.survey, result.tally, result.flow
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    rows = {
        "Recording": f"{recording.dataset} {recording.symbol}, {recording.messages:,} messages, "
        f"{_iso(recording.first_us)} to {_iso(recording.last_us)}",
        "Orders": f"{result.orders:,} of {result.accounts} simulated accounts "
        f"({flow.opening_orders:,} from the opening book, {flow.aggressors:,} aggressors)",
        "  accepted": f"{tally.accepted:,}",
        "  rejected": f"{tally.rejected:,}",
    }
    for what, value in rows.items():
        table.add_row(what, value)
    _add_reasons(table, tally.rejected_by_reason)
    table.add_row(
        "Replaces",
        f"{result.replaces:,}: {tally.replaces_accepted:,} accepted, "
        f"{tally.replaces_rejected:,} rejected; {tally.asked_anew:,} more changes became new "
        "orders, since their order does not work",
    )
    _add_reasons(table, tally.replaces_rejected_by_reason)
    table.add_row(
        "Cancels",
        f"{result.cancels:,}: {tally.cancels_accepted:,} accepted, "
        f"{tally.cancels_rejected:,} rejected",
    )
    _add_reasons(table, tally.cancels_rejected_by_reason)
    withheld = tally.withheld
    rows = {
        "Venue reports": f"{result.reports:,}, of them {result.fills:,} fills of "
        f"{result.fill_lots:,} lots",
        "Marks": f"{result.marks:,}",
        "Withheld": f"{withheld.reports:,} reports ({withheld.traded_lots:,} lots traded) and "
        f"{withheld.cancels:,} cancels, of what the gate rejected: it never reached the venue",
        "Volume": f"{flow.executed_lots:,} lots executed on both sides of {flow.trades:,} trades; "
        f"{result.fill_lots:,} matched, {flow.executed_lots - result.fill_lots:,} not",
    }
    for what, value in rows.items():
        table.add_row(what, value)
    for reason, lots in _unmatched_lots(result).items():
        table.add_row(f"    {reason}", f"{lots:,}  {_UNMATCHED_TEXTS[reason]}")
    rows = {
        "Swept": f"{result.swept:,} orders, which the gate ended by itself",
        "Left working": f"{tally.left_working_orders:,} orders with {tally.left_working_lots:,} "
        "lots that the recording has ended, in a version that the gate rejected",
        "Throughput": f"{result.requests_per_s:,.0f} requests a second over "
        f"{result.seconds:,.1f} s; each waits for its answer here, make bench-throughput does not",
        "Latency": f"p50 {result.p50_ms:,.1f} ms, p99 {result.p99_ms:,.1f} ms from publishing a "
        "request to reading its committed decision; at full speed mostly queueing",
    }
    for what, value in rows.items():
        table.add_row(what, value)
    return table


def _unmatched_lots(result: ReplayResult) -> dict[str, int]:
    """Recorded volume that is no fill of the replay, by why."""
    by_reason = result.tally.withheld.lots_by_reason
    return {_NEVER_SHOWN: result.flow.unmatched_lots} | {
        reason: by_reason[reason] for reason in UNMATCHED_REASONS
    }


def _add_reasons(table: Table, reasons: Counter[str]) -> None:
    for reason, count in reasons.most_common():
        table.add_row(f"    {reason}", f"{count:,}  {reject_text(reason)}")


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
