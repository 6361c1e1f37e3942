"""Logs: one JSON object a line on stderr, ours and the libraries' alike.

Owns the format: timestamp (ISO 8601, UTC), level, event, logger, service_name, worker_id, and
trace_id, span_id and lane where they are bound (`structlog.contextvars.bound_contextvars`, with
`pipeline.telemetry.tracing.trace_fields`). On a terminal the same fields are coloured text.

Never logs what a record holds: bytes appear as their length, objects as their type, long text is
cut, and the Kafka libraries stay at INFO or above, because at DEBUG they print what they fetch.
"""

import logging
import logging.config
import sys
from collections.abc import Mapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from pipeline.settings import Settings, SettingsError

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_LIBRARIES: Final = ("aiokafka", "faust", "mode", "opentelemetry", "urllib3", "asyncio")
_TEXT_MAX: Final = 4_096
_NESTING_MAX: Final = 4


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's logs to `stream` (stderr) in one format.

    Raises SettingsError for an unknown `log_level`.
    """
    config = logging_config(settings, stream)
    logging.config.dictConfig(config)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *_shared(settings),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def logging_config(settings: Settings, stream: TextIO | None = None) -> dict[str, Any]:
    """The standard library's part, as `logging.config.dictConfig` takes it.

    Also the app's `logging_config`: a Faust worker throws away every handler when it starts and
    builds its own from this. Raises SettingsError for an unknown `log_level`.
    """
    level = settings.log_level.upper()
    if level not in LEVELS:
        raise SettingsError(f"log_level must be one of {', '.join(LEVELS)}, not {level!r}")
    out = stream or sys.stderr
    library_level = "INFO" if level == "DEBUG" else level
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": _shared(settings),
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_renderers(on_terminal=out.isatty()),
                ],
            }
        },
        "handlers": {
            "line": {"class": "logging.StreamHandler", "formatter": "line", "stream": out}
        },
        "root": {"level": level, "handlers": ["line"]},
        "loggers": {name: {"level": library_level} for name in _LIBRARIES},
    }


def _shared(settings: Settings) -> list[Processor]:
    """What every line passes through, whoever wrote it."""
    who = {"service_name": settings.app_id, "worker_id": settings.worker_id}

    def add_service(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        return {**line, **who}

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        structlog.processors.StackInfoRenderer(),
        _without_contents,
    ]


def _renderers(*, on_terminal: bool) -> list[Processor]:
    if on_terminal:
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _without_contents(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    # `_record` and `exc_info` are the formatter's own; it takes them out again.
    return {
        name: value if name in {"_record", "_from_structlog", "exc_info"} else _plain(value)
        for name, value in line.items()
    }


def _plain(value: Any, depth: int = 0) -> Any:
    shown: Any
    match value:
        case None | bool() | int() | float():
            shown = value
        case str():
            left_out = len(value) - _TEXT_MAX
            cut = f"{value[:_TEXT_MAX]}... ({left_out} more characters)"
            shown = cut if left_out > 0 else value
        case bytes() | bytearray():
            shown = f"<{len(value)} bytes>"
        case Mapping() if depth < _NESTING_MAX:
            shown = {str(name): _plain(item, depth + 1) for name, item in value.items()}
        case list() | tuple() | set() | frozenset() if depth < _NESTING_MAX:
            shown = [_plain(item, depth + 1) for item in value]
        case BaseException():
            shown = _plain(f"{type(value).__name__}: {value}")
        case _:
            shown = f"<{type(value).__name__}>"
    return shown
