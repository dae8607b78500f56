"""Makes the engine in its own process: our products are put before llama.cpp's, then llama.cpp is loaded."""

from pathlib import Path
from typing import Any

from service.llm import kernels
from service.llm.core import Core, Reuse
from service.llm.llama_config import LlamaConfig


def make_core(config: dict[str, Any]) -> Core:
    """Of the fields of a LlamaConfig as JSON has them; see `service.llm.child`."""
    folder = config.get("kv_folder")
    typed = {
        "path": Path(config["path"]),
        "reuse": Reuse(config["reuse"]),
        "kv_folder": Path(folder) if folder is not None else None,
    }
    made = LlamaConfig(**{**config, **typed})
    if made.kernels:
        kernels.load()
    # The first import loads llama.cpp, which takes its functions from whoever is there by then.
    from service.llm.llama import LlamaCore

    return LlamaCore(made)
