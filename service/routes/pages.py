"""The pages at / and /docs and the widget's files: read and packed once, asked for anew on each visit, open to every
origin's pages.

A browser keeps the files and asks whether they are still those (ETag): modules of two versions never meet, neither
there nor in a service whose files were replaced while it runs.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
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
async def index(request: Request) -> Response:
    return _file("index.html", request)


@router.get("/docs")
async def docs(request: Request) -> Response:
    return _file("docs.html", request)


@router.get("/static/{name}")
async def page_file(name: str, request: Request) -> Response:
    return _file(_known(name, PAGE_FILES), request)


@router.get("/widget/v1/{name}")
async def widget_file(name: str, request: Request) -> Response:
    response = _file(_known(name, WIDGET_FILES), request)
    # A module script of another origin is fetched with CORS; it is public and carries no data.
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


def _known(name: str, names: frozenset[str]) -> str:
    if name not in names:
        raise Problem(404, "There is no such file.")
    return name


@dataclass(frozen=True, slots=True)
class _File:
    """One file as it is and as gzip; each form has an ETag of its own."""

    plain: bytes
    packed: bytes
    digest: str
    media_type: str


@cache
def load(name: str) -> _File:
    content = (STATIC / name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:16]
    return _File(content, gzip.compress(content, 9, mtime=0), digest, _TYPES[Path(name).suffix])


def _file(name: str, request: Request) -> Response:
    file = load(name)
    packed = accepts_gzip(request.headers.get("accept-encoding", ""))
    tag = f'"{file.digest}-gzip"' if packed else f'"{file.digest}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if _matches(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(file.packed if packed else file.plain, media_type=file.media_type, headers=headers)


def accepts_gzip(accept: str) -> bool:
    """Whether an Accept-Encoding takes gzip: named itself, or else `*`, with a weight that is not zero."""
    weights = {}
    for item in accept.lower().split(","):
        coding, _, parameters = item.partition(";")
        weights[coding.strip()] = parameters.partition("q=")[2].strip() or "1"
    return bool(weights.get("gzip", weights.get("*", "0")).strip("0."))


def _matches(tag: str, if_none_match: str) -> bool:
    """Compared weakly: a proxy that packs by itself marks our tag with `W/`."""
    known = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return tag in known or known == ["*"]
