"""Whether a commit of a stopped worker counted after its lanes had moved.

Owns the one question that the outputs alone cannot answer: a worker is stopped at a point of its
commit, another one has its lanes meanwhile, it wakes and goes on. Then its commit must be refused.
Judges by what the workers told, not by what they wrote.
"""

from collections.abc import Iterator, Sequence

from pipeline import points
from tests.chaos.incarnation import Incarnation, Ready


def unfenced_commits(incarnations: Sequence[Incarnation]) -> list[str]:
    """One line for each commit that succeeded although its lanes had moved."""
    return [line for one in incarnations for line in _unfenced(one, incarnations)]


def _unfenced(zombie: Incarnation, incarnations: Sequence[Incarnation]) -> Iterator[str]:
    for point, stopped, woken in zombie.told.stops:
        if woken is None:
            continue
        held = _held(zombie, point, stopped)
        if held is None or not _taken(held, zombie, incarnations, woken):
            continue
        rejoined = min((at for at in zombie.told.joins if at > woken), default=float("inf"))
        late = [at for at in zombie.told.commits if woken < at < rejoined]
        if late:
            yield (
                f"{zombie.name}, stopped at {point} for {woken - stopped:.1f} s, committed after "
                f"its lanes {sorted(held.lanes)} had moved"
            )


def _held(zombie: Incarnation, point: str, stopped: float) -> Ready | None:
    """What it held when it was stopped; it says so only after the point at which it has joined."""
    if point == points.RECOVERY_JOINED:
        return next((ready for ready in zombie.told.ready if ready.at > stopped), None)
    before = [ready for ready in zombie.told.ready if ready.at < stopped]
    return before[-1] if before else None


def _taken(
    held: Ready, zombie: Incarnation, incarnations: Sequence[Incarnation], woken: float
) -> bool:
    """Another worker held some of the lanes, in a later generation, before the zombie woke.

    Its log is read a little late, never early: who counts as ready was.
    """
    return any(
        ready.generation > held.generation and ready.at < woken and ready.lanes & held.lanes
        for other in incarnations
        if other is not zombie
        for ready in other.told.ready
    )
