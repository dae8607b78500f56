"""What the service and the engine's process say to each other: one JSON object a line, never code.

The child may have run a file from anywhere; nothing it sends is evaluated, and what is not a message is refused.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from indexes.errors import CareerError, EngineError, MissingError, ModelDamaged, ModelMissing
from service.llm.core import Cancelled, EngineInfo, Failed, Progress, Started, Stats
from service.llm.types import Done, GenerateOptions, Leaning, Prompt, Text
from service.types import Message, Role, Usage


@dataclass(frozen=True, slots=True)
class Load:
    """`maker` is "module:function"; the function makes a Core of `config`."""

    maker: str
    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Generate:
    number: int
    prompt: Prompt
    options: GenerateOptions


@dataclass(frozen=True, slots=True)
class Warm:
    number: int
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


@dataclass(frozen=True, slots=True)
class Count:
    number: int
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskStats:
    number: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered at once, however much there is to compute."""

    number: int


@dataclass(frozen=True, slots=True)
class Loaded:
    info: EngineInfo


@dataclass(frozen=True, slots=True)
class NotLoaded:
    """Trying again would not help."""

    error: CareerError


@dataclass(frozen=True, slots=True)
class Reported:
    number: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Counted:
    number: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StatsTold:
    number: int
    stats: Stats


@dataclass(frozen=True, slots=True)
class Pong:
    """`step_s`: see `Core.step_s`."""

    number: int
    step_s: float


ToChild: TypeAlias = Load | Generate | Warm | Cancel | Count | AskStats | Ping
FromChild: TypeAlias = Loaded | NotLoaded | Reported | Counted | StatsTold | Pong
Fields: TypeAlias = dict[str, Any]

# Errors that keep their class on the way; any other arrives as an EngineError with its message.
_ERRORS = {kind.__name__: kind for kind in (EngineError, ModelMissing, ModelDamaged, MissingError)}


def encode(message: ToChild | FromChild) -> bytes:
    """One line, its end included."""
    fields = {"is": type(message).__name__, **_plain(message)}
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def decode_to_child(line: bytes) -> ToChild:
    """Raises: EngineError: this is no such message."""
    message: ToChild = _decode(line, _TO_CHILD)
    return message


def decode_from_child(line: bytes) -> FromChild:
    """Raises: EngineError: this is no such message."""
    message: FromChild = _decode(line, _FROM_CHILD)
    return message


def _plain(message: ToChild | FromChild) -> Fields:
    if isinstance(message, NotLoaded):
        return _plain_error(message.error)
    if isinstance(message, Reported):
        return {"number": message.number, **_plain_progress(message.progress)}
    if isinstance(message, StatsTold):
        return {"number": message.number, "stats": dict(message.stats)}
    return asdict(message)


def _plain_error(error: CareerError) -> Fields:
    return {"error": type(error).__name__, "message": str(error)}


def _plain_progress(progress: Progress) -> Fields:
    if isinstance(progress, Failed):
        return {"progress": "Failed", **_plain_error(progress.error)}
    return {"progress": type(progress).__name__, **asdict(progress)}


def _decode(line: bytes, makers: dict[str, Callable[[Fields], Any]]) -> Any:
    try:
        fields = json.loads(line)
        return makers[fields.pop("is")](fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(f"Not a message of the engine's process: {line[:80]!r} ({error!r}).") from error


def _error(fields: Fields) -> CareerError:
    return _ERRORS.get(fields["error"], EngineError)(fields["message"])


def _prompt(fields: Fields) -> Prompt:
    return Prompt(
        system=fields["system"],
        passages=tuple(fields["passages"]),
        request=fields["request"],
        history=tuple(Message(Role(turn["role"]), turn["content"]) for turn in fields["history"]),
    )


def _options(fields: Fields) -> GenerateOptions:
    return GenerateOptions(**{**fields, "stop": tuple(fields["stop"])})


_PROGRESS: dict[str, Callable[[Fields], Progress]] = {
    "Started": lambda fields: Started(),
    "Leaning": lambda fields: Leaning(fields["log_probability"], tuple(fields["logits"]), tuple(fields["values"])),
    "Text": lambda fields: Text(fields["text"]),
    "Done": lambda fields: Done(fields["finish"], Usage(**fields["usage"])),
    "Cancelled": lambda fields: Cancelled(),
    "Failed": lambda fields: Failed(_error(fields)),
}
_TO_CHILD: dict[str, Callable[[Fields], ToChild]] = {
    "Load": lambda fields: Load(**fields),
    "Generate": lambda fields: Generate(fields["number"], _prompt(fields["prompt"]), _options(fields["options"])),
    "Warm": lambda fields: Warm(fields["number"], tuple(map(_prompt, fields["prompts"]))),
    "Cancel": lambda fields: Cancel(**fields),
    "Count": lambda fields: Count(fields["number"], tuple(fields["texts"])),
    "AskStats": lambda fields: AskStats(**fields),
    "Ping": lambda fields: Ping(**fields),
}
_FROM_CHILD: dict[str, Callable[[Fields], FromChild]] = {
    "Loaded": lambda fields: Loaded(EngineInfo(**fields["info"])),
    "NotLoaded": lambda fields: NotLoaded(_error(fields)),
    "Reported": lambda fields: Reported(fields["number"], _PROGRESS[fields["progress"]](fields)),
    "Counted": lambda fields: Counted(fields["number"], tuple(fields["counts"])),
    "StatsTold": lambda fields: StatsTold(fields["number"], fields["stats"]),
    "Pong": lambda fields: Pong(**fields),
}
