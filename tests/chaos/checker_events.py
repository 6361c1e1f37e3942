"""Judges the regulatory events of one lane.

Owns that `regulatory-events` has each event the auditor expects once, in the order in which the
lane emitted them, with the right day; and that a closed day tells its true count.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Final

from tests.chaos.checker_auditor import LaneAuditor
from tests.chaos.checker_findings import Kind
from tests.chaos.checker_outputs import Output
from tests.oracle.arithmetic import nearest
from tests.oracle.auditor import Event

Tell = Callable[[Kind, str], None]


class EventJudge:
    """Follows one lane. `counts`: tenant -> events emitted on the open day."""

    def __init__(self) -> None:
        self.counts: Final[Counter[str]] = Counter()

    def judge(
        self, expected: tuple[Event, ...], published: list[Output], auditor: LaneAuditor, tell: Tell
    ) -> list[Output]:
        """The published events of an input in the order in which they were emitted.

        The topic spreads tenants over partitions; within one tenant it keeps the order.
        """
        found: defaultdict[Event, list[Output]] = defaultdict(list)
        for output in published:
            said = output.content
            event = Event(said["event_type"], said["tenant_id"], said["reason_code"])
            found[event].append(output)
        in_order: list[Output] = []
        due = Counter(expected)
        for event in expected:
            self._count(event, found[event][:1], tell)
            if found[event]:
                in_order.append(found[event].pop(0))
            else:
                tell("lost", f"its event {event.event_type} of {event.tenant} was not published")
        for event, left in found.items():
            for output in left:
                kind: Kind = "doubled" if due[event] else "contradicted"
                tell(kind, f"{output.record.place} is one event {event.event_type} too many")
        _check_days(in_order, auditor, tell)
        _check_shortfalls(in_order, auditor, tell)
        return in_order

    def _count(self, event: Event, found: list[Output], tell: Tell) -> None:
        if event.event_type != "DAY_CLOSE":
            self.counts[event.tenant] += 1
            return
        count = self.counts.pop(event.tenant, 0)
        for output in found:
            if output.content["day_event_count"] != count:
                tell(
                    "contradicted",
                    f"{output.record.place} closes a day of {count} events of {event.tenant} and "
                    f"says {output.content['day_event_count']}",
                )


def _check_days(in_order: list[Output], auditor: LaneAuditor, tell: Tell) -> None:
    """An event is of the day that was open when it was emitted, and is closed by what follows."""
    day = auditor.open_day
    for output in reversed(in_order):
        said = output.content
        if said["event_type"] == "DAY_CLOSE":
            day = said["business_day"]
        elif said["business_day"] != day:
            place = output.record.place
            tell("contradicted", f"{place} is of day {said['business_day']}, not {day}")


def _check_shortfalls(in_order: list[Output], auditor: LaneAuditor, tell: Tell) -> None:
    """How much is short, at the moment of each event: one input can bring several."""
    told = [output for output in in_order if output.content["event_type"] == "DEFICIT"]
    if len(told) != len(auditor.shortfalls):
        return
    for output, (currency, amount) in zip(told, auditor.shortfalls, strict=True):
        said = output.content
        if (said["currency"], said["amount_minor"]) != (currency, nearest(amount)):
            tell(
                "contradicted",
                f"{output.record.place} tells of {said['amount_minor']} {said['currency']} too "
                f"little, where {amount} {currency} is missing",
            )
