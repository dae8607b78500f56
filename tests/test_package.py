"""The built wheel holds everything that serving needs, and nothing that was built here."""

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from service import __version__

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git knows, in the environment at hand: no build dependency is fetched."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    pip = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(target),
    ]
    subprocess.run([*pip, str(source)], check=True)
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_is_of_this_version(wheel: Path) -> None:
    assert wheel.name == f"career_rag-{__version__}-py3-none-any.whl"


def test_it_holds_every_module(names: set[str]) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for package in ("indexes", "ingest", "service")
        for path in (ROOT / package).rglob("*.py")
        if "built" not in path.parts
    }
    assert ours - names == set()


@pytest.mark.parametrize(("folder", "inside"), [("seeds", "service/seeds"), ("service/static", "service/static")])
def test_it_holds_data_byte_for_byte(wheel: Path, names: set[str], folder: str, inside: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert files
    with zipfile.ZipFile(wheel) as archive:
        for path in files:
            assert archive.read(f"{inside}/{path.relative_to(ROOT / folder).as_posix()}") == path.read_bytes()


def test_it_holds_the_pins_of_the_models(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        pinned = tomllib.loads(archive.read("indexes/models.toml").decode())
    assert [model["name"] for model in pinned["model"]] == [
        "embeddinggemma-300m",
        "qwen2.5-coder-1.5b-instruct-q4_k_m",
        "qwen2.5-coder-0.5b-instruct-q4_k_m",
    ]


def test_it_holds_neither_tests_nor_what_was_built(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops == {"indexes", "ingest", "service", f"career_rag-{__version__}.dist-info"}
    assert not [name for name in names if name.startswith("indexes/built") or name.endswith((".gguf", ".safetensors"))]


def test_it_installs_the_command_and_names_its_licence(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        info = f"career_rag-{__version__}.dist-info"
        assert "career = service.cli:main" in archive.read(f"{info}/entry_points.txt").decode()
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        assert "Gemma Terms of Use" in archive.read(f"{info}/licenses/LICENSE").decode()
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
