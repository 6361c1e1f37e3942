"""The broker of all runs, with a proxy in front of what the workers see of it.

Owns the two ways in: the workload and the checker come straight, workers through the proxy. Owns
the broker's own faults too. The broker is started and stopped by one thread of its own: a child
ends with the thread that started it.
"""

import signal
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pipeline.local.broker import LocalBroker
from tests.chaos.proxy import Proxy, free_port

_PROPERTIES: Final = """
listeners=PLAINTEXT://{{host}}:{{port}},PROXIED://{{host}}:{behind},CONTROLLER://{{host}}:{{controller_port}}
advertised.listeners=PLAINTEXT://{{host}}:{{port}},PROXIED://{{host}}:{proxy}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
# Short sessions, so that many faults fit into a run.
group.min.session.timeout.ms=1000
# A run's topics are deleted when it has been judged.
log.segment.delete.delay.ms=1000
"""


class Kafka:
    """A broker in `directory`. As a context manager it is started and stopped."""

    def __init__(self, directory: Path) -> None:
        """Nothing runs before the context is entered."""
        behind = free_port()
        self.proxy: Final = Proxy(free_port(frozenset({behind})), behind)
        more = _PROPERTIES.format(behind=behind, proxy=self.proxy.port)
        self._broker: Final = LocalBroker(directory, more_properties=more)
        self._keeper: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="broker")
        self._restart: Future[None] | None = None
        self._paused_until: float | None = None
        self._troubled_until: float | None = None
        # When it was last well again after it had been killed or had stood still.
        self.hurt_at: float | None = None

    @property
    def direct(self) -> str:
        """Where the workload and the checker connect."""
        return self._broker.bootstrap

    @property
    def proxied(self) -> str:
        """Where the workers connect."""
        return f"127.0.0.1:{self.proxy.port}"

    @property
    def is_well(self) -> bool:
        """It runs, is not stopped, and the way to it is clear."""
        return self._restart is None and self._paused_until is None and not self._troubled_until

    @property
    def is_up(self) -> bool:
        """It is not being restarted."""
        return self._restart is None

    def kill(self) -> bool:
        """SIGKILL, and start it again; False while it is not well."""
        if not self.is_well:
            return False
        self._restart = self._keeper.submit(self._kill_and_start)
        return True

    def pause(self, seconds: float) -> bool:
        """SIGSTOP, and SIGCONT after `seconds`; False while it is not well."""
        if not self.is_well:
            return False
        self._broker._process.send(signal.SIGSTOP)
        self._paused_until = time.monotonic() + seconds
        return True

    def trouble(self, seconds: float, *, delay_s: float, refuse: bool, hang: bool) -> bool:
        """Trouble on the workers' way for `seconds`; False while it is not well."""
        if not self.is_well:
            return False
        self.proxy.slow(delay_s)
        self.proxy.refuse(refuses=refuse)
        self.proxy.hang(hangs=hang)
        if not (delay_s or hang):
            self.proxy.cut()
        self._troubled_until = time.monotonic() + seconds
        return True

    def tick(self) -> None:
        """End what has lasted long enough. Raises BrokerError when it did not start again."""
        now = time.monotonic()
        if self._restart is not None and self._restart.done():
            self._restart.result()
            self._restart = None
            self.hurt_at = now
        if self._paused_until is not None and now >= self._paused_until:
            self._broker._process.send(signal.SIGCONT)
            self._paused_until = None
            self.hurt_at = now
        if self._troubled_until is not None and now >= self._troubled_until:
            self.proxy.heal()
            self._troubled_until = None

    def __enter__(self) -> Self:
        """Start it."""
        self._keeper.submit(self._broker.start).result()
        self.proxy.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop it."""
        self.proxy.__exit__(kind, error, traceback)
        self._broker._process.send(signal.SIGCONT)
        self._keeper.submit(self._broker.stop).result()
        self._keeper.shutdown()

    def _kill_and_start(self) -> None:
        self._broker.kill()
        self._broker.start()
