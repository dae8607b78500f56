"""Broken data sets are refused with line number and cure; sound ones keep every field."""

import json
from pathlib import Path

import pytest

from indexes.errors import UsageError
from service.evaluation.dataset import load_dataset, parse_shard, per_language, select
from tests.service.evaluation.fakes import ROWS


def write(path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path.write_bytes("\n".join(lines).encode(encoding))
    return path


def question(id: str, **fields: object) -> str:
    return json.dumps({"id": id, "question": "什么？", **fields}, ensure_ascii=False)


def test_every_form_of_a_nugget_is_read(tmp_path: Path) -> None:
    nuggets = [["a", "b"], "c", {"text": "d", "aliases": ["e"], "importance": "vital"}]
    data = load_dataset(write(tmp_path / "set.jsonl", question("1", nuggets=nuggets, doc=["x", "y"])))
    assert data.cases[0].nuggets == (("a", "b"), ("c",), ("d", "e"))
    assert data.cases[0].docs == ("x", "y")


def test_unknown_fields_are_kept(tmp_path: Path) -> None:
    data = load_dataset(write(tmp_path / "set.jsonl", question("1", difficulty=3, doc="x")))
    assert data.cases[0].extra == {"difficulty": 3}
    assert data.rows[0]["difficulty"] == 3


def test_unknown_fields_are_told_with_line_and_cure(tmp_path: Path) -> None:
    lines = [question("1"), "", question("2", nugets=["a"], source="me"), question("3", nugets=["b"])]
    assert load_dataset(write(tmp_path / "set.jsonl", *lines)).notes == (
        (
            "set.jsonl, line 3 and 1 more: field 'nugets' is unknown; it is kept and no metric reads it. "
            "Did you mean 'nuggets'?"
        ),
        (
            "set.jsonl, line 3: field 'source' is unknown; it is kept and no metric reads it. "
            "Nothing to do if it is a note of yours."
        ),
    )


def test_a_sound_set_needs_no_note_and_many_are_cut(tmp_path: Path) -> None:
    assert load_dataset(write(tmp_path / "a.jsonl", question("1", doc="x", split="dev"))).notes == ()
    many = load_dataset(write(tmp_path / "b.jsonl", question("1", **{f"field_{n}": n for n in range(12)}))).notes
    assert len(many) == 11
    assert many[10] == "… and 2 more unknown fields."


def test_blank_lines_and_byte_order_marks_do_no_harm(tmp_path: Path) -> None:
    data = load_dataset(write(tmp_path / "set.jsonl", question("1"), "", question("2"), "", encoding="utf-8-sig"))
    assert [case.id for case in data.cases] == ["1", "2"]


def test_a_line_separator_inside_a_string_does_not_end_the_line(tmp_path: Path) -> None:
    line = '{"id": "1", "question": "a\u2028b"}'
    assert load_dataset(write(tmp_path / "set.jsonl", line)).cases[0].question == "a\u2028b"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"id": "2", "question": "x"', "line 2: not valid JSON at column"),
        ("[1]", "line 2: a JSON object is needed, not list"),
        ('{"id": "2"}', "line 2: field 'question' must be a non-empty string. Add it."),
        ('{"id": 7, "question": "x"}', "line 2: field 'id' must be a non-empty string"),
        (question("1"), "line 2: id '1' was used on line 1. Give each question an id of its own."),
        (question("2", answerable="yes"), "line 2: field 'answerable' must be true or false"),
        (question("2", nuggets="x"), "line 2: field 'nuggets' must be a list"),
        (question("2", nuggets=[[]]), "line 2: a field has the wrong shape"),
        (question("2", passages=[{"id": "p"}]), "line 2: a field has the wrong shape"),
        ("[" * 100_000, "line 2: "),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_dataset(write(tmp_path / "set.jsonl", question("1"), line))
    assert complaint in str(caught.value)


def test_all_broken_lines_are_named_at_once_up_to_ten(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_dataset(write(tmp_path / "set.jsonl", *["{"] * 13))
    lines = str(caught.value).splitlines()
    assert len(lines) == 11
    assert lines[9].startswith("set.jsonl, line 10:")
    assert lines[10] == "… and 3 more lines."


@pytest.mark.parametrize(
    ("encoding", "cure"),
    [("gbk", "iconv -f GB18030 -t UTF-8"), ("utf-16", "is UTF-16. Convert it: iconv -f UTF-16")],
)
def test_other_encodings_are_named_with_the_cure(tmp_path: Path, encoding: str, cure: str) -> None:
    path = write(tmp_path / "set.jsonl", '{"id": "a", "question": "hi"}', question("1"), encoding=encoding)
    with pytest.raises(UsageError) as caught:
        load_dataset(path)
    assert cure in str(caught.value)
    if encoding == "gbk":
        assert "set.jsonl, line 2: byte" in str(caught.value)


def test_absent_and_empty_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Name an existing JSONL file"):
        load_dataset(tmp_path / "none.jsonl")
    with pytest.raises(UsageError, match="holds no question"):
        load_dataset(write(tmp_path / "set.jsonl", ""))


def test_shards_part_the_set(tmp_path: Path) -> None:
    data = load_dataset(write(tmp_path / "set.jsonl", *[question(str(i)) for i in range(10)]))
    shards = [{case.id for case in select(data, shard=f"{i}/3").cases} for i in (1, 2, 3)]
    assert sorted(map(len, shards)) == [3, 3, 4]
    assert set.union(*shards) == {str(i) for i in range(10)}


@pytest.mark.parametrize("shard", ["0/3", "4/3", "a/b", "1", "1/0", "-1/2"])
def test_impossible_shards_are_refused(shard: str) -> None:
    with pytest.raises(UsageError, match="write i/n"):
        parse_shard(shard)


def test_split_and_limit(tmp_path: Path) -> None:
    data = load_dataset(write(tmp_path / "set.jsonl", *[json.dumps(row) for row in ROWS]))
    assert [case.id for case in select(data, split="dev", limit=2).cases] == ["q1", "q3"]
    assert [case.id for case in per_language(data, 1).cases] == ["q1", "q2"]
    with pytest.raises(UsageError, match="It has these splits: dev, test"):
        select(data, split="train")
