"""Progress of a replay on stderr: a bar in a terminal, a line now and then elsewhere.

Owns how it looks. Writes nothing to stdout, which belongs to results.
"""

import sys
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pipeline.market.loop import Tally

_LINE_EVERY_S: Final = 5.0


class ReplayProgress:
    """A context manager; `update` is what `Replay` calls."""

    def __init__(self, messages: int) -> None:
        """`messages`: how many the recording has."""
        self._messages: Final = messages
        self._console: Final = Console(stderr=True)
        self._bar: Final = Progress(
            TextColumn("replaying"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[tally]}"),
            console=self._console,
        )
        self._task: Final = self._bar.add_task("replay", total=messages, tally="")
        self._next_line_s = time.monotonic() + _LINE_EVERY_S

    def __enter__(self) -> Self:
        """Show the bar, in a terminal."""
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the bar as it is."""
        del kind, error, traceback
        if self._console.is_terminal:
            self._bar.stop()

    def update(self, messages: int, tally: Tally) -> None:
        """Messages read so far, and what was decided."""
        text = f"{tally.accepted:,} accepted, {tally.rejected:,} rejected"
        if self._console.is_terminal:
            self._bar.update(self._task, completed=messages, tally=text)
            return
        now_s = time.monotonic()
        if now_s >= self._next_line_s:
            self._next_line_s = now_s + _LINE_EVERY_S
            sys.stderr.write(f"replayed {messages:,} of {self._messages:,} messages: {text}\n")
