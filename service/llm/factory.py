"""The engine the settings ask for: a GGUF file in a process of its own, or a server at an address."""

from dataclasses import asdict
from pathlib import Path

from indexes.errors import EngineError, ModelDamaged, ModelMissing
from service.llm.core import EngineInfo, Reuse
from service.llm.gguf import GgufInfo, read_gguf
from service.llm.llama_config import LlamaConfig
from service.llm.protocol import Load
from service.llm.types import LLM
from service.llm.worker import WorkerCore, WorkerLLM
from service.settings import Settings

LOAD_S = 60.0
KV_FOLDER = "kv"
MAKER = "service.llm.maker:make_core"


def open_llm(settings: Settings, model_path: Path | None) -> LLM:
    """An engine that is ready to answer.

    Args:
        model_path: where the model store keeps `settings.llm`; None when that is an address.

    Raises:
        ModelMissing: there is no such file.
        EngineError: the file or the server cannot be used; the message says why and the cure.
    """
    if settings.llm.startswith(("http://", "https://")):
        from service.llm.remote import RemoteLLM

        return RemoteLLM.from_settings(settings)
    if model_path is None:
        raise ModelMissing(f"There is no model {settings.llm!r} here. `career models pull` fetches the default one.")
    return open_worker(llama_config(settings, model_path), settings.queue)


def llama_config(settings: Settings, model_path: Path) -> LlamaConfig:
    on = settings.kv_reuse == "on"
    return LlamaConfig(
        path=model_path,
        context_tokens=settings.context_tokens,
        threads=settings.threads,
        slots=settings.answers_at_once,
        gpu_layers=settings.gpu_layers,
        kernels=settings.kernels == "auto",
        reuse=Reuse.ALL if on else Reuse.OFF,
        kv_folder=settings.home / KV_FOLDER if on else None,
        kv_disk_mib=settings.kv_disk_mb,
    )


def open_worker(config: LlamaConfig, queue_bound: int) -> WorkerLLM:
    """Check the file, start the process, wait until it has loaded; see `open_llm` for what it raises."""
    try:
        info = read_gguf(config.path)
        core = WorkerCore(_load(config), _expected(config, info))
    except ModelDamaged as error:
        # To the service, a damaged model is an engine that cannot run: retrieval goes on.
        raise EngineError(str(error)) from error
    llm = WorkerLLM(core, queue_bound)
    try:
        llm.wait_ready(LOAD_S)
    except BaseException:
        llm.close()
        raise
    return llm


def _load(config: LlamaConfig) -> Load:
    fields = {key: str(value) if isinstance(value, Path) else value for key, value in asdict(config).items()}
    return Load(MAKER, fields)


def _expected(config: LlamaConfig, info: GgufInfo) -> EngineInfo:
    return EngineInfo(info.name, min(config.context_tokens, info.context_tokens), config.slots)
