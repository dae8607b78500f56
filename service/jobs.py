"""Changes to the corpus while it is served: one job at a time writes the next generation and lets questions see it.

A job takes what the current generation holds, adds or removes one document, and embeds only what is new. Uploaded files
are kept in `uploads/` of the home, so that `career ingest seeds/ HOME/uploads` makes the same corpus from scratch.
"""

import hashlib
import logging
import os
import re
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np

from indexes.errors import CareerError, EmptyCorpus, IndexMissing, UsageError
from indexes.generation import Generation, Written, write_generation, writer_lock
from indexes.generations import current_number
from indexes.parts import embedded_texts
from indexes.types import Chunk, Document, Embedder, Vectors
from indexes.vectorkinds import IndexLimits
from ingest.documents import Prepared, document_id_of, prepare
from ingest.readers import READERS
from service.memory import trim
from service.metrics import Metrics
from service.runtime import Runtime

log = logging.getLogger("career.jobs")
FOLDER = "uploads"
MOST_KEPT = 200
_NAME = re.compile(r"\w[\w .()（）-]{0,118}\w", re.UNICODE)
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class State(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """`name` is the file added or the document removed; `generation` the one that holds the change."""

    id: str
    kind: Literal["add", "remove"]
    name: str
    state: State = State.QUEUED
    detail: str = ""
    document_id: str | None = None
    generation: int | None = None


class Jobs:
    """Runs jobs in order in one thread; remembers the last two hundred."""

    def __init__(self, metrics: Metrics, running_before: Callable[[float], int], longest_s: float) -> None:
        """`running_before(t)` counts answers under way that began before `t` on the monotonic clock; none of them
        says anything after `longest_s`."""
        self._metrics = metrics
        self._running_before = running_before
        self._longest_s = longest_s
        self._closing = threading.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="job")
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def get(self, job_id: str) -> Job | None:
        return self._jobs.get(job_id)

    def add(self, name: str, raw: bytes, runtime: Runtime) -> Job:
        """Raises: UsageError: the name is not one of a file, or its kind is not read."""
        check_name(name)
        return self._submit(Job(_new_id(), "add", name), lambda: add_document(runtime, name, raw), runtime)

    def remove(self, document_id: str, runtime: Runtime) -> Job:
        return self._submit(
            Job(_new_id(), "remove", document_id), lambda: remove_document(runtime, document_id), runtime
        )

    def close(self) -> None:
        """Finishes the job under way, which waits for nobody any more; those that wait are given up."""
        self._closing.set()
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _submit(self, job: Job, work: Callable[[], tuple[str, Written]], runtime: Runtime) -> Job:
        self._keep(job)
        self._thread.submit(self._run, job, work, runtime)
        return job

    def _run(self, job: Job, work: Callable[[], tuple[str, Written]], runtime: Runtime) -> None:
        self._keep(job := replace(job, state=State.RUNNING))
        try:
            document_id, written = work()
            runtime.refresh(written)
            self._wait_for_older_answers()
            trim()  # only now is what held the generation before let go
            done = replace(job, state=State.DONE, document_id=document_id, generation=written.number)
        except CareerError as error:
            done = replace(job, state=State.FAILED, detail=str(error))
        except Exception:
            log.exception("bug in job %s", job.id)
            done = replace(job, state=State.FAILED, detail="A bug on our side; the log has it under this job's id.")
        self._metrics.ingested.labels(f"{job.kind} {done.state.value}").inc()
        self._keep(done)

    def _wait_for_older_answers(self) -> None:
        """Done means that no answer, not even one already being written, still comes from the generation before."""
        swapped = time.monotonic()
        while (late := self._running_before(swapped)) and time.monotonic() < swapped + self._longest_s:
            if self._closing.wait(0.02):
                return
        if late:
            log.warning("%d answers of the generation before are long past their deadline: not waiting", late)

    def _keep(self, job: Job) -> None:
        self._jobs[job.id] = job
        while len(self._jobs) > MOST_KEPT:
            self._jobs.popitem(last=False)


def check_name(name: str) -> None:
    """A plain file name of a kind we read: no folders, no hidden files, no names of devices."""
    if not _NAME.fullmatch(name) or _DEVICE.fullmatch(name):
        raise UsageError("The name must be a plain file name of letters, digits, spaces, dots, brackets and dashes.")
    if PurePosixPath(name).suffix.lower() not in READERS:
        raise UsageError(f"Files of this kind are not read; name one of {', '.join(sorted(READERS))}.")


