"""Our seed documents keep the facts of the articles they restate: every listed term is in both."""

import unicodedata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SEEDS = ROOT / "seeds"
ORIGINALS = ROOT.parent / "shared" / "seeds"
LISTS = sorted((Path(__file__).parent / "facts").glob("*.txt"))
MIN_FACTS = 150


def squeezed(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def terms_of(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text("utf-8").splitlines()[1:] if line.strip()]


def original_of(path: Path) -> Path:
    first = path.read_text("utf-8").splitlines()[0]
    assert first.startswith("# original: ")
    return ORIGINALS / first.removeprefix("# original: ").strip()


def test_every_seed_document_has_a_list_and_together_they_hold_enough_facts() -> None:
    documents = {path.stem for path in SEEDS.glob("*.md")} - {"README"}
    assert {path.stem for path in LISTS} == documents
    assert sum(len(terms_of(path)) for path in LISTS) >= MIN_FACTS
    for path in LISTS:
        assert len(terms_of(path)) == len(set(terms_of(path)))


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_facts_are_in_our_document(path: Path) -> None:
    text = squeezed((SEEDS / f"{path.stem}.md").read_text("utf-8"))
    assert [term for term in terms_of(path) if squeezed(term) not in text] == []


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_facts_are_in_the_original(path: Path) -> None:
    if not ORIGINALS.is_dir():
        pytest.skip("no ../shared/seeds beside this checkout")
    text = squeezed(original_of(path).read_text("utf-8"))
    assert [term for term in terms_of(path) if squeezed(term) not in text] == []
