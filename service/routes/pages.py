"""The pages at / and /docs and the widget's files: static, cached by content, open to every origin's pages."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.problems import Problem

STATIC = Path(__file__).resolve().parent.parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}
WIDGET_FILES = frozenset(
    {"career-chat.js", "embed.js"}
    | {f"chat-{part}.js" for part in ("dom", "source", "stream", "style", "texts", "turn")}
)
PAGE_FILES = frozenset({"docs.js", "page.js", "page.css", "reader.js", "icon.svg"})

router = APIRouter(include_in_schema=False)


@router.get("/")
def index(request: Request) -> Response:
    return _file("index.html", request)


@router.get("/docs")
def docs(request: Request) -> Response:
    return _file("docs.html", request)


@router.get("/static/{name}")
def page_file(name: str, request: Request) -> Response:
    return _file(_known(name, PAGE_FILES), request)


@router.get("/widget/v1/{name}")
def widget_file(name: str, request: Request) -> Response:
    response = _file(_known(name, WIDGET_FILES), request)
    # A module script of another origin is fetched with CORS; it is public and carries no data.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _known(name: str, names: frozenset[str]) -> str:
    if name not in names:
        raise Problem(404, "There is no such file.")
    return name


def _file(name: str, request: Request) -> Response:
    content = (STATIC / name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": tag, "Cache-Control": "public, max-age=300" if name in WIDGET_FILES else "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=_TYPES[Path(name).suffix], headers=headers)