def add_document(runtime: Runtime, name: str, raw: bytes) -> tuple[str, Written]:
    """Write a generation that also holds this file; a file of the same name is replaced. Returns its id too.

    Raises:
        CareerError: the file is broken, holds nothing to be read or is there already; nothing has changed.
    """
    uri = f"{FOLDER}/{name}"
    with _base(runtime) as base:
        old = next((info.id for info in base.documents() if info.uri == uri), None)
        digest = hashlib.sha256(raw).hexdigest()
        others = [document for document in _documents(base) if document.info.id != old]
        if same := next((document.info.uri for document in others if document.digest == digest), None):
            raise UsageError(f"This file has the same content as {same}.")
        document_id = old or document_id_of(uri, {document.info.id for document in others})
        prepared = prepare(raw, document_id, uri, runtime.settings)
        if not prepared.chunks:
            raise EmptyCorpus(f"{name} holds no text{' that can be seen' if prepared.hidden else ''}.")
        _store(runtime.settings.home / FOLDER, name, raw)
        return document_id, _write(runtime, base, without=old, added=prepared)


def remove_document(runtime: Runtime, document_id: str) -> tuple[str, Written]:
    """Write a generation without this document; its uploaded file goes too, a file of the user's own stays."""
    home = runtime.settings.home
    with _base(runtime) as base:
        document = base.document(document_id)
        if document is None:
            raise UsageError(f"No document has the id {document_id}.")
        if len(base.documents()) == 1:
            raise EmptyCorpus("The last document cannot be removed: add another first.")
        written = _write(runtime, base, without=document_id)
        folder, _, name = document.info.uri.partition("/")
        if folder == FOLDER and _NAME.fullmatch(name):
            (home / FOLDER / name).unlink(missing_ok=True)
        return document_id, written


@contextmanager
def _base(runtime: Runtime) -> Iterator[Generation]:
    """The generation that CURRENT names, for the one writer: as it serves already, or opened for this."""
    home = runtime.settings.home
    with writer_lock(home):
        if current_number(home) == (serving := runtime.generation).number:
            yield serving
        else:
            with Generation.current(home) as base:
                yield base


def _write(runtime: Runtime, base: Generation, without: str | None, added: Prepared | None = None) -> Written:
    """The base without one document and with another; vectors of what stays are taken over."""
    embedder, meta = runtime.embedder, base.manifest.meta
    if meta.embedder != embedder.name:
        raise IndexMissing(f"The index was built with {meta.embedder}, not {embedder.name}: run `career ingest`.")
    documents = [document for document in _documents(base) if document.info.id != without]
    chunks: list[Chunk] = [chunk for chunk in base.chunks if chunk.document.id != without]
    if added is not None:
        documents.append(added.document)
        chunks += added.chunks
    vectors = _vectors(embedder, base, embedded_texts(chunks))
    meta, limits = replace(meta, parent=base.number), IndexLimits(memory_mb=runtime.settings.index_memory_mb)
    return write_generation(runtime.settings.home, documents, chunks, vectors, meta, limits=limits)


def _vectors(embedder: Embedder, base: Generation, texts: Sequence[str]) -> Vectors:
    """One row for each text; only those that the base does not hold are embedded."""
    row_of = dict(zip(embedded_texts(base.chunks), range(len(base.vectors)), strict=False))  # a base may lack parts
    known = dict(zip(row_of, base.vectors.vectors(list(row_of.values())), strict=True))
    missing = [text for text in dict.fromkeys(texts) if text not in known]
    known |= dict(zip(missing, embedder.embed_passages(missing), strict=True))
    return np.stack([known[text] for text in texts])


def _documents(generation: Generation) -> list[Document]:
    return [document for info in generation.documents() if (document := generation.document(info.id))]


def _store(folder: Path, name: str, raw: bytes) -> None:
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{uuid.uuid4().hex}.tmp"
    with draft.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / name)


def _new_id() -> str:
    return uuid.uuid4().hex


def job_json(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "name": job.name,
        "state": job.state.value,
        "detail": job.detail,
        "document_id": job.document_id,
        "generation": job.generation,
    }
