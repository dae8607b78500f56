"""How a GGUF is run: what the service decides and the engine's process obeys."""

from dataclasses import dataclass
from pathlib import Path

from service.llm.core import Reuse


@dataclass(frozen=True, slots=True)
class LlamaConfig:
    """How a GGUF is run. `threads` 0 is one for each physical core; `cells` 0 is room for two full contexts,
    or for usual prompts in all slots.

    `kv_folder` None keeps computed states in memory only. `kernels` has our own products (`service.llm.kernels`) used
    where they run. `guesses` is how many tokens of an answer are guessed ahead (see `guessing`), None as many as pay on
    this machine.
    """

    path: Path
    context_tokens: int = 4096
    threads: int = 0
    slots: int = 4
    cells: int = 0
    gpu_layers: int = 0
    kernels: bool = True
    guesses: int | None = None
    reuse: Reuse = Reuse.ALL
    boundary_tokens: int = 16
    kv_type: str = "f16"
    kv_folder: Path | None = None
    kv_memory_mib: int = 256
    kv_disk_mib: int = 2048
