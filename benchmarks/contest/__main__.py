"""`make bench`: the worker against Kafka Streams, Quix Streams and stock Faust at the same work.

Owns the order of work. First it is checked that all of them decide the same orders alike, record
for record, on both flows; unless they do, nothing is measured. Then Kafka Streams is tried with
each of its settings and keeps its best. Then come the rounds, in which the contestants take turns
in an order that turns too, and the same for latency. The last line is JSON with the figures of
report.py. docs/bench-profile.md says what the work is.
"""

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.contest import core, entries, open_loop, report
from benchmarks.contest.checker import Answered, answers_of, compare
from benchmarks.contest.entries import Entry
from benchmarks.contest.inputs import CME, FLOWS, accounts_of
from benchmarks.contest.open_loop import Latency, Pace
from benchmarks.contest.runs import Cores, place_broker, run_of, split_cores
from benchmarks.contest.throughput import FIRST_US, Throughput, Window
from benchmarks.measure import machine_facts
from benchmarks.stack import BenchError, Stack, bench_stack, say
from pipeline.settings import PROJECT_ROOT
from pipeline.topics import DECISIONS

_RESULTS: Final = PROJECT_ROOT / "var/bench"
_CHECK_S_MAX: Final = 600
_ALL: Final[dict[str, Callable[[], Entry]]] = {
    entries.OURS: entries.gate,
    entries.KAFKA_STREAMS: entries.kafka_streams,
    entries.QUIX: entries.quix,
    entries.STOCK_FAUST: entries.stock_faust,
    entries.CEILING: entries.ceiling,
    entries.UNAUDITED: entries.unaudited,
}
_DECIDING: Final = (entries.OURS, entries.KAFKA_STREAMS, entries.QUIX, entries.STOCK_FAUST)


@dataclass(frozen=True)
class Plan:
    """How much of everything. `rounds`: of the CME flow, whose ratios are the figures."""

    rounds: int
    rounds_of_others: int
    flows: Sequence[str]
    window: Window
    tried: Window
    checked_orders: int
    pace: Pace
    tried_pace: Pace
    latency_rounds: int
    core_orders: int
    short: bool


_FULL: Final = Plan(
    rounds=3,
    rounds_of_others=1,
    flows=FLOWS,
    window=Window(warm_up_s=20, measured_s=10),
    tried=Window(warm_up_s=12, measured_s=4),
    checked_orders=8_000,
    pace=Pace(2_000, warm_up_s=5, measured_s=20, backlog=250_000),
    tried_pace=Pace(2_000, warm_up_s=3, measured_s=6, backlog=250_000),
    latency_rounds=3,
    core_orders=10_000,
    short=False,
)
_SHORT: Final = Plan(
    rounds=1,
    rounds_of_others=0,
    flows=(CME,),
    window=Window(warm_up_s=12, measured_s=5),
    tried=Window(warm_up_s=12, measured_s=4),
    checked_orders=6_000,
    pace=Pace(2_000, warm_up_s=3, measured_s=8, backlog=150_000),
    tried_pace=Pace(2_000, warm_up_s=3, measured_s=5, backlog=150_000),
    latency_rounds=1,
    core_orders=4_000,
    short=True,
)


