"""Whether a commit of a stopped worker counted after its lanes had moved.

Owns the one question that the outputs alone cannot answer: a worker is stopped at a point of its
commit, another one has its lanes meanwhile, it wakes and goes on. Then its commit must be refused.
Judges by what the workers told, not by what they wrote.

Only the lanes *of the commit* matter. A new owner waits for a pending transaction before it starts
a lane of it, so a late commit of such a lane is in order; the worker's other lanes may run
elsewhere by then.
"""

from collections.abc import Iterator, Mapping

from pipeline import points
from tests.chaos.incarnation import Ready, Told


def unfenced_commits(incarnations: Mapping[str, Told]) -> list[str]:
    """One line for each commit that succeeded although a lane of it had moved; by name."""
    return [line for name in incarnations for line in _unfenced(name, incarnations)]


def _unfenced(name: str, incarnations: Mapping[str, Told]) -> Iterator[str]:
    zombie = incarnations[name]
    for point, stopped, woken in zombie.stops:
        held = _held(zombie, point, stopped)
        if woken is None or held is None:
            continue
        taken = _taken(held, name, incarnations, woken)
        rejoined = min((at for at in zombie.joins if at > woken), default=float("inf"))
        for at, lanes in zombie.commits:
            if woken < at < rejoined and lanes & taken:
                yield (
                    f"{name}, stopped at {point} for {woken - stopped:.1f} s, committed lanes "
                    f"{sorted(lanes & taken)} after they had moved"
                )


def _held(zombie: Told, point: str, stopped: float) -> Ready | None:
    """What it held when it was stopped; it says so only after the point at which it has joined."""
    if point == points.RECOVERY_JOINED:
        return next((ready for ready in zombie.ready if ready.at > stopped), None)
    before = [ready for ready in zombie.ready if ready.at < stopped]
    return before[-1] if before else None


def _taken(
    held: Ready, name: str, incarnations: Mapping[str, Told], woken: float
) -> frozenset[int]:
    """The lanes that others held in a later generation before the zombie woke.

    Their logs are read a little late, never early: who counts as ready was.
    """
    return held.lanes.intersection(
        lane
        for other, told in incarnations.items()
        if other != name
        for ready in told.ready
        if ready.generation > held.generation and ready.at < woken
        for lane in ready.lanes
    )
