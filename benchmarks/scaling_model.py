"""What a load needs in workers, partitions, brokers, disk and network, from a few figures.

Owns the model of docs/scaling.md and its table. The figures stand in that document alone, as JSON:
`measured` ones, which benches give, and `assumed` ones, which are the operator's. Without options
it prints the table for the document's figures; a test holds the document's table to that.

    .venv/bin/python benchmarks/scaling_model.py
    .venv/bin/python benchmarks/scaling_model.py --set broker_cores=32 --set log_days=30
    .venv/bin/python benchmarks/scaling_model.py --constants var/bench/scaling-TIME.json --write
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import ceil
from pathlib import Path
from typing import Any, Final

from pipeline.settings import PROJECT_ROOT

DOCUMENT: Final = PROJECT_ROOT / "docs/scaling.md"
_CONSTANTS: Final = ("<!-- constants of scaling_model.py -->\n\n```json\n", "\n```")
_TABLE: Final = (
    "<!-- table: written by `benchmarks/scaling_model.py --write` -->\n\n",
    "\n\n<!-- end of table -->",
)
_DAY_S: Final = 86_400
_MB: Final = 1e6
_GB: Final = 1e9
_TB: Final = 1e12


@dataclass(frozen=True)
class Measured:
    """What benches have found; bytes as Kafka keeps them, of one order unless another is named."""

    worker_per_s: float
    worker_us: float
    broker_us: float
    order_bytes: float
    decision_bytes: float
    audit_bytes: float
    event_bytes: float
    row_bytes: float
    store_bytes: float
    worker_written_bytes: float
    user_store_bytes: float
    user_lane_control_bytes: float
    user_lane_audit_bytes: float
    user_lane_publish_us: float
    user_lane_us: float
    restore_per_s: float


@dataclass(frozen=True)
class Assumed:
    """What the operator decides or buys, and bounds that nothing has tried."""

    peak_to_mean: float
    utilisation_max: float
    lanes_a_worker: float
    replication_factor: float
    follower_cost: float
    decision_readers: float
    audit_readers: float
    event_readers: float
    log_days: float
    memory_days: float
    broker_cores: float
    broker_network_mb_s: float
    broker_disk_mb_s: float
    broker_disk_tb: float
    partitions_max: float
    members_max: float
    restore_s_max: float
    users_known_s_max: float


@dataclass(frozen=True)
class Load:
    """A step of the table: events a day at the mean, or a peak, and users."""

    name: str
    peak_per_s: float
    users: float


@dataclass(frozen=True)
class Needs:
    """What a load needs. Rates are at the peak, sizes of disks what they hold after `log_days`."""

    workers: int
    worker_cores: float
    partitions: int
    brokers: int
    brokers_for: str
    events_a_day: float
    disk_write_mb_s: float
    network_in_mb_s: float
    network_out_mb_s: float
    log_tb: float
    store_gb: float
    worker_write_mb_s: float
    ids_a_lane: float
    restore_s: float
    users_log_gb: float
    users_published_s: float
    users_applied_s: float
    bounds: list[tuple[float, str]]


def loads(assumed: Assumed) -> list[Load]:
    """The steps of the table."""
    factor = assumed.peak_to_mean / _DAY_S
    return [
        Load("420 million events a day", 420e6 * factor, 1e6),
        Load("4.2 billion events a day", 4.2e9 * factor, 1e6),
        Load("1,000,000 orders/s", 1e6, 1e6),
        Load("the same of 10 million users", 1e6, 10e6),
    ]


def needs(load: Load, measured: Measured, assumed: Assumed) -> Needs:
    """The model. Every event is counted as an order, which is the dearest."""
    m, a, peak = measured, assumed, load.peak_per_s
    a_day = peak / a.peak_to_mean * _DAY_S
    # One worker could carry the least load; a second one takes its lanes when it dies.
    workers = max(2, ceil(peak / (m.worker_per_s * a.utilisation_max)))
    partitions = ceil(workers * a.lanes_a_worker)
    evidence = m.order_bytes + m.decision_bytes + m.audit_bytes + m.event_bytes
    copies = a.replication_factor
    written = peak * (evidence + m.row_bytes) * copies
    read = peak * (
        m.order_bytes
        + m.decision_bytes * a.decision_readers
        + m.audit_bytes * a.audit_readers
        + m.event_bytes * a.event_readers
    )
    sent = written * (copies - 1) / copies + read
    ids = a_day * a.memory_days
    users_log = (
        load.users * partitions * (m.user_lane_control_bytes + m.user_lane_audit_bytes) * copies
    )
    # Of the changelog the newest of each key stays: what is remembered.
    log = (a_day * evidence * a.log_days + ids * m.row_bytes) * copies + users_log
    processor_us = peak * m.broker_us * (1 + a.follower_cost * (copies - 1))
    wanted = {
        "copies": copies,
        "processors": processor_us / 1e6 / (a.broker_cores * a.utilisation_max),
        "network": max(written, sent) / _MB / (a.broker_network_mb_s * a.utilisation_max),
        "disk speed": written / _MB / (a.broker_disk_mb_s * a.utilisation_max),
        "disk size": log / _TB / (a.broker_disk_tb * a.utilisation_max),
    }
    brokers_for = max(wanted, key=lambda name: ceil(wanted[name]))
    ids_a_lane = ids / partitions
    restore_s = (ids + load.users) / workers / m.restore_per_s
    # One writer numbers control records; each worker reads every one in each of its lanes.
    users_published_s = load.users * partitions * m.user_lane_publish_us / 1e6
    users_applied_s = load.users * a.lanes_a_worker * m.user_lane_us / 1e6
    bounds = sorted(
        (
            (partitions / a.partitions_max, "partitions of a topic"),
            (workers / a.members_max, "members of one group"),
            (restore_s / a.restore_s_max, "restore of a lost disk"),
            (users_published_s / a.users_known_s_max, "publishing all users"),
            (users_applied_s / a.users_known_s_max, "applying all users"),
        ),
        reverse=True,
    )
    return Needs(
        workers=workers,
        worker_cores=peak * m.worker_us / 1e6,
        partitions=partitions,
        brokers=ceil(wanted[brokers_for]),
        brokers_for=brokers_for,
        events_a_day=a_day,
        disk_write_mb_s=written / _MB,
        network_in_mb_s=written / _MB,
        network_out_mb_s=sent / _MB,
        log_tb=log / _TB,
        store_gb=(ids * m.store_bytes + load.users * m.user_store_bytes) / workers / _GB,
        worker_write_mb_s=peak / workers * m.worker_written_bytes / _MB,
        ids_a_lane=ids_a_lane,
        restore_s=restore_s,
        users_log_gb=users_log / _GB,
        users_published_s=users_published_s,
        users_applied_s=users_applied_s,
        bounds=bounds,
    )


def table(measured: Measured, assumed: Assumed) -> str:
    """The table in markdown: a column a step."""
    steps = loads(assumed)
    found = [needs(load, measured, assumed) for load in steps]
    rows: list[tuple[str, list[str]]] = [
        ("events a day, mean", [_count(need.events_a_day) for need in found]),
        ("events a second, peak", [f"{load.peak_per_s:,.0f}" for load in steps]),
        ("users", [_count(load.users) for load in steps]),
        ("workers", [f"{need.workers:,}" for need in found]),
        ("cores that they keep busy", [f"{need.worker_cores:,.0f}" for need in found]),
        ("partitions", [f"{need.partitions:,}" for need in found]),
        ("brokers, and what asks for so many", [_brokers(need) for need in found]),
        ("into the brokers, all copies", [_rate(need.network_in_mb_s) for need in found]),
        ("out of the brokers", [_rate(need.network_out_mb_s) for need in found]),
        ("written to their disks", [_rate(need.disk_write_mb_s) for need in found]),
        (f"kept there, {assumed.log_days:.0f} days", [f"{n.log_tb:,.1f} TB" for n in found]),
        ("local store of a worker", [f"{need.store_gb:,.0f} GB" for need in found]),
        ("written there", [_rate(need.worker_write_mb_s) for need in found]),
        ("remembered ids of a lane", [_count(need.ids_a_lane) for need in found]),
        ("restore of a worker's lost disk", [_time(need.restore_s) for need in found]),
        ("of what is kept: users made known", [_size(need.users_log_gb) for need in found]),
        ("all users published, once", [_time(need.users_published_s) for need in found]),
        ("applied by every lane", [_time(need.users_applied_s) for need in found]),
        ("bottleneck", [_bound(need.bounds[0]) for need in found]),
        ("after that", [_bound(need.bounds[1]) for need in found]),
    ]
    head = f"| | {' | '.join(load.name for load in steps)} |"
    rule = "|---" * (len(steps) + 1) + "|"
    return "\n".join([head, rule, *(f"| {name} | {' | '.join(told)} |" for name, told in rows)])


def _brokers(need: Needs) -> str:
    return f"{need.brokers:,} ({need.brokers_for})"


def _bound(bound: tuple[float, str]) -> str:
    share, name = bound
    return f"{name}: {share:,.1f} x the bound" if share > 1 else f"none; {name} at {share:.0%}"


def _count(value: float) -> str:
    for unit, name in ((1e9, "billion"), (1e6, "million")):
        if value >= unit:
            return f"{value / unit:,.3g} {name}"
    return f"{value:,.0f}"


def _rate(mb_s: float) -> str:
    return f"{mb_s:,.0f} MB/s" if mb_s >= 1 else f"{mb_s:.2f} MB/s"


def _size(gb: float) -> str:
    return f"{gb / 1000:,.1f} TB" if gb >= 1000 else f"{gb:,.0f} GB"


def _time(seconds: float) -> str:
    for unit, name in ((3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:,.1f} {name}"
    return f"{seconds:,.0f} s"


def read_document(text: str) -> tuple[Measured, Assumed]:
    """The figures of the document. Raises ValueError where one is lacking or unknown."""
    figures = json.loads(_between(text, _CONSTANTS))
    return _checked(Measured, figures["measured"]), _checked(Assumed, figures["assumed"])


def written_document(text: str, measured: Measured, assumed: Assumed) -> str:
    """The document with these figures and their table."""
    figures = json.dumps({"measured": vars(measured), "assumed": vars(assumed)}, indent=2)
    return _replaced(_replaced(text, _CONSTANTS, figures), _TABLE, table(measured, assumed))


def table_of(text: str) -> str:
    """The table as it stands in the document."""
    return _between(text, _TABLE)


def changed(
    measured: Measured, assumed: Assumed, values: Mapping[str, float]
) -> tuple[Measured, Assumed]:
    """The figures with some of them changed. Raises ValueError for a name that is none."""
    known = vars(measured) | vars(assumed)
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise ValueError(f"there is no figure {', '.join(unknown)}; there are {', '.join(known)}")
    merged = known | dict(values)
    return (
        Measured(**{name: merged[name] for name in vars(measured)}),
        Assumed(**{name: merged[name] for name in vars(assumed)}),
    )


def _checked(kind: Any, figures: Mapping[str, float]) -> Any:
    names = {one.name for one in fields(kind)}
    if names != figures.keys():
        raise ValueError(f"lacking or unknown: {', '.join(sorted(names ^ figures.keys()))}")
    return kind(**figures)


def _between(text: str, marks: tuple[str, str]) -> str:
    _, begin, rest = text.partition(marks[0])
    found, end, _ = rest.partition(marks[1])
    if not (begin and end):
        raise ValueError(f"{DOCUMENT.name} must hold {marks[0].strip()} and what it marks")
    return found


def _replaced(text: str, marks: tuple[str, str], inside: str) -> str:
    old = _between(text, marks)
    return text.replace(marks[0] + old + marks[1], marks[0] + inside + marks[1])


def _constants(path: Path) -> dict[str, float]:
    """A bench's results, or a plain object of figures."""
    told = json.loads(path.read_text())
    found: dict[str, float] = told.get("constants", told)
    return found


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def main() -> None:
    """Print the table; exit code 1 when a figure is unknown or the document lacks a part."""
    parser = argparse.ArgumentParser(description="What a load needs, by the figures of a document.")
    parser.add_argument("--constants", type=Path, help="JSON of `make bench-scaling`, or figures")
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", dest="values"
    )
    parser.add_argument("--write", action="store_true", help="into docs/scaling.md as well")
    options = parser.parse_args()
    try:
        measured, assumed = read_document(DOCUMENT.read_text())
        values = (_constants(options.constants) if options.constants else {}) | dict(options.values)
        measured, assumed = changed(measured, assumed, values)
    except ValueError as error:
        sys.exit(f"scaling_model: {error}")
    if options.write:
        DOCUMENT.write_text(written_document(DOCUMENT.read_text(), measured, assumed))
    print(table(measured, assumed))


if __name__ == "__main__":
    main()
