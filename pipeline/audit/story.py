"""The story of one order, from the audit topic alone.

Owns which audit records belong to an order: those of its NEW, of the requests that refer to it, of
the venue's reports on any of its ids, and the gate's own decision to end it. A lane is read twice
or three times rather than remembered: to find the user, to follow the ids, to tell what happened.
What each step meant for the user's money is worked out by `story_replay.py`; the words are in
`story_words.py`. Judges nothing: that is what `verify.py` does.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.audit.story_replay import After, UserReplay
from pipeline.codecs.avro import decode_audit_record, decode_decision, decode_fill, decode_order
from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.published import unframe
from pipeline.codecs.wire import SchemaIds
from pipeline.lane.processor import FILLS, ORDERS
from pipeline.risk.bounds import ID_BYTES_MAX, is_id
from pipeline.risk.partition import partition_of
from pipeline.risk.reasons import ACCEPTED
from pipeline.risk.records import (
    AUDIT_OUTCOME_DECISION,
    ORDER_ACTION_NEW,
    AuditRecord,
    Decision,
    Fill,
    Order,
)

REQUEST: Final = "REQUEST"
REPORT: Final = "REPORT"
SWEEP: Final = "SWEEP"
NOT_ASKED_FOR: Final = "the lane was not replayed"

# Reads lanes from their first record: (lane, Avro body of an audit record), each in its order.
Read = Callable[[Sequence[int]], Iterable[tuple[int, bytes]]]
# Told which of the passes over which lanes begins.
Begin = Callable[[str, Sequence[int]], None]

# Rejected before anything was remembered: the id is as free as it was.
_NOT_REMEMBERED: Final = ("TOO_OLD", "EVENT_TIME_IN_FUTURE")
_IDENTITY: Final = "IDENTITY"


class UnknownOrderError(Exception):
    """The audit knows no such order; the text says where it was looked for."""


class SeveralUsersError(Exception):
    """Several users have an order of this id. `users`: with the lane of each."""

    def __init__(self, users: list[tuple[str, int]]) -> None:
        super().__init__(f"{len(users)} users have an order of this id")
        self.users: Final = users


class Layout(NamedTuple):
    """What one must know of a gate to read its audit: lanes, input topics, schema ids."""

    lane_count: int
    topics: list[str]
    ids: SchemaIds


@dataclass
class Step:
    """One thing that happened to the order.

    `record` is the input that the audit has; of a SWEEP the one before which the order was ended.
    `after` is absent where the lane could not be replayed, and for all steps but the last of an
    input.
    """

    kind: str
    record: AuditRecord
    order: Order | None = None
    fill: Fill | None = None
    decision: Decision | None = None
    after: After | None = None


@dataclass
class Story:
    """What happened to an order. `left_out`: why its effect on the user is not told, if it is not.

    `root_id`: the id of its NEW; `ids`: all that lead to it, in order of appearance.
    """

    order_id: str
    user_id: str
    lane: int
    root_id: str
    ids: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    left_out: str | None = None
    notes: list[str] = field(default_factory=list)


class Reading:
    """What an audit record says of orders. Raises MalformedAvro for what is no audit record."""

    def __init__(self, body: bytes, layout: Layout) -> None:
        self.record: Final = decode_audit_record(body)
        self.order: Order | None = None
        self.fill: Fill | None = None
        found = self.record.decision
        self.decision: Final = None if found is None else decode_decision(found)
        self.swept: Final = [decode_decision(own) for own in self.record.swept]
        topic = self.record.source_topic
        try:
            name, _, inner = unframe(self.record.value, layout.ids)
            if topic == layout.topics[ORDERS] and name == "order":
                self.order = decode_order(inner)
            elif topic == layout.topics[FILLS] and name == "fill":
                self.fill = decode_fill(inner)
        except MalformedAvro:
            # A dead letter that nobody can read names no order.
            pass

    def users_naming(self, order_id: str) -> Iterator[str]:
        """Whose order of this id the record is about."""
        for named in (self.order, self.fill, *self.swept):
            if named is not None and order_id in (named.order_id, named.orig_order_id):
                yield named.user_id


class Chains:
    """Which order each id of one user belongs to, as the lane's records go by.

    A request belongs to the root of the order it refers to. What came under an id before that was
    known (a report that overtook its request), or was sent under it once the gate had forgotten it,
    is joined to the same story.
    """

    def __init__(self, user_id: str) -> None:
        self._user_id: Final = user_id
        self._roots: Final[dict[str, str]] = {}
        # Ids that no request of the user has: of reports, of dead letters, of the gate's own.
        self._mentioned: Final[dict[str, str]] = {}
        self._joined: Final[dict[str, str]] = {}

    def story_of(self, order_id: str) -> str | None:
        """The id by which the story of `order_id` goes; None when it was never seen."""
        root = self._roots.get(order_id, self._mentioned.get(order_id))
        return None if root is None else self.story_at(root)

    def story_at(self, root: str) -> str:
        """The same of what `take` returned."""
        while root in self._joined:
            root = self._joined[root]
        return root

    def take(self, reading: Reading) -> tuple[list[str | None], str | None]:
        """(roots of what was swept, root of what the input itself is about); None: not the user's.

        In the order in which they happened. A root is the id of the NEW, as far as it is known yet.
        """
        swept = [self._of_swept(decision) for decision in reading.swept]
        own = None
        if reading.order is not None and reading.order.user_id == self._user_id:
            own = self._of_request(reading.order, reading)
        elif reading.fill is not None and reading.fill.user_id == self._user_id:
            own = self._of_report(reading.fill)
        return swept, own

    def _of_swept(self, decision: Decision) -> str | None:
        if decision.user_id != self._user_id or decision.orig_order_id is None:
            return None
        root = self._roots.get(decision.orig_order_id, decision.orig_order_id)
        self._mention(decision.orig_order_id, root)
        self._mention(decision.order_id, root)
        return root

    def _of_request(self, order: Order, reading: Reading) -> str:
        known = self._roots.get(order.order_id)
        if known is not None and not _is_first_accept(reading.decision):
            return known
        root = order.order_id
        refers = order.orig_order_id
        if order.action != ORDER_ACTION_NEW and refers is not None:
            root = self._roots.get(refers, refers)
            self._mention(refers, root)
        if _is_remembered(reading):
            self._roots[order.order_id] = root
            self._join(order.order_id, root)
        else:
            self._mention(order.order_id, root)
        return root

    def _of_report(self, fill: Fill) -> str:
        ids = [fill.order_id] if fill.orig_order_id is None else [fill.order_id, fill.orig_order_id]
        found = [self._roots[order_id] for order_id in ids if order_id in self._roots]
        root = found[0] if found else fill.order_id
        for order_id in ids:
            self._mention(order_id, root)
        return root

    def _mention(self, order_id: str, root: str) -> None:
        """Let an id lead to a root; to the first that it was named with, or rather to its own."""
        if root == order_id:
            self._mentioned[order_id] = root
        else:
            self._mentioned.setdefault(order_id, root)

    def _join(self, order_id: str, root: str) -> None:
        inner, outer = self.story_at(order_id), self.story_at(root)
        if inner != outer:
            self._joined[inner] = outer


def _is_first_accept(decision: Decision | None) -> bool:
    return (
        decision is not None and decision.reason_code == ACCEPTED and decision.duplicate_of is None
    )


def _is_remembered(reading: Reading) -> bool:
    decision = reading.decision
    if reading.record.outcome != AUDIT_OUTCOME_DECISION or decision is None:
        return False
    by_identity = [line.check for line in decision.checks] == [_IDENTITY]
    return not (by_identity and decision.reason_code in _NOT_REMEMBERED)


def explain(
    layout: Layout,
    read: Read,
    order_id: str,
    user_id: str | None = None,
    *,
    replay: bool = True,
    begin: Begin | None = None,
) -> Story:
    """The story of the order that `order_id` leads to.

    Without `user_id` all lanes are looked through for who has it. `replay`: tell also what each
    step meant for the user. Raises UnknownOrderError, SeveralUsersError.
    """
    begin = begin or (lambda _what, _lanes: None)
    if user_id is None:
        user_id, lanes = _find_user(layout, read, order_id, begin)
    else:
        lanes = [partition_of(user_id.encode(), layout.lane_count)]
    home = partition_of(user_id.encode(), layout.lane_count)
    story = Story(order_id, user_id, home, "")
    story.left_out = _reason_not_to_replay(user_id, home, lanes) if replay else NOT_ASKED_FOR
    replay = story.left_out is None
    for lane in lanes:
        begin("following its ids", [lane])
        chains = _chains(layout, read([lane]), user_id)
        root = chains.story_of(order_id)
        if root is None:
            continue
        # The user's own lane comes first, and is the one that decides.
        story.root_id = story.root_id or root
        begin("telling its story", [lane])
        teller = _LaneTeller(layout, story, lane, chains, root, replay=replay and lane == home)
        teller.tell(read([lane]))
    if not story.steps:
        raise UnknownOrderError(
            f"lane {home} has no order {order_id!r} of user {user_id!r} in its audit"
        )
    story.steps.sort(key=lambda step: step.record.gate_time)
    story.ids = _ids(story)
    return story


def _reason_not_to_replay(user_id: str, home: int, lanes: Sequence[int]) -> str | None:
    if is_id(user_id, ID_BYTES_MAX) and home in lanes:
        return None
    return "no record of it lies where those of the user belong, so the gate decided nothing"


def _find_user(layout: Layout, read: Read, order_id: str, begin: Begin) -> tuple[str, list[int]]:
    """(the only user who has it, the lanes that name it, the user's own first)."""
    everywhere = range(layout.lane_count)
    begin("looking for its user", everywhere)
    needle = order_id.encode()
    found: dict[str, set[int]] = {}
    for lane, body in read(everywhere):
        # Most records are told from their bytes not to name it.
        if needle in body:
            for user_id in _users(body, layout, order_id):
                found.setdefault(user_id, set()).add(lane)
    homes = [(user, partition_of(user.encode(), layout.lane_count)) for user in sorted(found)]
    if len(homes) > 1:
        raise SeveralUsersError(homes)
    if not homes:
        raise UnknownOrderError(
            f"none of the {layout.lane_count} lanes has {order_id!r} in its audit"
        )
    user_id, home = homes[0]
    return user_id, sorted(found[user_id], key=lambda lane: (lane != home, lane))


def _users(body: bytes, layout: Layout, order_id: str) -> list[str]:
    try:
        return list(Reading(body, layout).users_naming(order_id))
    except MalformedAvro:
        return []


def _chains(layout: Layout, records: Iterable[tuple[int, bytes]], user_id: str) -> Chains:
    """The ids of a user, once the whole lane has been read."""
    chains = Chains(user_id)
    needle = user_id.encode()
    for _, body in records:
        if needle in body:
            try:
                chains.take(Reading(body, layout))
            except MalformedAvro:
                continue
    return chains


class _LaneTeller:
    """Puts what a lane has of an order into its story.

    `known`: the ids of the user once the whole lane has been read; `root_id`: by which the story
    goes there.
    """

    def __init__(
        self,
        layout: Layout,
        story: Story,
        lane: int,
        known: Chains,
        root_id: str,
        *,
        replay: bool,
    ) -> None:
        self._layout: Final = layout
        self._story: Final = story
        self._known: Final = known
        self._root_id: Final = root_id
        self._chains: Final = Chains(story.user_id)
        self._needle: Final = story.user_id.encode()
        self._replay: Final = (
            UserReplay(story.user_id, lane, layout.lane_count, layout.topics, layout.ids)
            if replay
            else None
        )

    def tell(self, records: Iterable[tuple[int, bytes]]) -> None:
        """Go through the lane's records."""
        for lane, body in records:
            found = self._found(lane, body) if self._needle in body else []
            steps = [step for step, _ in found]
            if self._replay is not None and found:
                root = found[-1][1]
                after = self._replay.take_and_show(body, root, _instrument_id(steps))
                steps[-1].after = after
            elif self._replay is not None:
                self._replay.take(body)
            self._story.steps += steps
        if self._replay is not None:
            self._story.left_out = self._replay.problem

    def _found(self, lane: int, body: bytes) -> list[tuple[Step, str]]:
        """What the record has of the order, each with the root it was then known by."""
        try:
            reading = Reading(body, self._layout)
        except MalformedAvro as error:
            self._story.notes.append(
                f"a record of lane {lane} cannot be read ({error}): see `tollgate verify`"
            )
            return []
        swept, own = self._chains.take(reading)
        found = [
            (Step(SWEEP, reading.record, decision=decision), root)
            for decision, root in zip(reading.swept, swept, strict=True)
            if root is not None and self._belongs(root)
        ]
        if own is not None and self._belongs(own):
            kind = REPORT if reading.order is None else REQUEST
            step = Step(kind, reading.record, reading.order, reading.fill, reading.decision)
            found.append((step, own))
        return found

    def _belongs(self, root: str) -> bool:
        return self._known.story_at(root) == self._root_id


def _instrument_id(steps: list[Step]) -> str | None:
    """What a step itself says is traded; for orders that the gate holds nothing for."""
    for step in steps:
        named = step.order or step.fill
        if named is not None:
            return named.instrument_id
    return None


def _ids(story: Story) -> list[str]:
    ids = [story.root_id]
    for step in story.steps:
        if step.order is not None:
            ids.append(step.order.order_id)
        elif step.fill is not None:
            ids.append(step.fill.order_id)
        elif step.decision is not None:
            ids.append(step.decision.order_id)
    return list(dict.fromkeys(ids))
