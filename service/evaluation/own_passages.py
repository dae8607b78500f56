"""Questions that bring their own passages: each is answered by the same runtime over an index of just those."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from indexes.errors import UsageError
from service.evaluation.dataset import Case, Dataset
from service.evaluation.passage_index import pool_of, write_pool
from service.evaluation.run import Answers, Searches
from service.runtime import Runtime, open_runtime
from service.settings import Settings


@dataclass(slots=True)
class OwnPassages:
    """A target that makes the passages of the case at hand the runtime's current generation.

    It goes through `Runtime.refresh`, as a re-ingested corpus does, so what is measured is what serves.
    """

    runtime: Runtime
    retrieval_only: bool = False
    _current: str = field(default="", init=False)

    @property
    def passages(self) -> int:
        return self.runtime.settings.passages

    def retriever_for(self, case: Case) -> Searches:
        self._show(case)
        return self.runtime.retriever

    def answerer_for(self, case: Case) -> Answers | None:
        self._show(case)
        return None if self.retrieval_only else self.runtime.answerer

    def _show(self, case: Case) -> None:
        if case.id != self._current:
            old = self.runtime.generation
            write_pool(self.runtime.settings.home, pool_of(case.passages), self.runtime.embedder)
            self.runtime.refresh()
            old.close()
            self._current = case.id


@contextmanager
def open_own_passages(settings: Settings, data: Dataset, retrieval_only: bool) -> Iterator[OwnPassages]:
    """A runtime over a temporary home that nothing else sees.

    Raises:
        UsageError: a question brings no passage.
    """
    from indexes.embedding import load_embedder

    for case in data.cases:
        if not any(passage.text.strip() for passage in case.passages):
            raise UsageError(f"Question {case.id} brings no passages. Give it some, or leave out --with-passages.")
    with TemporaryDirectory(prefix="career-eval-") as folder:
        own = settings.model_copy(update={"home": Path(folder)})
        write_pool(own.home, pool_of(data.cases[0].passages), load_embedder(own))
        with open_runtime(own, need_llm=not retrieval_only) as runtime:
            yield OwnPassages(runtime, retrieval_only)
