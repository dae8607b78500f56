"""`career eval` over the real retriever and answerer, quoting, not generating, with hashed words as embeddings."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from indexes.settings import IndexSettings
from service.cli import run as career
from service.evaluation.cli import app
from service.evaluation.dataset import ItemPassage
from service.evaluation.passage_index import pool_of, write_pool
from tests.doubles import FakeEmbedder
from tests.service.evaluation.fakes import ROWS, TEXTS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose index holds the fake corpus."""

    def load_embedder(settings: IndexSettings) -> FakeEmbedder:
        return FakeEmbedder()

    monkeypatch.setattr("service.runtime.load_embedder", load_embedder)
    monkeypatch.setattr("indexes.embedding.load_embedder", load_embedder)
    monkeypatch.setenv("CAREER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CAREER_LLM", "extractive")
    write_pool(tmp_path / "home", pool_of(ItemPassage(id, "", text) for id, text in TEXTS.items()), FakeEmbedder())
    return tmp_path / "home"


def write_set(folder: Path, rows: list[dict[str, object]]) -> Path:
    path = folder / "set.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def test_a_run_names_what_it_measured_and_resumes_in_its_own_folder(tmp_path: Path, home: Path) -> None:
    command = ["run", str(write_set(tmp_path, ROWS)), "--json"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    folder = Path(told["folder"])
    assert folder.parent == home / "runs"
    assert told["n"] == 4
    assert told["metrics"]["hit@5"]["value"] == 1.0
    assert told["metrics"]["abstention"]["n"] == 4
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert config["identity"]["embedder"] == "fake@1"
    assert config["identity"]["settings"]["llm"] == "extractive"
    assert len(config["identity"]["dataset_sha256"]) == len(config["identity"]["index_sha256"]) == 64
    answers = (folder / "answers.jsonl").read_bytes()
    again = CliRunner().invoke(app, command)
    assert json.loads(again.stdout)["folder"] == str(folder)
    assert (folder / "answers.jsonl").read_bytes() == answers


def test_the_same_hits_through_the_evaluation_and_the_search(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    result = CliRunner().invoke(app, ["run", str(write_set(tmp_path, ROWS)), "--retrieval-only", "--out", str(out)])
    assert result.exit_code == 0, result.output
    row = json.loads((out / "answers.jsonl").read_text("utf-8").splitlines()[2])
    assert career(["search", ROWS[2]["question"], "--k", "20", "--json"]) == 0
    hits = json.loads(capsys.readouterr().out)["hits"]
    assert row["evaluation"]["ranking"] == [hit["chunk_id"] for hit in hits]


def test_questions_with_their_own_passages_see_only_those(tmp_path: Path, home: Path) -> None:
    rows: list[dict[str, object]] = [
        {
            "id": f"q{number}",
            "lang": "en",
            "question": f"What colour is planet {name}?",
            "answerable": True,
            "passages": [
                {"id": "p#1", "title": name, "text": f"Planet {name} is {colour}. It is far.", "relevant": True},
                {"id": "p#2", "title": "Else", "text": "Bread is made of flour.", "relevant": False},
            ],
        }
        for number, (name, colour) in enumerate([("Zog", "green"), ("Bix", "purple")])
    ]
    out = tmp_path / "run"
    result = CliRunner().invoke(app, ["run", str(write_set(tmp_path, rows)), "--with-passages", "--out", str(out)])
    assert result.exit_code == 0, result.output
    passages = {}
    for line in (out / "passages.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        passages[row["chunk_id"]] = row["text"]
    for line, colour in zip((out / "answers.jsonl").read_text("utf-8").splitlines(), ("green", "purple"), strict=True):
        ranking = json.loads(line)["evaluation"]["ranking"]
        assert colour in passages[ranking[0]]
        assert len(ranking) <= 2
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["metrics"]["hit@1"]["value"] == 1.0
    assert summary["metrics"]["mrr@10"]["n"] == 2


def test_without_passages_with_passages_is_refused(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert career(["eval", "run", str(write_set(tmp_path, ROWS)), "--with-passages"]) == 2
    assert "Question q1 brings no passages" in capsys.readouterr().err


def test_own_passages_are_asked_one_at_a_time(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert career(["eval", "run", str(write_set(tmp_path, ROWS)), "--with-passages", "--at-once", "2"]) == 2
    assert "Leave out --at-once." in capsys.readouterr().err


def test_a_broken_data_set_is_wrong_usage(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text("{\n", "utf-8")
    assert career(["eval", "run", str(path)]) == 2
    assert "set.jsonl, line 1: not valid JSON at column" in capsys.readouterr().err


def test_a_misspelt_field_is_told_and_the_run_goes_on(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": "1", "question": "Milvus 是什么？", "nuggest": ["向量"]}]
    assert career(["eval", "run", str(write_set(tmp_path, rows)), "--json"]) == 0
    told = capsys.readouterr()
    assert "set.jsonl, line 1: field 'nuggest' is unknown" in told.err.replace("\n", " ")
    assert json.loads(told.out)["n"] == 1


def test_pools_through_the_command(tmp_path: Path, home: Path) -> None:
    passages = tmp_path / "passages.jsonl"
    rows = [json.dumps({"id": id, "title": "", "text": text}, ensure_ascii=False) for id, text in TEXTS.items()]
    passages.write_text("\n".join(rows), "utf-8")
    questions = [{"id": "1", "lang": "zh", "question": "Milvus 是什么？", "gold_doc_ids": ["tools"]}]
    command = ["retrieval", "--passages", str(passages), "--questions", str(write_set(tmp_path, questions)), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    [score] = json.loads(result.stdout)
    assert (score["questions"], score["pool"], score["n"]) == ("zh", "zh", 1)
    assert score["metrics"]["hit@1"]["value"] == 1.0
