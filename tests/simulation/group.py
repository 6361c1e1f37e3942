"""The consumer group: members, generations, eager assignment, committed and pending offsets.

Owns the one place where a membership is checked: when offsets are added to a transaction. A commit
that follows later is not checked again, as in Kafka.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from confluent_kafka import KafkaError

Place = tuple[str, int]
Assignor = Callable[[list["Member"]], dict[str, list[int]]]
NO_GENERATION: Final = -1
NO_MEMBER: Final = ""


class Member:
    """One member; `lost_at_ms` is when its session ends unless it is heard of again."""

    def __init__(self, member_id: str, worker: int, instance_id: str | None) -> None:
        self.member_id: Final = member_id
        self.worker: Final = worker
        self.instance_id: Final = instance_id
        self.lost_at_ms: int | None = None
        self.has_joined = True
        self.lanes: list[int] = []


class Group:
    """The group's coordinator."""

    def __init__(self, assign: Assignor) -> None:
        """`assign` deals the lanes out to the members of a new generation."""
        self._assign: Final = assign
        self.generation = 0
        self.rebalancing = False
        self.members: dict[str, Member] = {}
        self.committed: dict[Place, int] = {}
        # Producer id -> offsets of its open transaction.
        self.pending: dict[int, dict[Place, int]] = {}
        self._by_producer: dict[int, tuple[int, str]] = {}
        # (generation, member, offsets) of each transaction that committed, in order.
        self.history: list[tuple[int, str, dict[Place, int]]] = []
        self._joined = 0

    # -- members

    def join(self, worker: int, member_id: str, instance_id: str | None) -> str:
        """A member joins or joins again; returns its id, with which it asks for its lanes."""
        if instance_id is not None:
            same = next((m for m in self.members.values() if m.instance_id == instance_id), None)
            if same is not None and same.member_id != member_id:
                return self._replace(same, worker)
        member = self.members.get(member_id)
        if member is None:
            member = self._new(worker, instance_id)
        member.has_joined = True
        self._begin()
        member.has_joined = True
        self._complete()
        return member.member_id

    def _new(self, worker: int, instance_id: str | None) -> Member:
        self._joined += 1
        member = Member(f"member-{self._joined}", worker, instance_id)
        self.members[member.member_id] = member
        return member

    def _replace(self, old: Member, worker: int) -> str:
        """A static member comes back: a new id, the old one fenced, no rebalance if none runs."""
        del self.members[old.member_id]
        member = self._new(worker, old.instance_id)
        member.lanes = old.lanes
        if self.rebalancing:
            self._complete()
        return member.member_id

    def leave(self, member_id: str) -> None:
        """A member leaves, or its session has ended."""
        if self.members.pop(member_id, None) is not None:
            self._begin()
            self._complete()

    def expire(self, now_ms: int) -> None:
        """End the sessions of those not heard of for too long."""
        for member in list(self.members.values()):
            if member.lost_at_ms is not None and member.lost_at_ms <= now_ms:
                self.leave(member.member_id)

    def _begin(self) -> None:
        if not self.rebalancing:
            self.rebalancing = True
            for member in self.members.values():
                member.has_joined = False

    def _complete(self) -> None:
        """Start the next generation once everybody has joined it."""
        members = list(self.members.values())
        if not self.rebalancing or not all(member.has_joined for member in members):
            return
        self.rebalancing = False
        self.generation += 1
        dealt = self._assign(members)
        for member in members:
            member.lanes = dealt.get(member.member_id, [])

    def lanes_of(self, member_id: str) -> tuple[int, list[int]] | None:
        """(generation, lanes) of a member, or None while the group rebalances."""
        member = self.members.get(member_id)
        if member is None or self.rebalancing:
            return None
        return self.generation, member.lanes

    def must_join(self, member_id: str) -> bool:
        """What the member's next heartbeat would tell it."""
        member = self.members.get(member_id)
        return member is None or (self.rebalancing and not member.has_joined)

    # -- offsets

    def refusal(self, generation: int, member_id: str, instance_id: str | None) -> int | None:
        """The error code for offsets of such a membership, or None.

        Without any membership offsets are taken: Kafka cannot know whose they are.
        """
        if generation < 0 and member_id == NO_MEMBER and instance_id is None:
            return None
        if instance_id is not None:
            same = next((m for m in self.members.values() if m.instance_id == instance_id), None)
            if same is None:
                return int(KafkaError.UNKNOWN_MEMBER_ID)
            if same.member_id != member_id:
                return int(KafkaError.FENCED_INSTANCE_ID)
        if member_id not in self.members:
            return int(KafkaError.UNKNOWN_MEMBER_ID)
        if generation != self.generation:
            return int(KafkaError.ILLEGAL_GENERATION)
        return None

    def add_pending(
        self, producer: int, offsets: Mapping[Place, int], generation: int, member_id: str
    ) -> None:
        """Offsets that count once the producer's transaction commits."""
        self.pending.setdefault(producer, {}).update(offsets)
        self._by_producer[producer] = (generation, member_id)

    def end(self, producer: int, *, commit: bool) -> None:
        """The marker of the producer's transaction has been written."""
        offsets = self.pending.pop(producer, {})
        generation, member_id = self._by_producer.pop(producer, (NO_GENERATION, NO_MEMBER))
        if commit and offsets:
            self.committed.update(offsets)
            self.history.append((generation, member_id, offsets))

    def is_pending(self, places: Iterable[Place]) -> bool:
        """Whether a stable answer for any of the places has to wait."""
        return any(place in offsets for place in places for offsets in self.pending.values())
