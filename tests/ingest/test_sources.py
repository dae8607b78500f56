"""The walk: fixed order, reasons for what is passed over, nothing from outside the folder."""

import os
from pathlib import Path

import pytest

from indexes.errors import UsageError
from indexes.settings import IndexSettings
from ingest.sources import SourceFile, walk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "corpus"
    (root / "b").mkdir(parents=True)
    (root / ".git").mkdir()
    for name in ("z.md", "a.txt", "b/c.html", "README.md", "b/readme.txt", ".hidden.md", ".git/x.md", "p.png", "none"):
        (root / name).write_text("text", "utf-8")
    return root


def outcomes(*paths: Path, settings: IndexSettings | None = None) -> list[tuple[str, str | None]]:
    return [(file.uri, file.skip) for file in walk(paths, settings or IndexSettings())]


def test_order_is_fixed_and_every_file_that_is_passed_over_has_its_reason(folder: Path) -> None:
    readme = "README describes the folder and is not part of the corpus"
    assert outcomes(folder) == [
        ("corpus/.hidden.md", "hidden file"),
        ("corpus/README.md", readme),
        ("corpus/a.txt", None),
        ("corpus/none", "no reader for files without a suffix"),
        ("corpus/p.png", "no reader for .png"),
        ("corpus/z.md", None),
        ("corpus/b/c.html", None),
        ("corpus/b/readme.txt", readme),
    ]


def test_a_file_named_outright_is_read_even_if_a_walk_would_pass_it_over(folder: Path) -> None:
    assert outcomes(folder / "README.md", folder / ".hidden.md") == [
        ("corpus/README.md", None),
        ("corpus/.hidden.md", None),
    ]


def test_a_file_and_its_folder_give_the_same_uri_and_the_file_once(folder: Path) -> None:
    assert [uri for uri, skip in outcomes(folder / "z.md", folder) if not skip] == [
        "corpus/z.md",
        "corpus/a.txt",
        "corpus/b/c.html",
    ]


def test_two_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for parent in ("one", "two"):
        (tmp_path / parent / "docs").mkdir(parents=True)
        (tmp_path / parent / "docs" / "x.md").write_text(parent, "utf-8")
    uris = [file.uri for file in walk([tmp_path / "one/docs", tmp_path / "two/docs"], IndexSettings())]
    assert len(set(uris)) == 2
    assert all(uri.startswith("docs~") and uri.endswith("/x.md") for uri in uris)


def test_links_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("secret", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "deep.md").write_text("deep", "utf-8")
    (folder / "out.md").symlink_to(tmp_path / "secret.md")
    (folder / "dir").symlink_to(tmp_path / "elsewhere")
    (folder / "broken.md").symlink_to(folder / "absent.md")
    (folder / "same.md").symlink_to(folder / "z.md")
    found = dict(outcomes(folder))
    assert found["corpus/out.md"] == "symbolic link out of the folder"
    assert found["corpus/broken.md"] == "No such file or directory"
    assert not any("deep" in uri for uri in found)
    assert [uri for uri in found if uri in {"corpus/same.md", "corpus/z.md"}] == ["corpus/same.md"], "read once"


def test_size_cap_and_special_files(folder: Path) -> None:
    (folder / "big.md").write_bytes(b"x" * ((1 << 20) + 1))
    os.mkfifo(folder / "pipe.md")
    found = dict(outcomes(folder, settings=IndexSettings(max_file_mb=1)))
    assert found["corpus/big.md"] == "larger than 1 MiB (CAREER_MAX_FILE_MB)"
    assert found["corpus/pipe.md"] == "not a regular file"


def test_a_path_that_does_not_exist_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere does not exist"):
        list(walk([tmp_path / "nowhere"], IndexSettings()))


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    assert list(walk([tmp_path], IndexSettings())) == []
    assert SourceFile(tmp_path, "x").skip is None
