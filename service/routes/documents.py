"""Documents: listed, read, and by an admin added and removed; a change is a job that writes the next generation."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from indexes.errors import UsageError
from service.jobs import Job, job_json
from service.problems import Problem
from service.routes.responses import CHANGING, READING, responses
from service.schemas import DocumentOut, DocumentsOut, JobOut
from service.serialise import document_info_json, document_json
from service.web import RuntimeDep, WebDep

router = APIRouter(tags=["documents"])
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/api/documents", response_model=DocumentsOut, responses=responses(401, 403, 421, 429, 503))
def list_documents(runtime: RuntimeDep) -> Response:
    """What the corpus holds."""
    generation = runtime.generation
    infos = [document_info_json(info) for info in generation.documents()]
    return JSONResponse({"generation": generation.number, "documents": infos})


@router.get("/api/documents/{document_id:path}", response_model=DocumentOut, responses=responses(*READING))
def read_document(document_id: str, runtime: RuntimeDep) -> Response:
    """One document with its text and sections; offsets are Unicode code points."""
    document = runtime.generation.document(document_id)
    if document is None:
        raise _unknown()
    return JSONResponse(document_json(document))


@router.post(
    "/api/documents", status_code=202, response_model=JobOut, responses=responses(*CHANGING), openapi_extra=_FILE
)
async def add_document(
    request: Request, name: Annotated[str, Query(min_length=1, max_length=200)], runtime: RuntimeDep, web: WebDep
) -> Response:
    """Add the file in the body, or replace the one of that name: `curl --data-binary @notes.md '…?name=notes.md'`."""
    raw = await request.body()
    if not raw:
        raise Problem(422, "The body is empty: send the file's bytes.", "empty_file")
    try:
        return _accepted(web.jobs.add(name, raw, runtime))
    except UsageError as error:
        raise Problem(422, str(error), "bad_file_name", "name") from None


@router.delete(
    "/api/documents/{document_id:path}", status_code=202, response_model=JobOut, responses=responses(*CHANGING)
)
def remove_document(document_id: str, runtime: RuntimeDep, web: WebDep) -> Response:
    """Remove a document; once the job is done, no answer comes from it."""
    if runtime.generation.document(document_id) is None:
        raise _unknown()
    return _accepted(web.jobs.remove(document_id, runtime))


@router.get("/api/jobs/{job_id}", response_model=JobOut, responses=responses(*READING))
def read_job(job_id: str, web: WebDep) -> Response:
    job = web.jobs.get(job_id)
    if job is None:
        raise Problem(404, "No job has this id.", "job_not_found")
    return JSONResponse(job_json(job))


def _accepted(job: Job) -> Response:
    return JSONResponse(job_json(job), 202, {"Location": f"/api/jobs/{job.id}"})


def _unknown() -> Problem:
    return Problem(404, "No document has this id: GET /api/documents lists them.", "document_not_found")
