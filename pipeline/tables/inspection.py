"""What a worker's endpoint shows of its lanes: which are whole, how far they are, and one user.

Owns when a lane may be shown: when the worker owns it, it is whole, and no rebalance runs. Shows
committed rows alone: they are read from the store on disk, which they reach only after their
commit, never from the cache of what is still open. Called from the endpoint's threads.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from pipeline.codecs.avro import decode_row_gate
from pipeline.risk.keys import GATE
from pipeline.risk.partition import partition_of
from pipeline.tables.lane import TableLane
from pipeline.tables.rocks import RocksRows, StoreUnavailable
from pipeline.tables.user_context import UserContext, describe
from pipeline.telemetry.endpoint import Answer
from pipeline.telemetry.lanes import LaneBoard

READY: Final = "ready"
RECOVERING: Final = "recovering"
STANDBY: Final = "standby"
_RETRY_S: Final = 1
# The family whose lanes hold users; as app.py names it.
GATE_FAMILY: Final = "gate"


class Inspection:
    """The gate's lanes of one worker, for the endpoint."""

    def __init__(
        self,
        worker_id: str,
        partitions: int,
        *,
        board: LaneBoard,
        lanes: Callable[[], Mapping[int, TableLane]],
        generation: Callable[[], int | None],
        owner_of: Callable[[int], str | None],
    ) -> None:
        """Take the worker's name, the gate's number of lanes, and whom to ask.

        `lanes`: those open here, whole or not. `generation`: the group's generation whose lanes are
        whole here, None while there is none or a rebalance runs. `owner_of`: the address of the
        worker that has a lane, None where it cannot be told.
        """
        self._worker_id: Final = worker_id
        self._partitions: Final = partitions
        self._board: Final = board
        self._lanes: Final = lanes
        self._generation: Final = generation
        self._owner_of: Final = owner_of

    def health(self) -> Answer:
        """200 when every lane that is owned is whole, 503 while one is not."""
        whole = self._generation() is not None
        body = {
            "worker": self._worker_id,
            "state": READY if whole else RECOVERING,
            "lanes": len(self._board.owned()),
        }
        return Answer(HTTPStatus.OK if whole else HTTPStatus.SERVICE_UNAVAILABLE, body)

    def lanes(self) -> Answer:
        """Each lane: state, restore, lag, last committed lane sequence."""
        generation = self._generation()
        whole = generation is not None
        owned: list[dict[str, Any]] = [
            {
                "lane": lane,
                "state": READY if whole else RECOVERING,
                "records_left": 0 if whole else figures.records_left,
                "seconds_left": 0.0 if whole else figures.seconds_left,
                "lag_records": figures.lag_records,
                "lag_seconds": figures.lag_seconds,
                "lane_sequence": self._lane_sequence(lane) if whole else None,
            }
            for lane, figures in self._board.owned().items()
        ]
        standbys = [
            {"lane": lane, "state": STANDBY, "records_left": behind}
            for lane, behind in self._board.standbys(GATE_FAMILY).items()
        ]
        body = {"worker": self._worker_id, "generation": generation, "lanes": owned + standbys}
        return Answer(HTTPStatus.OK, body)

    def user(self, user_id: str) -> Answer:
        """One user's committed state; 421 when another worker has its lane."""
        lane = partition_of(user_id.encode(), self._partitions)
        generation = self._generation()
        if generation is None:
            return self._not_now()
        context = UserContext(user_id, lane)
        if not self._collect(context):
            return self._elsewhere(lane)
        if self._generation() != generation:
            return self._not_now()
        described = {
            "source": "worker",
            "worker": self._worker_id,
            "generation": generation,
            **describe(context),
        }
        if not context.rows:
            error = f"lane {lane} knows nothing of this user"
            return Answer(HTTPStatus.NOT_FOUND, {"error": error, **described})
        return Answer(HTTPStatus.OK, described)

    def _stored(self, lane: int) -> RocksRows | None:
        """The committed rows of a lane that is whole here."""
        found = self._lanes().get(lane)
        if found is None or found.work is None or not isinstance(found.stored, RocksRows):
            return None
        return found.stored

    def _collect(self, context: UserContext) -> bool:
        """Read a user's rows, all as of one commit; False when the lane is not here."""
        stored = self._stored(context.lane)
        if stored is None:
            return False
        try:
            with stored.frozen() as rows:
                context.collect(rows.scan)
        except StoreUnavailable:
            return False  # It was closed just now: the lane is moving away.
        return True

    def _lane_sequence(self, lane: int) -> int | None:
        stored = self._stored(lane)
        if stored is None:
            return None
        try:
            with stored.frozen() as rows:
                body = dict(rows.scan(GATE, 1)).get(GATE)
        except StoreUnavailable:
            return None
        return 0 if body is None else decode_row_gate(body).lane_sequence

    def _not_now(self) -> Answer:
        body = {"error": "the lanes of this worker are being restored or shared out: ask again"}
        headers = {"Retry-After": str(_RETRY_S)}
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, body, headers)

    def _elsewhere(self, lane: int) -> Answer:
        body: dict[str, Any] = {
            "error": f"lane {lane} is not with this worker",
            "lane": lane,
            "owner": self._owner_of(lane),
        }
        return Answer(HTTPStatus.MISDIRECTED_REQUEST, body)
