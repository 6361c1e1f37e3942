"""The safety steps removed one at a time: the simulation has to notice each.

Owns the list of mutants and the search for a schedule that catches one. A mutant counts as caught
only by a seed whose schedule is sound without it, and only if the mutated code ran. The core is
mutated as plain Python: compiled modules cannot be changed in place.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from pipeline.lane.processor import LaneProcessor
from pipeline.risk.keys import EXECUTION, ORDER
from pipeline.risk.state import LaneState
from pipeline.streaming.commit import ClosedWork, Commit, Membership
from pipeline.tables import restore
from pipeline.tables.lane import TableLane
from pipeline.tables.restore import Restorer
from pipeline.tables.rocks import StoreMark
from tests.simulation.group import NO_GENERATION, NO_MEMBER
from tests.simulation.product import running_worker, simulated
from tests.simulation.schedule import run_schedule
from tests.simulation.source import ModelChangelogs
from tests.simulation.worker import APP, Worker

SEEDS_MAX: Final = 3_000


@dataclass(frozen=True)
class Mutant:
    """`target.method` is replaced by what `mutate` makes of it."""

    name: str
    removes: str
    target: Any
    method: str
    mutate: Callable[[Any], Any]


@dataclass
class Verdict:
    """`seed` caught it by `violation`; None: nothing did in `tried` schedules."""

    mutant: Mutant
    tried: int
    seed: int | None = None
    violation: str = ""


# -- what each mutant does instead


def _offsets_without_membership(original: Any) -> Any:
    def send_offsets(self: Commit, work: ClosedWork, membership: Membership) -> None:
        del membership
        original(self, work, Membership(APP, NO_GENERATION, NO_MEMBER))

    return send_offsets


def _offsets_with_the_membership_of_now(original: Any) -> Any:
    def send_offsets(self: Commit, work: ClosedWork, membership: Membership) -> None:
        del membership
        worker = running_worker()
        now = Membership(APP, worker.generation, worker.member_id, worker.instance_id)
        original(self, work, now)

    return send_offsets


def _unstable_offsets(_original: Any) -> Any:
    def stable_offsets(self: ModelChangelogs, places: Any) -> Any:
        self.step("source.offsets")
        return {place: self.broker.group.committed.get(place, -1) for place in places}

    return stable_offsets


def _ends_at_the_last_stable_offset(original: Any) -> Any:
    def ends(self: ModelChangelogs, places: Any) -> Any:
        first, _ = original(self, places)
        return first, {place: self.broker.logs[place].stable for place in places}

    return ends


def _no_comparison(_original: Any) -> Any:
    return lambda _at, _committed, _applied: None


def _keeps_its_cache(original: Any) -> Any:
    def carry_out(self: Worker, work: ClosedWork, membership: Membership) -> None:
        try:
            original(self, work, membership)
        except KafkaException:
            self.producer.abort_transaction(1.0)
            for lane in work.lanes.values():
                lane._dirty = {**lane._committing, **lane._dirty}
                lane._committing = {}

    return carry_out


def _mark_first(_original: Any) -> Any:
    def committed(self: TableLane, mark: StoreMark) -> None:
        self.stored.write({}, mark)
        self.stored.write(self._committing, mark)
        self._committing = {}

    return committed


def _trusting(what: str) -> Callable[[Any], Any]:
    def mutate(original: Any) -> Any:
        def distrust(mark: Any, high: int, topic_id: bytes) -> str | None:
            why: str | None = original(mark, high, topic_id)
            return None if why is not None and what in why else why

        return distrust

    return mutate


def _clock_as_it_is(original: Any) -> Any:
    def apply(self: LaneProcessor, *args: Any) -> Any:
        self.head.gate_time = -1
        return original(self, *args)

    return apply


def _forgets_executions(original: Any) -> Any:
    def seen(self: LaneState, key: bytes, forgotten_before: int) -> Any:
        return None if key[:1] == EXECUTION else original(self, key, forgotten_before)

    return seen


def _nothing_remembered(_original: Any) -> Any:
    return lambda _self, _kind: False


def _no_order_rows(original: Any) -> Any:
    return lambda self, kind: [] if kind == ORDER else original(self, kind)


def _timed_out_is_done(_original: Any) -> Any:
    def commit(self: Commit) -> None:
        try:
            self._producer.commit_transaction(10.0)
        except KafkaException as error:
            if not error.args[0].retriable():
                raise

    return commit


def _timed_out_is_done_again(original: Any) -> Any:
    def carry_out(self: Worker, work: ClosedWork, membership: Membership) -> None:
        asked = Commit.commit
        try:
            Commit.commit = _asked_once  # type: ignore[method-assign]
            original(self, work, membership)
        except KafkaException as error:
            reason = error.args[0]
            if not (isinstance(reason, KafkaError) and reason.retriable()):
                raise
            self.open_producer()
            original(self, work, membership)
        finally:
            Commit.commit = asked  # type: ignore[method-assign]

    return carry_out


def _asked_once(self: Commit) -> None:
    self._producer.commit_transaction(10.0)


def _whole_unasked(_original: Any) -> Any:
    def is_whole(self: Restorer, place: Any, committed: Any) -> bool:
        del committed
        lane = self._stores[place.family.name].lanes.get(place.partition)
        return lane is not None and lane.work is not None and lane.settled

    return is_whole


MUTANTS: Final = (
    Mutant(
        "generation in the offsets",
        "offsets are sent without the group's generation and member",
        Commit,
        "send_offsets",
        _offsets_without_membership,
    ),
    Mutant(
        "generation taken at assignment",
        "offsets are sent with the membership of the moment of the commit",
        Commit,
        "send_offsets",
        _offsets_with_the_membership_of_now,
    ),
    Mutant(
        "stable group offsets",
        "offsets are read without waiting for pending ones",
        ModelChangelogs,
        "stable_offsets",
        _unstable_offsets,
    ),
    Mutant(
        "restoring to the high watermark",
        "the changelog is restored to its last stable offset",
        ModelChangelogs,
        "ends",
        _ends_at_the_last_stable_offset,
    ),
    Mutant(
        "comparing lane row and group offsets",
        "state and offsets need not agree",
        restore,
        "require_agreement",
        _no_comparison,
    ),
    Mutant(
        "dropping the cache on abort",
        "a worker goes on after an aborted commit",
        Worker,
        "carry_out",
        _keeps_its_cache,
    ),
    Mutant(
        "changelog offset in the WriteBatch",
        "the mark is written before the rows, by itself",
        TableLane,
        "committed",
        _mark_first,
    ),
    *[
        Mutant(
            f"discarding an outdated local store: {words}",
            f"a store is trusted although {words}",
            restore,
            "distrust",
            _trusting(words),
        )
        for words in (
            "it is ahead of the changelog",
            "it belongs to another changelog topic",
            "it is older than deletions are kept for",
        )
    ],
    Mutant(
        "monotone gate time",
        "gate time is whatever the clock says",
        LaneProcessor,
        "apply",
        _clock_as_it_is,
    ),
    Mutant(
        "exec-id dedup", "a repeated execution counts again", LaneState, "seen", _forgets_executions
    ),
    Mutant(
        "looking for ids that an earlier worker remembered",
        "the filter over remembered keys is taken for complete when a lane is opened",
        TableLane,
        "holds_kind",
        _nothing_remembered,
    ),
    Mutant(
        "reading the working orders of a restored lane",
        "an order taken by an earlier worker is never swept",
        TableLane,
        "rows_of_kind",
        _no_order_rows,
    ),
    Mutant(
        "retry-until-known commit: taken for done",
        "a commit that timed out counts as done",
        Commit,
        "commit",
        _timed_out_is_done,
    ),
    Mutant(
        "retry-until-known commit: done again",
        "a commit that timed out is taken for failed, and its work done again",
        Worker,
        "carry_out",
        _timed_out_is_done_again,
    ),
    Mutant(
        "comparing a warm lane with the group's offsets",
        "a lane that is still open is taken for whole",
        Restorer,
        "_is_whole",
        _whole_unasked,
    ),
)


@contextmanager
def removed(mutant: Mutant) -> Iterator[list[int]]:
    """Run without the safety step; yields how often the mutated code was called, in one item."""
    original = getattr(mutant.target, mutant.method)
    mutated = mutant.mutate(original)
    calls = [0]

    def counted(*args: Any) -> Any:
        calls[0] += 1
        return mutated(*args)

    setattr(mutant.target, mutant.method, counted)
    try:
        yield calls
    finally:
        setattr(mutant.target, mutant.method, original)


def hunt(mutant: Mutant, seeds: range) -> Verdict:
    """Look for a schedule that is sound, but not without the safety step."""
    verdict = Verdict(mutant, 0)
    for seed in seeds:
        verdict.tried += 1
        with removed(mutant) as calls:
            violations = run_schedule(seed).violations
        if violations and calls[0] and not run_schedule(seed).violations:
            verdict.seed, verdict.violation = seed, violations[0]
            break
    return verdict


def _pure() -> None:
    """Start anew on plain Python: compiled classes cannot be changed in place."""
    if os.environ.get("TOLLGATE_PURE") != "1":
        arguments = [sys.executable, "-m", "tests.simulation.mutants", *sys.argv[1:]]
        os.execve(sys.executable, arguments, os.environ | {"TOLLGATE_PURE": "1"})  # noqa: S606


def main() -> int:
    """The exit code: 1 when a mutant lives."""
    _pure()
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants")
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX, help="schedules a mutant")
    parser.add_argument("--only", default="", help="those whose name contains this")
    asked = parser.parse_args()
    wanted = [mutant for mutant in MUTANTS if asked.only in mutant.name]
    caught = 0
    with simulated():
        for mutant in wanted:
            verdict = hunt(mutant, range(asked.seeds))
            if verdict.seed is None:
                print(f"LIVES   {mutant.name}: {mutant.removes} ({verdict.tried} schedules)")  # noqa: T201
                continue
            caught += 1
            print(f"caught  {mutant.name}: {mutant.removes}")  # noqa: T201
            print(f"        by seed {verdict.seed}: {verdict.violation}", flush=True)  # noqa: T201
    print(json.dumps({"mutants": len(wanted), "caught": caught}))  # noqa: T201
    return int(caught != len(wanted))


if __name__ == "__main__":
    sys.exit(main())
