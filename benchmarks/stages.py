"""Where the worker's time goes: `python benchmarks/stages.py`, for docs/performance.md.

Two tables. The first is of a worker with stopwatches around its stages (timed_worker.py) while it
decides from a full backlog: wall time says who waits for whom, processor time who works. The second
is of the lane processor's parts, measured alone in this process. The last line is JSON with both.
"""

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final

from librt.strings import BytesWriter
from rich.console import Console
from rich.table import Table

from benchmarks.flow import INTERVAL_US, FirstInputs, OrderFlow
from benchmarks.measure import machine_facts
from benchmarks.stack import BenchError, bench_stack
from benchmarks.throughput import FIRST_US, fill
from benchmarks.timed_worker import STAGES_FILE
from pipeline.codecs.avro import (
    decode_audit_record,
    decode_decision,
    decode_order,
    decode_regulatory_event,
    encode_audit_record,
    encode_decision,
    encode_order,
    encode_regulatory_event,
)
from pipeline.codecs.wire import FRAME_BYTES, fixed_ids
from pipeline.lane.processor import (
    INPUT_SCHEMAS,
    ORDERS,
    LaneOutput,
    LaneProcessor,
)
from pipeline.lane.rows import DictRows, decode_row, write_row
from pipeline.risk.reasons import ACCEPTED
from pipeline.risk.state import Row
from pipeline.topics import LANE_INPUTS

TIMED_WORKER: Final = (sys.executable, "-m", "benchmarks.timed_worker")
ORDER_COUNT: Final = 20_000


# -- the worker


def worker_stages(seconds: float, warm_up_s: float) -> dict[str, Any]:
    """Totals of the window: inputs, seconds of wall and processor time by stage."""
    with bench_stack() as stack:
        file = stack.directory / "stages.jsonl"
        os.environ[STAGES_FILE] = str(file)
        contender = stack.contender("timed", TIMED_WORKER, gate_clock="record")
        fill(contender, seconds, warm_up_s)
        started = time.monotonic()
        time.sleep(seconds)
        contender.stop()
        lines = [json.loads(line) for line in file.read_text().splitlines()]
    window = [line for line in lines if started <= line["at_s"] <= started + seconds]
    if len(window) < 2:
        raise BenchError("the worker committed nothing in the window: give it more --seconds")
    before, after = window[0], window[-1]
    found: dict[str, Any] = {name: after[name] - before[name] for name in ("at_s", "inputs")}
    for kind in ("wall_s", "processor_s", "calls"):
        found[kind] = {
            stage: total - before[kind].get(stage, 0) for stage, total in after[kind].items()
        }
    return found


def _print_worker(found: dict[str, Any]) -> None:
    inputs, seconds = max(found["inputs"], 1), found["at_s"]
    table = Table(title=f"Worker: {inputs / seconds:,.0f} inputs a second", title_justify="left")
    for heading in ("stage", "us an input", "processor us", "share of wall", "calls a second"):
        table.add_column(heading, justify="left" if heading == "stage" else "right")
    for stage, wall_s in sorted(found["wall_s"].items(), key=lambda item: -item[1]):
        processor_s = found["processor_s"].get(stage)
        table.add_row(
            stage,
            f"{wall_s * 1e6 / inputs:.1f}",
            "" if processor_s is None else f"{processor_s * 1e6 / inputs:.1f}",
            f"{wall_s / seconds:.1%}",
            f"{found['calls'].get(stage, 0) / seconds:,.0f}",
        )
    Console().print(table)


# -- the lane processor


def decide_alone(*, collector: bool) -> tuple[list[tuple[bytes, bytes]], list[LaneOutput], float]:
    """Decide a flow in one lane with rows in memory, with or without Python's garbage collector.

    Gives the framed orders with their keys, what each came to, and microseconds an order.
    """
    flow = OrderFlow()
    ids = fixed_ids()
    frame = ids.frame(INPUT_SCHEMAS[ORDERS])
    framed: list[tuple[bytes, bytes]] = []
    for number in range(ORDER_COUNT):
        order, account = flow.next(FIRST_US + number * INTERVAL_US)
        framed.append((frame + encode_order(order), account.key))
    rows = DictRows()
    processor = LaneProcessor(0, 1, [topic.name for topic in LANE_INPUTS], ids, rows)
    _set_up(processor, rows, flow)
    results: list[LaneOutput] = []

    def decide() -> None:
        for number, (value, key) in enumerate(framed):
            at_ms = (FIRST_US + number * INTERVAL_US) // 1000
            result = processor.apply(ORDERS, number, at_ms, key, value, None, at_ms * 1000, False)
            rows.store(result.rows)
            results.append(result)

    return framed, results, _us_each(decide, collector=collector)


