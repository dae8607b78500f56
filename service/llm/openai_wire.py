"""OpenAI's chat completions on the wire: the request, the chunks of its stream, and what a refusal says.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx

from indexes.errors import EngineBusy, EngineError
from service.llm.types import GenerateOptions, Prompt
from service.types import Usage


def body(model: str, prompt: Prompt, options: GenerateOptions) -> dict[str, Any]:
    messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
    messages += [{"role": message.role.value, "content": message.content} for message in prompt.history]
    messages.append({"role": "user", "content": "".join(prompt.passages) + prompt.request})
    body: dict[str, Any] = {
        "model": model,
        "messages": messages,
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "seed": options.seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return {**body, "stop": list(options.stop)} if options.stop else body


def chunks(response: httpx.Response, base: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a server-sent event stream, up to `[DONE]`.

    What little may follow is read, too: a connection whose response was read to its end serves the next one.
    """
    done = False
    for line in response.iter_lines():
        if done:
            continue
        field, _, value = line.partition(":")
        value = value.strip()
        if field != "data" or not value:
            continue
        if value == "[DONE]":
            done = True
            continue
        try:
            chunk = json.loads(value)
        except ValueError as error:
            raise EngineError(f"{base} sent no JSON ({value[:80]!r}). Does it speak OpenAI's protocol?") from error
        if "error" in chunk:
            raise EngineError(f"{base} failed: {_problem(chunk)}. Ask again.")
        yield chunk


def usage(chunk: dict[str, Any]) -> Usage | None:
    told = chunk.get("usage")
    if not told:
        return None
    details = told.get("prompt_tokens_details") or {}
    return Usage(told.get("prompt_tokens", 0), details.get("cached_tokens") or 0, told.get("completion_tokens", 0))


def refusal(response: httpx.Response, base: str) -> EngineError:
    try:
        words = _problem(response.json())
    except ValueError:
        words = response.text[:200]
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return EngineBusy(f"{base} is busy: {words}. Try again later.", retry_after(response) or 2.0)
    cures = {401: " Set CAREER_LLM_API_KEY.", 403: " Set CAREER_LLM_API_KEY.", 404: " Is the address right?"}
    return EngineError(f"{base} refused ({response.status_code}): {words}.{cures.get(response.status_code, '')}")


def _problem(body: Any) -> str:
    error = body.get("error", body) if isinstance(body, dict) else body
    return str(error.get("message", error) if isinstance(error, dict) else error).rstrip(".")


def retry_after(response: httpx.Response) -> float | None:
    try:
        return max(float(response.headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None
