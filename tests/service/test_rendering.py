"""Rows in English: translated once, kept, and said only as far as they are supported."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from indexes.errors import EngineError
from indexes.types import Chunk, UnitKind
from service.grounding import Checked
from service.grounding.glossary import load_glossary
from service.llm.extractive import Rendered
from service.llm.types import Done, EngineEvent, GenerateOptions, Prompt, Text
from service.rendering import MOST_WORDS, SYSTEM_WITH_WORDS, Renderer, Translator, one_line, with_words
from service.translations import RenderingStore
from service.types import Citation, Passage, Question, Status, Usage, Verdict
from tests.conftest import chunk_of
from tests.service.answering import ALWAYS, ScriptedLLM, WordChecker, answerer_of, hit_of

TEXT = "向量库用于语义搜索。缓存用于热数据。"
WHOLE = "Vector libraries are for semantic search. "
ENGLISH = "Vector stores are for semantic search. They cost 5 dollars. "


class Translated(WordChecker):
    """Supports every sentence that has no number in it, by the first unit of the first passage."""

    def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
        chunk = passages[0].hit.chunk
        unit = chunk.units[0]
        if any(char.isdigit() for char in sentence):
            return Checked(Verdict.UNSUPPORTED, 0.0, (), "number 5 is in no passage")
        return Checked(Verdict.SUPPORTED, 0.9, (Citation(1, chunk, unit.start, unit.end, unit.text, 0.9),), "")


def renderer(llm: ScriptedLLM, folder: Path) -> Renderer:
    return Renderer(Translator(llm, RenderingStore(folder / "renderings.sqlite")), Translated())


@pytest.fixture
def chunk() -> Chunk:
    return chunk_of(TEXT)


def test_what_the_row_does_not_support_is_left_out(chunk: Chunk, tmp_path: Path) -> None:
    llm = ScriptedLLM([ENGLISH])
    assert renderer(llm, tmp_path).rendered(chunk, chunk.units[0], 9.0).text == "Vector stores are for semantic search."


def test_a_cell_that_is_wrong_costs_no_other_cell(chunk: Chunk, tmp_path: Path) -> None:
    llm = ScriptedLLM(["Stores: vectors (FAISS); 5 caches; hot data. "])
    assert renderer(llm, tmp_path).rendered(chunk, chunk.units[0], 9.0).text == "Stores: vectors (FAISS); hot data."


def test_what_the_model_left_in_chinese_is_said_in_english_or_not_at_all(chunk: Chunk, tmp_path: Path) -> None:
    llm = ScriptedLLM(["Stores: data流水线 here; hot data; 甲乙 of it. "])
    assert renderer(llm, tmp_path).rendered(chunk, chunk.units[0], 9.0).text == "Stores: data pipeline here; hot data."


def test_a_misread_myriad_is_put_right(tmp_path: Path) -> None:
    @dataclass
    class OnlyMillions(Translated):
        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            return super().check(sentence.replace("200 million", "many"), passages)

    row = chunk_of("Netflix 为超过2亿用户推荐内容。")
    translator = Translator(ScriptedLLM(["Netflix has 2 billion users. "]), RenderingStore(tmp_path / "r.sqlite"))
    assert (
        Renderer(translator, OnlyMillions()).rendered(row, row.units[0], 9.0).text == "Netflix has 200 million users."
    )


@pytest.mark.parametrize(
    ("score", "reason", "said"),
    [
        (0.25, "no passage says this", "Vector stores are for semantic search."),
        (0.15, "no passage says this", ""),
        (0.25, "the passage says the opposite", ""),
    ],
)
def test_want_of_words_alone_costs_no_translation(
    score: float, reason: str, said: str, chunk: Chunk, tmp_path: Path
) -> None:
    @dataclass
    class Doubting(WordChecker):
        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            alone = passages[0].hit.chunk.units == chunk.units[:1]
            return Checked(Verdict.UNSUPPORTED, score if alone else 0.0, (), reason)

    translator = Translator(ScriptedLLM([f"Line: {ENGLISH[:39]}"]), RenderingStore(tmp_path / "r.sqlite"))
    verdict = Verdict.PARTIAL if said else Verdict.UNSUPPORTED
    found = Renderer(translator, Doubting()).rendered(chunk, chunk.units[0], 9.0)
    assert found == Rendered(said, verdict, score if said else 0.0)


@pytest.mark.parametrize(("least", "verdict"), [(Verdict.SUPPORTED, Verdict.SUPPORTED), (Verdict.PARTIAL,) * 2])
def test_a_translation_has_the_verdict_of_the_least_of_its_sentences(
    least: Verdict, verdict: Verdict, chunk: Chunk, tmp_path: Path
) -> None:
    class Partly(Translated):
        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            found = super().check(sentence, passages)
            return replace(found, verdict=least, score=0.6) if "Caches" in sentence else found

    store = RenderingStore(tmp_path / "r.sqlite")
    for answers in (["Stores are for search. Caches hold it. "], []):  # Made, then as it was kept.
        made = Renderer(Translator(ScriptedLLM(answers), store), Partly(), "1")
        found = made.rendered(chunk, chunk.units[0], 9.0)
        assert found == Rendered("Stores are for search. Caches hold it.", verdict, 0.6)


def test_an_abbreviation_is_not_spelled_out_beyond_its_row(tmp_path: Path) -> None:
    row = chunk_of("这篇论文讲的是BPE原理。")
    translator = Translator(
        ScriptedLLM(["It is about BPE (Byte Pair Encoding). "]), RenderingStore(tmp_path / "r.sqlite")
    )
    assert Renderer(translator, Translated()).rendered(row, row.units[0], 9.0).text == "It is about BPE."


def test_what_the_model_knows_besides_is_left_out(tmp_path: Path) -> None:
    row = chunk_of("推荐论文《BERT》，讲嵌入（embeddings）。")
    translator = Translator(
        ScriptedLLM(['Read "BERT" by Google, on embeddings (embeddings). ']), RenderingStore(tmp_path / "r.sqlite")
    )
    assert Renderer(translator, Translated()).rendered(row, row.units[0], 9.0).text == 'Read "BERT", on embeddings.'


def test_a_row_is_checked_once(chunk: Chunk, tmp_path: Path) -> None:
    @dataclass
    class Counting(Translated):
        checked: int = 0

        def check(self, sentence: str, passages: Sequence[Passage], **more: object) -> Checked:  # type: ignore[override]
            self.checked += 1
            return super().check(sentence, passages)

    checker = Counting()
    translator = Translator(ScriptedLLM([ENGLISH]), RenderingStore(tmp_path / "r.sqlite"))
    said = Renderer(translator, checker)
    first = said.rendered(chunk, chunk.units[0], 9.0).text
    checks = checker.checked
    assert said.rendered(chunk, chunk.units[0], 9.0).text == first
    assert checker.checked == checks > 0


def test_a_row_is_translated_once_in_its_life(chunk: Chunk, tmp_path: Path) -> None:
    first, second = ScriptedLLM([WHOLE]), ScriptedLLM(["Something else. "])
    said = renderer(first, tmp_path).rendered(chunk, chunk.units[0], 9.0).text
    assert renderer(second, tmp_path).rendered(chunk, chunk.units[0], 9.0).text == said == WHOLE.strip()
    assert [prompt.request for prompt in first.prompts] == ["Line: 向量库用于语义搜索。"]
    assert second.prompts == []


@dataclass
class Bilingual(ScriptedLLM):
    """Says one thing to a row alone, and another where the terms are told; fails there if it has nothing to say."""

    told: str = ""

    def generate(self, prompt: Prompt, options: GenerateOptions) -> Iterator[EngineEvent]:
        with_terms = prompt.request.startswith("Words: ")
        assert with_terms == (prompt.system == SYSTEM_WITH_WORDS)
        if with_terms and not self.told:
            raise EngineError("The engine is busy.")
        self.prompts.append(prompt)
        yield Text(self.told if with_terms else self.pieces[0])
        yield Done("stop", Usage())


@pytest.mark.parametrize(
    ("replies", "said", "asked"),
    [
        ((WHOLE, "Never asked. "), WHOLE, 1),
        (("Something for meaning. ", WHOLE), WHOLE, 2),  # says too little of the row
        (("Vector stores are for semantic search with 5. ", WHOLE), WHOLE, 2),  # falls to the checker
        (("A store of vectors. ", "They store. "), "A store of vectors. ", 2),
    ],
)
def test_a_row_that_was_said_badly_is_asked_for_again_with_its_terms(
    replies: tuple[str, str], said: str, asked: int, chunk: Chunk, tmp_path: Path
) -> None:
    llm = Bilingual([replies[0]], told=replies[1])
    assert renderer(llm, tmp_path).rendered(chunk, chunk.units[0], 9.0, patient=True).text == said.strip()
    assert [prompt.request for prompt in llm.prompts][1:] == [with_words(one_line(chunk.units[0].text))] * (asked - 1)


def test_who_waits_for_an_answer_waits_for_no_second_translation(chunk: Chunk, tmp_path: Path) -> None:
    llm = Bilingual(["A store of vectors. "], told=WHOLE)
    said = renderer(llm, tmp_path)
    assert said.rendered(chunk, chunk.units[0], 9.0).text == "A store of vectors."
    assert len(llm.prompts) == 1
    assert said.rendered(chunk, chunk.units[0], None, patient=True).text == WHOLE.strip()
    assert said.rendered(chunk, chunk.units[0], 9.0).text == WHOLE.strip()
    assert len(llm.prompts) == 2


def test_but_one_with_nothing_to_say_does(chunk: Chunk, tmp_path: Path) -> None:
    llm = Bilingual(["It is 5. "], told=WHOLE)
    assert renderer(llm, tmp_path).rendered(chunk, chunk.units[0], 9.0).text == WHOLE.strip()


def test_without_anything_to_say_the_engines_trouble_is_told(chunk: Chunk, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="busy"):
        renderer(Bilingual(["It is 5. "]), tmp_path).rendered(chunk, chunk.units[0], 9.0)


def test_another_model_translates_anew(chunk: Chunk, tmp_path: Path) -> None:
    renderer(ScriptedLLM([ENGLISH]), tmp_path).rendered(chunk, chunk.units[0], 9.0)
    other = ScriptedLLM(["Caches hold hot data. "], name="other")
    assert renderer(other, tmp_path).rendered(chunk, chunk.units[0], 9.0).text == "Caches hold hot data."


def test_an_unfinished_translation_is_neither_said_nor_kept(chunk: Chunk, tmp_path: Path) -> None:
    cut = ScriptedLLM(["Vector stores are"], finish="length")
    assert renderer(cut, tmp_path).rendered(chunk, chunk.units[0], 9.0).text == ""
    whole = ScriptedLLM([ENGLISH])
    assert renderer(whole, tmp_path).rendered(chunk, chunk.units[0], 9.0).text != ""


def test_a_folder_that_cannot_be_written_keeps_none_and_says_all(chunk: Chunk, tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "folder"
    assert renderer(ScriptedLLM([ENGLISH]), nowhere).rendered(chunk, chunk.units[0], 9.0).text.startswith("Vector")
    assert not nowhere.exists()


@pytest.mark.parametrize(
    ("unit", "line"),
    [
        ("| 领域模型 | LightGBM（推荐）、JAX | 电商；医疗 |", "领域模型：LightGBM（推荐）、JAX；电商；医疗。"),
        ("实时推理 | 1. 会量化；2. 懂批处理 | 问答", "实时推理：会量化；懂批处理；问答。"),
        ("专注于四件事：\n\n- 提示工程。\n- 微调策略。", "专注于四件事：提示工程；微调策略。"),
        ("版本 0.5.1 有 3.5 万行。", "版本 0.5.1 有 3.5 万行。"),
    ],
)
def test_a_row_is_read_as_prose(unit: str, line: str) -> None:
    assert one_line(unit) == line


def test_a_row_is_asked_for_with_the_terms_in_it() -> None:
    assert with_words("用Redis。") == "Line: 用Redis。"
    terms = with_words("".join(load_glossary().chinese)).partition("\n")[0]
    assert terms.startswith("Words: ")
    assert len(terms.split("; ")) == MOST_WORDS


def test_an_english_question_whose_draft_fails_is_answered_from_the_best_row(tmp_path: Path) -> None:
    chunk = chunk_of(TEXT)
    assert chunk.units[0].kind is not UnitKind.CODE
    llm = ScriptedLLM(["It costs 7 euros."])
    answerer = replace(
        answerer_of([hit_of(chunk)], llm, gate=ALWAYS, checker=Translated()),
        renderer=renderer(ScriptedLLM([ENGLISH]), tmp_path),
    )
    answer = answerer.answer(Question("What are vector stores for?"))
    assert answer.status is Status.EXTRACTIVE
    assert answer.text.startswith("The closest passage says: Vector stores are for semantic search. [1]")
    assert answer.citations[0].quote == "向量库用于语义搜索。"
    assert (answer.sentences[0].verdict, answer.sentences[0].score) == (Verdict.SUPPORTED, 0.9)


@pytest.mark.parametrize(("draft", "status"), [("Caches exist.", Status.ANSWERED), ("They cost 5.", Status.PARTIAL)])
def test_a_row_added_to_a_draft_that_stands_makes_it_no_less(draft: str, status: Status, tmp_path: Path) -> None:
    answerer = replace(
        answerer_of(
            [hit_of(chunk_of(TEXT))], ScriptedLLM([f"Caches hold it. {draft}"]), gate=ALWAYS, checker=Translated()
        ),
        renderer=renderer(ScriptedLLM([ENGLISH]), tmp_path),
    )
    answer = answerer.answer(Question("What are vector stores and caches for?"))
    assert answer.sentences[-1].text == "The documents also say: Vector stores are for semantic search."
    assert (answer.sentences[-1].verdict, answer.sentences[-1].score) == (Verdict.SUPPORTED, 0.8)
    assert answer.status is status
