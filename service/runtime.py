"""The only place that wires concrete classes: settings in, a Runtime out, whose retriever and answerer all share."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from threading import Condition, Lock

from indexes.embedding import load_embedder
from indexes.errors import CareerError, EngineError, MissingError, ModelDamaged
from indexes.generation import Generation, Written
from indexes.generations import current_number
from indexes.modelstore import ModelStore
from indexes.reranking import Reranker, load_reranker
from indexes.retriever import Retriever
from indexes.types import Embedder
from service.abstention import Abstention
from service.answer_cache import Answering, caching
from service.answerer import Answerer
from service.bridging import other_language
from service.grounding import GroundingParams, Verifier
from service.llm.extractive import NAME as EXTRACTIVE
from service.llm.factory import open_llm
from service.llm.types import LLM
from service.memory import trim
from service.rendering import Renderer, Translator
from service.settings import Settings
from service.signals import IndexedWords
from service.stages import suiting
from service.translations import FILE as RENDERINGS
from service.translations import RenderingStore, fingerprint, shipped_translations

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class View:
    """One generation, ready to be searched and asked; immutable, so that an Answer comes from exactly one."""

    generation: Generation
    retriever: Retriever
    answerer: Answering
    renderer: Renderer | None = None
    """The answerer's, for translating rows ahead."""


class Holder:
    """The one thing that changes while serving: which View new questions see."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.lock = Lock()
        self._changed = Condition()
        self._closed = False

    def show(self, view: View) -> None:
        with self._changed:
            self.view = view
            self._changed.notify_all()

    def wait_for_another(self, view: View) -> bool:
        """Return True once questions see another view than this, False once the runtime is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self.view is not view)
            return not self._closed

    def closed_within(self, seconds: float) -> bool:
        """Wait so long for the runtime to be closed; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._closed, seconds)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


@dataclass(frozen=True, slots=True)
class Runtime:
    """What every door uses. Take `answerer` or `retriever` once for each request: the next may be another generation's.

    `llm` is None where answers are quotations; `no_model` then says why, unless the settings ask for it.
    """

    settings: Settings
    embedder: Embedder
    llm: LLM | None
    no_model: str | None
    holder: Holder
    reranker: Reranker | None = None

    @property
    def generation(self) -> Generation:
        return self.holder.view.generation

    @property
    def retriever(self) -> Retriever:
        return self.holder.view.retriever

    @property
    def answerer(self) -> Answering:
        return self.holder.view.answerer

    def refresh(self, written: Written | None = None) -> bool:
        """Look at CURRENT and let new questions see another generation it names; running ones keep theirs.

        Args:
            written: what has just been written, which need not be read back if it is the one named.

        Raises:
            IndexDamaged, IndexMissing: that one cannot be served; the one before it goes on.
        """
        with self.holder.lock:
            number = current_number(self.settings.home)
            if number == self.generation.number:
                return False
            device = self.settings.device
            own = written if written and written.number == number else None
            fresh = own.open(device) if own else Generation.current(self.settings.home, device=device)
            try:
                view = view_of(fresh, self.settings, self.embedder, self.llm, self.reranker)
            except CareerError:
                fresh.close()
                raise
            self.holder.show(view)
            return True


@contextmanager
def open_runtime(settings: Settings, *, need_llm: bool = True) -> Iterator[Runtime]:
    """Open everything that answering needs, and close it again.

    Args:
        need_llm: False opens no model: searching needs none.

    Raises:
        ModelMissing, IndexMissing, DamagedError: without embedder or generation nothing works.
    """
    generation = Generation.current(settings.home, device=settings.device)
    with _loading_engine(settings, need_llm) as loaded:
        embedder = load_embedder(settings)
        reranker = load_reranker(settings)
        llm, no_model = loaded()
        holder = Holder(view_of(generation, settings, embedder, llm, reranker))
        del generation  # Held here, it would outlive its successors.
        trim()  # What loading, or an ingest before it, has left: 200 to 500 MB of a service of 3 GB.
        with closing(holder):
            yield Runtime(settings, embedder, llm, no_model, holder, reranker)


@contextmanager
def _loading_engine(settings: Settings, need_llm: bool) -> Iterator[Callable[[], tuple[LLM | None, str | None]]]:
    """Start the engine in the background, wait for it when asked, close it at the end.

    It loads in a process of its own and the embedder in this one: side by side on two cores.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="engine-start")
    loading = thread.submit(_try_llm, settings) if need_llm else None
    thread.shutdown(wait=False)
    try:
        yield loading.result if loading is not None else lambda: (None, None)
    finally:
        if loading is not None and (llm := loading.result()[0]) is not None:
            llm.close()


def view_of(
    generation: Generation, settings: Settings, embedder: Embedder, llm: LLM | None, reranker: Reranker | None = None
) -> View:
    retriever = Retriever(generation, embedder, reranker=reranker, terms=other_language, suiting=suiting)
    checker = Verifier(embedder, GroundingParams.load(), generation.unit_vectors)
    version = hashlib.sha256(f"{fingerprint()}{embedder.name}".encode()).hexdigest()[:16]
    renderer = Renderer(translator_of(llm, settings), checker, version) if llm else None
    answerer = Answerer(
        searcher=retriever,
        checker=checker,
        gate=Abstention.load(settings.gate).hearing(llm.name if llm else None, passages_by_digest(generation)),
        vocabulary=IndexedWords(generation.lexical),
        llm=llm,
        settings=settings,
        generation=generation.number,
        corpus_size=len(generation.chunks),
        renderer=renderer,
        embedder=embedder,
    )
    cached = caching(answerer, settings, generation.number, llm.name if llm else EXTRACTIVE)
    return View(generation, retriever, cached or answerer, renderer)


def passages_by_digest(generation: Generation) -> Counter[str]:
    """The number of passages by the digest of their document."""
    found = (generation.document(chunk.document.id) for chunk in generation.chunks)
    return Counter(document.digest for document in found if document is not None)


def translator_of(llm: LLM, settings: Settings) -> Translator:
    return Translator(llm, RenderingStore(settings.home / RENDERINGS, shipped_translations()))


def _try_llm(settings: Settings) -> tuple[LLM | None, str | None]:
    """The engine, or why there is none: without it everything but free wording still works."""
    if settings.llm == EXTRACTIVE:
        return None, None
    try:
        remote = settings.llm.startswith(("http://", "https://"))
        path = None if remote else ModelStore.from_settings(settings).resolve(settings.llm)
        return open_llm(settings, path), None
    except (MissingError, ModelDamaged, EngineError) as error:
        log.warning("Answering with quotations only: %s", error)
        return None, str(error)
