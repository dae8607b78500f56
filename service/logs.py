"""Logs as lines: for a person at a terminal, else one JSON object a line, with what the caller's request was.

A record's texts of questions are never here unless the settings ask for them; see `routes.ask.log_question`.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

FIELDS: Final = ("request_id", "method", "route", "status", "ms", "caller")
"""What a record may carry in `extra`, in this order."""


class JsonLines(logging.Formatter):
    """`{"time", "level", "logger", "message", …}`; an exception's traceback is one field."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


def handler_for(stream: TextIO) -> logging.Handler:
    handler = logging.StreamHandler(stream)
    plain = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(plain if stream.isatty() else JsonLines())
    return handler


def configure_logging() -> None:
    """On stderr: warnings of everybody, and what our own modules have to say."""
    logging.basicConfig(level=logging.WARNING, handlers=[handler_for(sys.stderr)])
    logging.getLogger("career").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """Of a stream that is cut because nobody reads it we tell ourselves; uvicorn takes it for a mistake."""
    return record.getMessage() != "ASGI callable returned without completing response."
