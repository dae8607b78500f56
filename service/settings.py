"""What serving needs beyond searching: the engine, the limits, the address."""

from typing import Literal

from pydantic import Field

from indexes.settings import IndexSettings
from service.types import Policy


class Settings(IndexSettings):
    """All settings of the service; see `IndexSettings` for those of the index."""

    llm: str = Field(
        "qwen2.5-coder-1.5b-instruct-q4_k_m",
        description="Answering model: store name, path of a GGUF file, hub id, http(s) address of an OpenAI-compatible "
        "server, or `extractive` for none.",
    )
    context_tokens: int = Field(4096, ge=512, le=131072, description="Context of the answering model, in tokens.")
    max_tokens: int = Field(320, ge=16, le=4096, description="Longest answer, in tokens.")
    temperature: float = Field(0.0, ge=0.0, le=2.0, description="0 is greedy and repeatable.")
    seed: int = Field(0, ge=0, description="Seed of sampling.")
    passages: int = Field(4, ge=1, le=16, description="Passages shown to the model.")
    policy: Policy = Field(Policy.STRICT, description="What happens to unsupported sentences: strict, flag or off.")
    kv_reuse: Literal["on", "off"] = Field(
        "on", description="Whether the computed state of passages is kept and reused."
    )
    queue: int = Field(16, ge=0, le=1024, description="Askers that may wait for the engine.")
    deadline_s: float = Field(120.0, gt=0, le=3600, description="Longest time for one answer, in seconds.")
    host: str = Field("127.0.0.1", description="Address to bind to.")
    port: int = Field(8000, ge=0, le=65535, description="Port to bind to; 0 takes any free one.")
