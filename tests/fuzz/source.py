"""The records of one lane of fuzzing: a random history, and what is done to it.

Owns in which proportion histories, mutations, damaged bytes and control changes are mixed. All of
it follows from the lane's seed and from which control number is next.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from pipeline.codecs.primitives import MalformedAvro
from pipeline.codecs.wire import fixed_ids
from pipeline.control.definitions import subject_of
from pipeline.risk.records import Control
from tests.fuzz.extremes import (
    control,
    control_like,
    effective_from,
    extreme,
    lifted,
    tamed,
)
from tests.fuzz.fields import ENCODE, Seen, decoded, mutated, stretched
from tests.fuzz.judge import Sent
from tests.fuzz.octets import damaged
from tests.fuzz.reading import INPUTS
from tests.oracle.definitions import Payload
from tests.property.histories import make_history
from tests.property.world import DAY_MS, START_MS, TIERS, TOPICS, Input, vars_of

# A lane is fresh after so many: rows never grow beyond them, and after more of them users are so
# short of money that hardly an order is accepted.
LANE_RECORDS: Final = 1_000
# Steps of a history: as many as a lane has room for, or a few more.
_STEPS: Final = 600
CONTROL: Final = 0
_FRAMES: Final = [fixed_ids().frame(name) for name in INPUTS]
_TIMES: Final = ("event_time", "source_time", "effective_from", "expires_at")
# What a record is known by; the first that it has.
_OWN_IDS: Final = ("exec_id", "deposit_id", "order_id")
# How much of a lane is mutated, and how much is a control change at an extreme.
_TEMPERS: Final = ((0.05, 0.003), (0.3, 0.02), (0.3, 0.1), (0.6, 0.02))
# Chances.
_STEADY: Final = 0.5
_OF_BYTES: Final = 0.4
_REPEATS: Final = 0.05
_LIFTS: Final = 0.4
_LIFTED: Final = 0.2
_PUT_RIGHT: Final = 0.85
_MOVED: Final = 0.1
_IN_PAYLOAD: Final = 0.7
_OF_NOW: Final = 0.6
_STRETCHED: Final = 0.5
_ODD_KEY: Final = 0.05
_SAMPLES_MAX: Final = 400
_SAMPLE_BYTES_MAX: Final = 4_096
# Clock: from here on it may leap, and near the end to wherever 64 bits go.
_LEAPS_FROM: Final = LANE_RECORDS * 7 // 10
_NO_TOMORROW_FROM: Final = LANE_RECORDS * 98 // 100
_LEAP: Final = 1 / 500
_LEAPS_MS: Final = (3_600_000, 3 * DAY_MS, 400 * DAY_MS, 500 * 366 * DAY_MS)
_ODD_STAMP: Final = 1 / 200
_PAST_MS: Final = (0, -1, START_MS - DAY_MS, -(2**63))
_FUTURE_MS: Final = (2**63 // 1000, 2**63 - 1)
_OFFSETS: Final = (-1, 2**62, 2**63 - 1, -(2**63))
_TRACEPARENTS: Final = ("", "x", "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "t" * 512)


class Source:
    """Makes the records of the lane of a seed, one at a time."""

    def __init__(self, seed: int) -> None:
        """`next_control` is to be kept by whoever sees what became of the records."""
        self.next_control = 1
        self._rng: Final = Random(f"fuzz {seed}")
        steps = [self._rng.getrandbits(32) for _ in range(_STEPS)]
        steady = self._rng.random() < _STEADY
        self._history: Final = iter(make_history(steps, steady=steady))
        self._mutated, self._extreme = self._rng.choice(_TEMPERS)
        # Whether the limits are out of the way at times, so that arithmetic is what holds.
        self._lifts: Final = self._rng.random() < _LIFTS
        self._seen: Final = Seen()
        self._samples: Final[list[Sent]] = []
        self._offsets: Final = [0] * len(INPUTS)
        self._index = 0
        self._now_ms = START_MS
        self._leapt_ms = 0
        # What the history says of each subject, and when it is to be said again.
        self._usual: Final[dict[tuple[Any, ...], Payload]] = {}
        self._again: Final[list[tuple[int, Payload]]] = []

    def __iter__(self) -> Iterator[Sent]:
        """The lane's records; never ends before LANE_RECORDS."""
        for given in self._history:
            self._now_ms = given.timestamp_ms + self._leapt_ms
            yield from self._extra()
            yield self._sent(*self._usual_record(given))
        while True:
            yield from self._extra()
            yield self._mutation()

    # -- well formed

    def _usual_record(self, given: Input) -> tuple[int, bytes | None, bytes | None]:
        """A record of the history, at the lane's time."""
        topic = TOPICS.index(given.topic)
        record = _record_of(topic, given.value)
        if record is None:
            return topic, given.key, given.value
        if isinstance(record, Control):
            self._usual[subject_of(record.payload)] = record.payload
            repeats = self._rng.random() < _REPEATS
            record = control_like(
                record, record.number if repeats else self.next_control, record.payload
            )
        elif not self._leapt_ms:
            self._seen.note(record)
            return topic, given.key, given.value
        if self._leapt_ms:
            record = _later(record, self._leapt_ms * 1000)
        return topic, given.key, _FRAMES[topic] + ENCODE[topic](record)

    # -- what nobody should send

    def _extra(self) -> Iterator[Sent]:
        rng = self._rng
        while self._again and self._again[0][0] <= self._index:
            yield self._publish(self._again.pop(0)[1])
        if rng.random() < self._extreme:
            yield self._change()
        if rng.random() < self._mutated and self._samples:
            yield self._mutation()
        if self._index >= _LEAPS_FROM and rng.random() < _LEAP:
            leap_ms = rng.choice(_LEAPS_MS)
            self._leapt_ms += leap_ms
            self._now_ms += leap_ms

    def _change(self) -> Sent:
        """A definition at an extreme; mostly the usual one comes back after a while."""
        rng = self._rng
        payload = extreme(rng, self._now_ms // DAY_MS)
        if self._lifts and rng.random() < _LIFTED:
            payload = lifted(rng.choice(TIERS))
        usual = self._usual.get(subject_of(payload))
        if usual is not None and rng.random() < _PUT_RIGHT:
            self._again.append((self._index + rng.randint(2, 150), usual))
            self._again.sort(key=lambda due: due[0])
        return self._publish(payload, effective_from(rng, self._now_ms * 1000))

    def _publish(self, payload: Payload, effective_from_us: int = 0) -> Sent:
        now_us = self._now_ms * 1000
        record = control(payload, self.next_control, now_us, effective_from_us)
        return self._sent(CONTROL, None, _FRAMES[CONTROL] + ENCODE[CONTROL](record))

    def _mutation(self) -> Sent:
        rng = self._rng
        sample = rng.choice(self._samples)
        topic, key, value = sample.topic, sample.key, sample.value or b""
        if rng.random() < _OF_BYTES:
            damage = damaged(value, rng.choice(self._samples).value or b"", rng)
            if rng.random() < _MOVED:
                topic = rng.randrange(len(INPUTS))
            return self._sent(topic, self._key(key), damage)
        record = _record_of(topic, value)
        if record is None:
            return self._sent(topic, self._key(key), value)
        user = getattr(record, "user_id", None)
        now_us = self._now_ms * 1000
        if isinstance(record, Control) and rng.random() < _IN_PAYLOAD:
            payload = mutated(record.payload, rng, self._seen, now_us)
            record = control_like(record, self.next_control, payload)
        else:
            stretches = self._lifts and rng.random() < _STRETCHED
            if stretches:
                record = stretched(record, rng)
            else:
                record = mutated(record, rng, self._seen, now_us)
            if rng.random() < _OF_NOW:
                record = self._as_new(record)
        other_user = getattr(record, "user_id", None)
        if other_user != user and other_user is not None:
            key = other_user.encode()
        return self._sent(topic, self._key(key), _FRAMES[topic] + ENCODE[topic](record))

    def _as_new(self, record: Any) -> Any:
        """The record, of now and under an id of its own, so that more than these are judged."""
        values = vars_of(record)
        values["event_time"] = self._now_ms * 1000
        for name in _OWN_IDS:
            if name in values:
                values[name] = f"f{self._index}"
                break
        return type(record)(**values)

    def _key(self, key: bytes | None) -> bytes | None:
        rng = self._rng
        if rng.random() >= _ODD_KEY:
            return key
        return rng.choice([None, b"", b"\xff" * 65, b"k" * 5_000, (key or b"") + b"x"])

    # -- how it is sent

    def _sent(self, topic: int, key: bytes | None, value: bytes | None) -> Sent:
        rng = self._rng
        if topic == CONTROL:
            value = self._tame(value)
        offset = self._offsets[topic]
        self._offsets[topic] += 1
        trace = None
        if rng.random() < _ODD_STAMP:
            offset = rng.choice(_OFFSETS)
            trace = rng.choice(_TRACEPARENTS)
        sent = Sent(topic, offset, self._stamp(), key, value, trace)
        self._index += 1
        if value is not None and len(value) <= _SAMPLE_BYTES_MAX:
            self._samples.append(sent)
            if len(self._samples) > _SAMPLES_MAX:
                del self._samples[: _SAMPLES_MAX // 2]
        return sent

    def _stamp(self) -> int:
        if self._rng.random() >= _ODD_STAMP:
            return self._now_ms
        late = self._index >= _NO_TOMORROW_FROM
        return self._rng.choice(_FUTURE_MS if late else _PAST_MS)

    def _tame(self, value: bytes | None) -> bytes | None:
        """What would rightly stop the lane is not what is sought here."""
        record = _record_of(CONTROL, value)
        if record is None:
            return value
        kept = tamed(record, self.next_control)
        same = (kept.number, kept.payload) == (record.number, record.payload)
        return value if same else _FRAMES[CONTROL] + ENCODE[CONTROL](kept)


def _record_of(topic: int, value: bytes | None) -> Any:
    """The record of a value, or None."""
    if value is None or value[: len(_FRAMES[topic])] != _FRAMES[topic]:
        return None
    try:
        return decoded(topic, value)
    except MalformedAvro:
        return None


def _later(record: Any, by_us: int) -> Any:
    """The record, sent so much later."""
    values = vars_of(record)
    for name in _TIMES:
        if values.get(name):
            values[name] = min(values[name] + by_us, 2**63 - 1)
    return type(record)(**values)
