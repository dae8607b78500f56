"""A sentence in the hands of the checker: in each of the documents that it names, and several findings as one."""

from collections.abc import Callable, Sequence
from typing import Protocol

from indexes.types import Hit
from service.attribution import documents_named
from service.grounding import Checked
from service.types import Passage, Verdict


class Checker(Protocol):
    """What is used of `service.grounding.Verifier`."""

    def check(
        self,
        sentence: str,
        passages: Sequence[Passage],
        *,
        hints: Sequence[int] = (),
        question: str = "",
        lead_in: str = "",
        restating: bool = False,
    ) -> Checked: ...


def checked_in_each(
    text: str, hits: Sequence[Hit], passages: Sequence[Passage], check: Callable[[Sequence[Passage]], Checked]
) -> Checked:
    """What a sentence is found to be: where it names documents, in the passages of each of them by themselves."""
    named = documents_named(text, (hit.chunk.document for hit in hits))
    found = [check([p for p in passages if p.hit.chunk.document.id == document.id]) for document in named]
    if not found:
        return check(passages)
    failed = [checked for checked in found if checked.verdict is Verdict.UNSUPPORTED]
    return failed[0] if failed else merged(found)


def merged(found: Sequence[Checked]) -> Checked:
    """Several checks as one: no surer than the least sure, with the citations of all."""
    least = min(found, key=lambda checked: checked.score)
    whole = all(checked.verdict is Verdict.SUPPORTED for checked in found)
    citations = tuple(dict.fromkeys(citation for checked in found for citation in checked.citations))
    return Checked(Verdict.SUPPORTED if whole else Verdict.PARTIAL, least.score, citations, least.reason)
