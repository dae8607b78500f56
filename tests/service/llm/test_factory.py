"""The settings decide which engine is opened and how it is run."""

from pathlib import Path

import pytest

from indexes.errors import EngineError, MissingError
from service.llm.core import Reuse
from service.llm.factory import llama_config, open_llm
from service.settings import Settings


def settings(**changes: object) -> Settings:
    return Settings.model_validate(changes)


def test_settings_become_the_engines_configuration(tmp_path: Path) -> None:
    chosen = settings(home=tmp_path, context_tokens=2048, threads=3, answers_at_once=6, gpu_layers=-1, kv_disk_mb=9)
    config = llama_config(chosen, tmp_path / "m.gguf")
    assert (config.path, config.context_tokens, config.threads) == (tmp_path / "m.gguf", 2048, 3)
    assert (config.slots, config.gpu_layers, config.kv_disk_mib) == (6, -1, 9)
    assert (config.reuse, config.kv_folder) == (Reuse.ALL, tmp_path / "kv")


def test_without_reuse_nothing_is_kept(tmp_path: Path) -> None:
    config = llama_config(settings(home=tmp_path, kv_reuse="off"), tmp_path / "m.gguf")
    assert (config.reuse, config.kv_folder) == (Reuse.OFF, None)


def test_an_address_is_asked_over_http() -> None:
    with pytest.raises(EngineError, match=r"http://127\.0\.0\.1:9/v1 .*Is the address right"):
        open_llm(settings(llm="http://127.0.0.1:9/v1"), None)


@pytest.mark.parametrize("path", [None, Path("nowhere.gguf")])
def test_a_model_that_is_not_here_is_missing(path: Path | None) -> None:
    with pytest.raises(MissingError, match="career models pull"):
        open_llm(settings(llm="nowhere"), path)


def test_a_file_that_is_no_model_is_an_engine_that_cannot_run(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_text("<html>not found</html>", "ascii")
    with pytest.raises(EngineError, match=r"not a GGUF file.*career models pull"):
        open_llm(settings(llm=str(path)), path)