def accepted_share() -> float:
    """How many of the flow's orders the definitions of the benches accept, 0 to 1."""
    _, results, _ = decide_alone(collector=True)
    return sum(result.reason_code == ACCEPTED for result in results) / len(results)


def processor_parts() -> dict[str, float]:
    """Microseconds an order of each part of the lane processor."""
    _, _, whole = decide_alone(collector=True)
    framed, results, uncollected = decide_alone(collector=False)
    orders = [decode_order(value, FRAME_BYTES) for value, _ in framed]
    decisions = [decode_decision(result.decision or b"") for result in results]
    audits = [decode_audit_record(result.audit) for result in results]
    events = [decode_regulatory_event(body) for result in results for _, body in result.events]
    changed = [(key, body) for result in results for key, body in result.rows if body is not None]
    rows = [decode_row(key, body) for key, body in changed]
    parts: dict[str, Callable[[], object]] = {
        "decode order": lambda: [decode_order(value, FRAME_BYTES) for value, _ in framed],
        "encode order for its content hash": lambda: [encode_order(order) for order in orders],
        "encode decision": lambda: [encode_decision(decision) for decision in decisions],
        "encode audit record": lambda: [encode_audit_record(audit) for audit in audits],
        "encode regulatory event": lambda: [encode_regulatory_event(event) for event in events],
        f"encode {len(rows) / ORDER_COUNT:.1f} rows": lambda: _write(rows),
        "hashes": lambda: _hash(framed, results),
    }
    found = {part: _us_each(work) for part, work in parts.items()}
    return {
        **found,
        "deciding, and the allocator": uncollected - sum(found.values()),
        "garbage collector": whole - uncollected,
        "whole": whole,
    }


def _set_up(processor: LaneProcessor, rows: DictRows, flow: OrderFlow) -> None:
    """Definitions, the mark, accounts and money, as the bench's topics have them."""
    at_us = FIRST_US - 1_000_000
    first = FirstInputs(fixed_ids(), flow.config, at_us)
    inputs = [*first.definitions(), *first.accounts(flow.accounts)]
    for offset, (topic, key, value) in enumerate(inputs):
        result = processor.apply(topic, offset, at_us // 1000, key, value, None, at_us, False)
        rows.store(result.rows)


def _write(rows: Sequence[Row]) -> None:
    writer = BytesWriter()
    for row in rows:
        writer.truncate(0)
        write_row(writer, row)


def _hash(framed: list[tuple[bytes, bytes]], results: list[LaneOutput]) -> None:
    """The input, its content, the outputs, the rows and the chain: five digests an order."""
    for (value, _), result in zip(framed, results, strict=True):
        sha256(value).digest()
        sha256(value).digest()
        outputs = sha256(result.decision or b"")
        for _, body in result.events:
            outputs.update(body)
        outputs.digest()
        state = sha256()
        for key, row in result.rows:
            state.update(key + (row or b""))
        state.digest()
        sha256(result.audit).digest()


def _us_each(work: Callable[[], object], *, collector: bool = False) -> float:
    """Processor time, which a busy neighbour disturbs less than wall time."""
    gc.collect()
    if not collector:
        gc.disable()
    started = time.process_time()
    work()
    used = time.process_time() - started
    gc.enable()
    return used * 1e6 / ORDER_COUNT


def _print_parts(found: dict[str, float]) -> None:
    table = Table(title="Lane processor, alone", title_justify="left")
    table.add_column("part")
    table.add_column("us an order", justify="right")
    for part, each_us in found.items():
        table.add_row(part, f"{each_us:.2f}")
    Console().print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Where the worker's time goes.")
    parser.add_argument("--seconds", type=float, default=15.0, help="window of the worker")
    parser.add_argument("--warm-up", type=float, default=5.0, help="seconds before the window")
    parser.add_argument("--core", action="store_true", help="the lane processor only, no broker")
    options = parser.parse_args()
    for name, value in machine_facts().items():
        print(f"{name}: {value}")
    parts = processor_parts()
    _print_parts(parts)
    result: dict[str, Any] = {"lane_processor_us": parts}
    if not options.core:
        result["worker"] = worker_stages(options.seconds, options.warm_up)
        _print_worker(result["worker"])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
