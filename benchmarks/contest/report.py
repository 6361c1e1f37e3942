"""What a contest found: the JSON file, the plot, the table, the last line.

Owns which figures there are and how they are made of the runs: a ratio is the median over the
rounds of what the two reached in the same round; of a contestant alone, median, least and most. The
plot is an SVG written by hand.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from benchmarks.contest.core import Costs
from benchmarks.contest.entries import (
    CEILING,
    KAFKA_STREAMS,
    OURS,
    QUIX,
    STOCK_FAUST,
    UNAUDITED,
)
from benchmarks.contest.inputs import CME
from benchmarks.contest.open_loop import Latency
from benchmarks.contest.throughput import Measured

_BAR: Final = 26
_LEFT: Final = 250
_WIDTH: Final = 520


@dataclass
class Found:
    """Everything that was measured; `rounds`: flow -> contestant -> one result a round.

    `quiet`: nothing else kept the machine busy for long.
    """

    facts: dict[str, str]
    quiet: bool = True
    checked: dict[str, Any] = field(default_factory=dict)
    settings_tried: list[dict[str, Any]] = field(default_factory=list)
    rounds: dict[str, dict[str, list[Measured]]] = field(default_factory=dict)
    latency_tried: list[dict[str, Any]] = field(default_factory=list)
    latency: dict[str, list[Latency]] = field(default_factory=dict)
    costs: Costs | None = None
    titles: dict[str, str] = field(default_factory=dict)

    def ratio(self, above: str, below: str, figure: str = "per_s") -> float | None:
        """The median over the rounds of the CME flow; None when one of them was not run."""
        runs = self.rounds.get(CME, {})
        if above not in runs or below not in runs:
            return None
        pairs = zip(runs[above], runs[below], strict=True)
        ratios: list[float] = [getattr(a, figure) / getattr(b, figure) for a, b in pairs]
        return round(median(ratios), 3)

    def latency_ratio(self) -> float | None:
        """p99 of ours against Kafka Streams at its best, by rounds."""
        ours, theirs = self.latency.get(OURS), self.latency.get(KAFKA_STREAMS)
        if not ours or not theirs:
            return None
        pairs = zip(ours, theirs, strict=True)
        return round(median(one.p99_ms / other.p99_ms for one, other in pairs), 3)

    def last_line(self) -> dict[str, float | None]:
        """The figures that are compared from run to run; null: not measured."""
        ours = self.latency.get(OURS)
        resided = [run.residence_p99_ms for run in ours or () if run.residence_p99_ms is not None]
        residence = median(resided) if resided else None
        costs = self.costs
        return {
            "throughput_vs_kafka_streams": self.ratio(OURS, KAFKA_STREAMS),
            "throughput_vs_quix": self.ratio(OURS, QUIX),
            "throughput_vs_stock_faust": self.ratio(OURS, STOCK_FAUST),
            "throughput_vs_ceiling": self.ratio(OURS, CEILING),
            "p99_vs_kafka_streams": self.latency_ratio(),
            "cpu_vs_kafka_streams": self.ratio(OURS, KAFKA_STREAMS, "contestant_us"),
            "core_us": _rounded(costs and costs.core_us),
            "core_all_us": _rounded(costs and costs.core_all_us),
            "lane_us": _rounded(costs and costs.lane_us),
            "lane_all_us": _rounded(costs and costs.lane_all_us),
            "residence_p99_ms": _rounded(residence),
            "audit_on_vs_off": self.ratio(OURS, UNAUDITED),
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def write(found: Found, directory: Path) -> tuple[Path, Path]:
    """The JSON file and the plot, named by when they were made."""
    directory.mkdir(parents=True, exist_ok=True)
    name = f"contest-{found.facts['Started'].replace(':', '').replace('-', '')}"
    results, plot = directory / f"{name}.json", directory / f"{name}.svg"
    results.write_text(json.dumps({**asdict(found), "figures": found.last_line()}, indent=2) + "\n")
    plot.write_text(_plot(found))
    return results, plot


def show(found: Found) -> None:
    """Tables for people."""
    console = Console(width=110)
    facts = Table(title="The contest", title_justify="left", show_header=False)
    for name, value in found.facts.items():
        facts.add_row(name, value)
    console.print(facts)
    for flow, runs in found.rounds.items():
        table = Table(title=f"Orders a second from a backlog: {flow}", title_justify="left")
        table.add_column("contestant")
        for heading in ("median", "least", "most", "its us", "broker us"):
            table.add_column(heading, justify="right")
        for name, measured in runs.items():
            speeds = [run.per_s for run in measured]
            table.add_row(
                found.titles[name],
                f"[bold]{median(speeds):,.0f}[/bold]",
                f"{min(speeds):,.0f}",
                f"{max(speeds):,.0f}",
                f"{median(run.contestant_us for run in measured):.1f}",
                f"{median(run.broker_us for run in measured):.1f}",
            )
        console.print(table)
    if found.latency:
        table = Table(title="Milliseconds from the intended send time", title_justify="left")
        for heading in (
            "contestant",
            "p50",
            "p95",
            "p99",
            "p99 least",
            "p99 most",
            "append to append p99",
        ):
            table.add_column(heading, justify="left" if heading == "contestant" else "right")
        for name, runs_of in found.latency.items():
            p99 = [run.p99_ms for run in runs_of]
            table.add_row(
                found.titles[name],
                f"{median(run.p50_ms for run in runs_of):.1f}",
                f"{median(run.p95_ms for run in runs_of):.1f}",
                f"[bold]{median(p99):.1f}[/bold]",
                f"{min(p99):.1f}",
                f"{max(p99):.1f}",
                f"{median(run.append_p99_ms for run in runs_of):.0f}",
            )
        console.print(table)


def _plot(found: Found) -> str:
    """Bars of the medians with a line from least to most."""
    parts: list[str] = []
    y = 30
    for flow, runs in found.rounds.items():
        rows = {name: [run.per_s for run in measured] for name, measured in runs.items()}
        y = _bars(parts, y, f"Orders a second from a backlog: {flow}", rows, found.titles)
    if found.latency:
        slow = {name: [run.p99_ms for run in runs_of] for name, runs_of in found.latency.items()}
        y = _bars(parts, y, "p99 from the intended send time, ms", slow, found.titles)
    width = _LEFT + _WIDTH + 110
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" '
        f'font-family="sans-serif" font-size="13">\n'
        f'<rect width="{width}" height="{y}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _bars(
    parts: list[str], y: int, title: str, rows: dict[str, list[float]], titles: dict[str, str]
) -> int:
    most = max(max(values) for values in rows.values())
    parts.append(f'<text x="10" y="{y}" font-weight="bold">{title}</text>')
    y += 12
    for name, values in rows.items():
        scale = _WIDTH / most
        middle, low, high = (
            _LEFT + found * scale for found in (median(values), min(values), max(values))
        )
        fill = "#2166ac" if name == OURS else "#9aa5b1"
        line, bar = y + _BAR / 2 - 3, middle - _LEFT
        parts.extend(
            (
                f'<text x="{_LEFT - 8}" y="{y + 15}" text-anchor="end">{titles[name]}</text>',
                f'<rect x="{_LEFT}" y="{y}" width="{bar:.1f}" height="{_BAR - 6}" fill="{fill}"/>',
                f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{line}" y2="{line}" stroke="black"/>',
                f'<text x="{high + 6:.1f}" y="{y + 15}">{median(values):,.0f}</text>',
            )
        )
        y += _BAR
    return y + 30
