"""Documents: listed, read, and by an admin added and removed; a change is a job that builds the next generation."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from service.problems import Problem
from service.routes.responses import READING, responses
from service.schemas import DocumentOut, DocumentsOut
from service.serialise import document_info_json, document_json
from service.web import RuntimeDep

router = APIRouter(tags=["documents"])


@router.get("/api/documents", response_model=DocumentsOut, responses=responses(401, 403, 429, 503))
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
        raise Problem(404, "No document has this id: GET /api/documents lists them.", "document_not_found")
    return JSONResponse(document_json(document))
