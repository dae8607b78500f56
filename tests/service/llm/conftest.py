"""A tiny engine; it shares its cores with whatever else runs, so its threads sleep while they wait."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from service.llm.llama import LlamaEngine
    from service.llm.llama_config import LlamaConfig


def pytest_configure() -> None:
    # Read by OpenMP when llama.cpp is first loaded, so nothing here may load it; service/llm/process.py says why.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> "LlamaConfig":
    from service.llm.llama_config import LlamaConfig
    from tests.service.llm.tiny import write_tiny

    path = write_tiny(tmp_path_factory.mktemp("tiny") / "tiny.gguf")
    return LlamaConfig(path, context_tokens=1024, threads=1, slots=3)


@pytest.fixture
def llm(config: "LlamaConfig") -> Iterator["LlamaEngine"]:
    from service.llm.llama import LlamaEngine

    llm = LlamaEngine(config, 8)
    yield llm
    llm.close()
