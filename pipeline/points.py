"""Named points between two steps of a commit, a recovery or a hand-over.

Owns their names, and nothing else: in the product nothing happens at a point. The fault harness and
the simulation install what happens there (a kill, a stop, a switch to another worker), so that a
crash between any two steps is a test and not a hope. No setting or environment variable reaches it.
"""

from collections.abc import Callable
from typing import Final

# A commit, in order (streaming/commit.py).
COMMIT_BEGUN: Final = "commit.begun"
COMMIT_OUTPUTS_PRODUCED: Final = "commit.outputs_produced"
COMMIT_ROWS_PRODUCED: Final = "commit.rows_produced"
COMMIT_OFFSETS_SENT: Final = "commit.offsets_sent"
COMMIT_FLUSHED: Final = "commit.flushed"
COMMIT_COMMITTED: Final = "commit.committed"
COMMIT_LANE_STORED: Final = "commit.lane_stored"
COMMIT_STORED: Final = "commit.stored"
# From an assignment to the first event, in order (tables/recovery.py, tables/restore.py).
RECOVERY_BEGUN: Final = "recovery.begun"
RECOVERY_OFFSETS_KNOWN: Final = "recovery.offsets_known"
RECOVERY_ENDS_KNOWN: Final = "recovery.ends_known"
RECOVERY_STORES_OPENED: Final = "recovery.stores_opened"
RECOVERY_BATCH_APPLIED: Final = "recovery.batch_applied"
RECOVERY_REPLAYED: Final = "recovery.replayed"
RECOVERY_AGREED: Final = "recovery.agreed"
RECOVERY_JOINED: Final = "recovery.joined"
# Handing lanes over, and a start.
HANDOVER_BEGUN: Final = "handover.begun"
HANDOVER_SETTLED: Final = "handover.settled"
START_FENCED: Final = "start.fenced"
STANDBY_BATCH_APPLIED: Final = "standby.batch_applied"

POINTS: Final = (
    START_FENCED,
    RECOVERY_BEGUN,
    RECOVERY_OFFSETS_KNOWN,
    RECOVERY_ENDS_KNOWN,
    RECOVERY_STORES_OPENED,
    RECOVERY_BATCH_APPLIED,
    RECOVERY_REPLAYED,
    RECOVERY_AGREED,
    RECOVERY_JOINED,
    COMMIT_BEGUN,
    COMMIT_OUTPUTS_PRODUCED,
    COMMIT_ROWS_PRODUCED,
    COMMIT_OFFSETS_SENT,
    COMMIT_FLUSHED,
    COMMIT_COMMITTED,
    COMMIT_LANE_STORED,
    COMMIT_STORED,
    HANDOVER_BEGUN,
    HANDOVER_SETTLED,
    STANDBY_BATCH_APPLIED,
)

_act: Callable[[str], None] | None = None


def install(act: Callable[[str], None] | None) -> None:
    """Let `act` be called with the name of each point reached; None: nothing again."""
    global _act  # noqa: PLW0603 -- one process has one set of points
    _act = act


def reached(point: str) -> None:
    """The process is between the two steps that `point` names."""
    if _act is not None:
        _act(point)
