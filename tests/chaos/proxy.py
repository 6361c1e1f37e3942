"""A TCP proxy in front of the broker that can be slow, cut, refusing or silent.

Owns the way between the workers and the broker; the workload and the checker do not pass it. Runs
an event loop in a thread of its own. Never looks at what it carries.
"""

import asyncio
import contextlib
import socket
import threading
from types import TracebackType
from typing import Final, Self

_CHUNK_BYTES: Final = 65_536
_HOST: Final = "127.0.0.1"


class Proxy:
    """Listens on `port` and carries everything to `target_port`, both on 127.0.0.1.

    As a context manager it is started and stopped. All methods are for the thread that made it.
    """

    def __init__(self, port: int, target_port: int) -> None:
        """Nothing listens before the context is entered."""
        self.port: Final = port
        self._target_port: Final = target_port
        self._loop: Final = asyncio.new_event_loop()
        self._thread: Final = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._writers: set[asyncio.StreamWriter] = set()
        self._delay_s = 0.0
        self._refuses = False
        self._open = asyncio.Event()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close everything."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def slow(self, delay_s: float) -> None:
        """Every piece, either way, is held for `delay_s`; 0: no longer."""
        self._delay_s = delay_s

    def refuse(self, *, refuses: bool) -> None:
        """New connections are closed at once, or no longer."""
        self._refuses = refuses

    def hang(self, *, hangs: bool) -> None:
        """Nothing is carried and nothing closed, or no longer."""
        self._loop.call_soon_threadsafe(self._open.clear if hangs else self._open.set)

    def cut(self) -> None:
        """Reset every connection there is."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def heal(self) -> None:
        """No trouble any more."""
        self.slow(0.0)
        self.refuse(refuses=False)
        self.hang(hangs=False)

    async def _start(self) -> None:
        self._open.set()
        self._server = await asyncio.start_server(self._accept, _HOST, self.port)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._abort_all()
        self._open.set()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _abort_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        try:
            onward_reader, onward = await asyncio.open_connection(_HOST, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward}
        self._writers |= both
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))
        finally:
            self._writers -= both

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_CHUNK_BYTES):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                await self._open.wait()
                writer.write(piece)
                await writer.drain()
        writer.close()


def free_port(others: frozenset[int] = frozenset()) -> int:
    """A port nobody listens on, below those the kernel gives to outgoing connections."""
    for port in range(19_000, 12_000, -1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                if port not in others:
                    probe.bind((_HOST, port))
                    return port
    raise OSError("no free port between 12001 and 19000")
