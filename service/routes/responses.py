"""The error responses of each kind of route, as OpenAPI shows them."""

from typing import Any

from service.schemas import OpenAIError, ProblemOut

READING = (400, 401, 403, 404, 406, 421, 422, 429, 503)
ASKING = (400, 401, 403, 406, 408, 413, 415, 421, 422, 429, 503, 504)
SEARCHING = (400, 401, 403, 408, 413, 415, 421, 422, 429, 503)
CHANGING = (400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 429, 503)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}
    return {status: {"description": "Problem", "content": content} for status in statuses}


def error_schemas() -> dict[str, Any]:
    """Schemas that only these responses name."""
    return {model.__name__: model.model_json_schema() for model in (ProblemOut, OpenAIError)}
