"""What a replay came to, for people and as JSON.

Owns the wording and the JSON shape (field names are stable). Computes nothing.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from pipeline.market.replay import ReplayResult
from pipeline.risk.reasons import reject_text


def summary_json(result: ReplayResult) -> dict[str, Any]:
    """The result as plain values; times in ISO 8601."""
    found = asdict(result)
    recording = found.pop("survey")
    recording["from"] = _iso(recording.pop("first_us"))
    recording["to"] = _iso(recording.pop("last_us"))
    tally = found.pop("tally")
    flow = found.pop("flow")
    return {
        "recording": recording,
        **found,
        "accepted": tally["accepted"],
        "rejected": tally["rejected"],
        "cancels_accepted": tally["cancels_accepted"],
        "cancels_rejected": tally["cancels_rejected"],
        "rejected_by_reason": dict(result.tally.rejected_by_reason.most_common()),
        "withheld": tally["withheld"],
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
    for reason, count in tally.rejected_by_reason.most_common():
        table.add_row(f"    {reason}", f"{count:,}  {reject_text(reason)}")
    withheld = tally.withheld
    rows = {
        "Cancels": f"{result.cancels:,}: {tally.cancels_accepted:,} accepted, "
        f"{tally.cancels_rejected:,} rejected",
        "Venue reports": f"{result.reports:,}, of them {result.fills:,} fills of "
        f"{result.fill_lots:,} lots",
        "Marks": f"{result.marks:,}",
        "Withheld": f"{withheld.reports:,} reports ({withheld.traded_lots:,} lots traded) and "
        f"{withheld.cancels:,} cancels of orders that the gate rejected: they never reached the "
        "venue",
        "Unmatched": f"{flow.unmatched_lots:,} lots in {flow.unmatched_fills:,} fills of orders "
        "the recording never shows; left out",
        "Throughput": f"{result.requests_per_s:,.0f} orders and cancels a second over "
        f"{result.seconds:,.1f} s; each waits for its answer here, make bench-throughput does not",
        "Latency": f"p50 {result.p50_ms:,.1f} ms, p99 {result.p99_ms:,.1f} ms from publishing a "
        "request to reading its committed decision; at full speed mostly queueing",
    }
    for what, value in rows.items():
        table.add_row(what, value)
    return table


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us // 1_000_000, UTC).isoformat().replace("+00:00", "Z")
