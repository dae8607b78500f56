"""Every error as a caller over HTTP sees it: RFC 9457 problem details on /api, OpenAI's error object on /v1."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from indexes import errors

Json = dict[str, Any]

# Nearest class first: the first that matches wins.
_STATUS: tuple[tuple[type[errors.CareerError], int], ...] = (
    (errors.EngineBusy, 429),
    (errors.EngineError, 503),
    (errors.DeadlineExceeded, 504),
    (errors.LockHeld, 409),
    (errors.SettingsError, 503),
    (errors.UsageError, 400),
    (errors.EmptyCorpus, 422),
    (errors.CareerError, 503),
)
_OPENAI_TYPE = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


@dataclass(eq=False)  # not frozen: raising an exception writes to it
class Problem(Exception):
    """One failed request; `code` is the last part of the problem's type, `param` the field at fault."""

    status: int
    detail: str
    code: str = ""
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    errors: Sequence[Json] = ()

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    @property
    def slug(self) -> str:
        return self.code or self.title.lower().replace(" ", "_").replace("'", "")


def of_error(error: errors.CareerError) -> Problem:
    status = next(status for kind, status in _STATUS if isinstance(error, kind))
    retry_s = error.retry_after_s if isinstance(error, errors.EngineBusy) else 5.0
    code = _snake(type(error).__name__)
    return Problem(status, str(error), code, headers=retry_after(retry_s) if status in {429, 503} else {})


def of_http(error: HTTPException) -> Problem:
    return Problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


def of_validation(error: RequestValidationError) -> Problem:
    """400 when the body is no JSON, else 422; never repeats the input, which may be large, secret or unencodable."""
    items = [
        {"pointer": "/" + "/".join(_clean(part) for part in item["loc"][1:]), "detail": _clean(item["msg"])}
        for item in error.errors()[:20]
    ]
    if any(item["type"] == "json_invalid" for item in error.errors()):
        return Problem(400, "The body is not valid JSON.", "invalid_json", errors=items)
    first = items[0] if items else {"pointer": "", "detail": "invalid"}
    detail = f"{first['pointer'].lstrip('/') or 'body'}: {first['detail']}"
    return Problem(422, detail, "invalid_request", param=first["pointer"].lstrip("/") or None, errors=items)


def body(problem: Problem, path: str, request_id: str) -> Json:
    """The JSON body in the shape that callers of `path` expect."""
    if path.startswith("/v1/"):
        kind = _OPENAI_TYPE.get(problem.status, "invalid_request_error" if problem.status < 500 else "server_error")
        return {"error": {"message": problem.detail, "type": kind, "param": problem.param, "code": problem.slug}}
    content: Json = {
        "type": f"urn:career-rag:problem:{problem.slug}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "instance": f"urn:career-rag:request:{request_id}",
    }
    return content | ({"errors": list(problem.errors)} if problem.errors else {})


def response(problem: Problem, path: str, request_id: str) -> JSONResponse:
    openai = path.startswith("/v1/")
    headers = dict(problem.headers)
    if openai and problem.status >= 500 and "Retry-After" not in headers:
        headers["x-should-retry"] = "false"
    media_type = "application/json" if openai else "application/problem+json"
    return JSONResponse(body(problem, path, request_id), problem.status, headers, media_type)


def retry_after(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, round(seconds)))}


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")


def _clean(part: object) -> str:
    """At most 200 characters that UTF-8 can hold."""
    return str(part)[:200].encode("utf-8", "replace").decode("utf-8")