class Contest:
    """One contest on one stack."""

    def __init__(self, stack: Stack, plan: Plan, cores: Cores, names: Sequence[str]) -> None:
        """`names`: who takes part, of `_ALL`."""
        self.found: Final = report.Found(_facts(cores))
        self._stack: Final = stack
        self._plan: Final = plan
        self._cores: Final = cores
        self._entries: Final = {name: _ALL[name]() for name in names}
        self._throughput: Final = Throughput(stack, cores, plan.window)
        self.found.titles = {name: entry.title for name, entry in self._entries.items()}

    def check(self) -> None:
        """All that decide answer alike, or BenchError says how they differ."""
        deciding = [name for name in self._entries if name in _DECIDING]
        for flow in FLOWS:
            found = {}
            for name in deciding:
                say(f"{flow}: {self._entries[name].title}: checking")
                found[name] = self._answers(self._entries[name], flow)
            wrong = compare(found, deciding[0])
            self.found.checked[flow] = {
                name: {
                    "decisions": len(answered.decisions),
                    "reasons": answered.reasons,
                    "decision_bytes": round(answered.decision_bytes, 1),
                    "audit_bytes": round(answered.audit_bytes, 1),
                    "problems": wrong[name],
                }
                for name, answered in found.items()
            }
            told = [f"{name}: {what}" for name, problems in wrong.items() for what in problems]
            if told:
                raise BenchError("contestants do not decide alike:\n" + "\n".join(told))

    def _answers(self, entry: Entry, flow: str) -> Answered:
        inputs = self._throughput.inputs(flow)
        with run_of(self._stack, entry, inputs, next(self._throughput.names)) as run:
            run.prepare(accounts_of(flow), FIRST_US)
            run.load(self._plan.checked_orders)
            run.start(self._cores.contestant)
            run.await_decisions(run.loaded, _CHECK_S_MAX)
            end = time.monotonic() + _CHECK_S_MAX
            while run.count(DECISIONS) < run.loaded and time.monotonic() < end:
                _ = run.pid
                time.sleep(1)
            run.stop()
            return answers_of(run)

    def choose_settings(self) -> None:
        """Try Kafka Streams with each of its settings; the fastest is what it takes part with."""
        if entries.KAFKA_STREAMS not in self._entries:
            return
        tried = [
            (self._throughput.measure(entry, CME, self._plan.tried), entry)
            for entry in entries.kafka_streams_settings(short=self._plan.short)
        ]
        self.found.settings_tried = [
            {"per_s": round(measured.per_s), **entry.options} for measured, entry in tried
        ]
        _, best = max(tried, key=lambda pair: pair[0].per_s)
        self._entries[entries.KAFKA_STREAMS] = best
        self.found.facts["Kafka Streams, throughput"] = _said(best)

    def rounds(self) -> None:
        """Everybody in turn, in an order that turns round by round."""
        for flow in self._plan.flows:
            taking_part = [
                entry
                for name, entry in self._entries.items()
                if flow == CME or name != entries.UNAUDITED
            ]
            runs = self.found.rounds[flow] = {entry.name: [] for entry in taking_part}
            rounds = self._plan.rounds if flow == CME else self._plan.rounds_of_others
            for turn in range(rounds):
                shift = turn % len(taking_part)
                for entry in taking_part[shift:] + taking_part[:shift]:
                    runs[entry.name].append(self._throughput.measure(entry, flow))

    def latency(self) -> None:
        """Ours and Kafka Streams, which first gets the settings with which its p99 is least."""
        if not {entries.OURS, entries.KAFKA_STREAMS} <= self._entries.keys():
            return
        tried = [
            (self._latency_of(entry, self._plan.tried_pace), entry)
            for entry in entries.kafka_streams_settings(short=self._plan.short)
            if self._plan.short or entry.options["threads"] == "1"
        ]
        self.found.latency_tried = [
            {"p99_ms": round(measured.p99_ms, 1), **entry.options} for measured, entry in tried
        ]
        _, best = min(tried, key=lambda pair: pair[0].p99_ms)
        self.found.facts["Kafka Streams, latency"] = _said(best)
        pair = [self._entries[entries.OURS], best]
        for turn in range(self._plan.latency_rounds):
            for entry in pair if turn % 2 == 0 else reversed(pair):
                taken = self._latency_of(entry, self._plan.pace)
                self.found.latency.setdefault(entry.name, []).append(taken)

    def _latency_of(self, entry: Entry, pace: Pace) -> Latency:
        return open_loop.measure(self._stack, self._throughput, self._cores, entry, pace)

    def note_load(self) -> None:
        """Say whether the machine was quiet: figures of a busy one are no results."""
        loads = os.getloadavg()
        self.found.facts["Load after"] = ", ".join(f"{load:.1f}" for load in loads)
        # The bench itself keeps broker, contestant and loader busy, one core each at most.
        self.found.quiet = loads[2] < (os.cpu_count() or 1) + 1
        if not self.found.quiet:
            say("The machine was busy with other work: these figures are no results.")

    def core(self) -> None:
        """The core and the lane processor alone."""
        self.found.costs = core.costs(self._plan.core_orders, rounds=5)


def _facts(cores: Cores) -> dict[str, str]:
    java = subprocess.run(["java", "-version"], check=False, text=True, capture_output=True)
    pinned = (PROJECT_ROOT / "benchmarks/peers/requirements.txt").read_text().split()
    quix = next((word for word in pinned if word.startswith("quixstreams==")), "")
    return {
        "Started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **machine_facts(),
        "Java": (java.stderr.splitlines() or [""])[0],
        "Quix Streams": quix.partition("==")[2],
        "Cores": f"broker {cores.broker}, contestant {cores.contestant}; sender and reader any",
    }


def _said(entry: Entry) -> str:
    options = entry.options
    return (
        f"commit interval {options['commit_interval_ms']} ms, linger {options['linger_ms']} ms, "
        f"{options['threads']} thread(s)"
    )


def main() -> None:
    """Check, measure and print; exit code 0 when everybody decided alike and was measured."""
    parser = argparse.ArgumentParser(description="The worker against its peers at the same work.")
    parser.add_argument("--short", action="store_true", help="a quick look: one flow, one round")
    parser.add_argument("--rounds", type=int, help="rounds of the CME flow")
    parser.add_argument("--only", nargs="+", choices=list(_ALL), default=list(_ALL))
    parser.add_argument("--skip", nargs="+", choices=["check", "latency", "settings"], default=[])
    parser.add_argument("--check", action="store_true", help="only whether all decide alike")
    parser.add_argument("--broker-cores", default="", help="as taskset --cpu-list takes them")
    parser.add_argument("--contestant-cores", default="", help="the same for the contestants")
    options = parser.parse_args()
    plan = _SHORT if options.short else _FULL
    if options.rounds is not None:
        plan = replace(plan, rounds=options.rounds)
    cores = split_cores(options.broker_cores, options.contestant_cores)
    with bench_stack() as stack:
        place_broker(stack, cores)
        contest = Contest(stack, plan, cores, options.only)
        if options.check or "check" not in options.skip:
            contest.check()
        if options.check:
            print(json.dumps(contest.found.checked, indent=2))
            return
        if "settings" not in options.skip:
            contest.choose_settings()
        contest.rounds()
        if "latency" not in options.skip:
            contest.latency()
        contest.core()
    contest.note_load()
    report.show(contest.found)
    for path in report.write(contest.found, _RESULTS):
        print(path.relative_to(PROJECT_ROOT))
    print(json.dumps(contest.found.last_line()))


if __name__ == "__main__":
    main()
