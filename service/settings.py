"""What serving needs beyond searching: the engine, the limits, the address."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from indexes.errors import SettingsError
from indexes.settings import IndexSettings
from service.types import Policy

Names = Annotated[tuple[str, ...], NoDecode]
"""Comma-separated in the environment."""

API_KEY = re.compile(r"(user|admin):[0-9a-f]{64}")
ORIGIN = re.compile(r"https?://[^/\s,@*]+")
SITE_KEY = re.compile(r"pk_[A-Za-z0-9_-]{4,64}@https?://[^/\s,@*]+")


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
    passages: int = Field(4, ge=1, le=16, description="Passages an answer is made of.")
    policy: Policy = Field(Policy.STRICT, description="What happens to unsupported sentences: strict, flag or off.")
    gate: Path | None = Field(
        None, description="File of `career eval calibrate` for a corpus of your own; unset takes the gate that ships."
    )
    kv_reuse: Literal["on", "off"] = Field(
        "on", description="Whether the computed state of passages is kept and reused."
    )
    llm_api_key: SecretStr = Field(SecretStr(""), description="Key for a server named by its address in CAREER_LLM.")
    answers_at_once: int = Field(4, ge=1, le=32, description="Answers the model writes at the same time.")
    kernels: Literal["auto", "off"] = Field(
        "auto",
        description="Our own products for AVX-512 with VNNI in place of llama.cpp's; auto takes them where they run.",
    )
    gpu_layers: int = Field(
        0, ge=-1, le=1000, description="Layers of a GGUF computed by a GPU, if the library was built for one; -1 all."
    )
    kv_disk_mb: int = Field(
        2048, ge=0, le=1048576, description="Disk for computed states of passages, in MiB; 0 keeps them in memory."
    )
    answer_cache: int = Field(
        256, ge=0, le=65536, description="Answers kept in memory and given again to the very same question; 0 is off."
    )
    warm: bool = Field(True, description="Whether the service computes the states of all passages ahead, when idle.")
    queue: int = Field(16, ge=0, le=1024, description="Askers that may wait for the engine.")
    deadline_s: float = Field(120.0, gt=0, le=3600, description="Longest time for one answer, in seconds.")
    host: str = Field("127.0.0.1", description="Address to bind to.")
    port: int = Field(8000, ge=0, le=65535, description="Port to bind to; 0 takes any free one.")
    api_keys: Names = Field(
        (),
        description="Who may call: comma-separated `role:digest`, role `user` or `admin` (may change documents), "
        "digest from `printf %s KEY | sha256sum`. Empty: reading is open, changing documents is closed.",
    )
    site_keys: Names = Field(
        (), description="Public keys of the widget, each for one origin: comma-separated `pk_name@https://host`."
    )
    cors_origins: Names = Field((), description="Origins whose pages may call without a site key, comma-separated.")
    rate_per_minute: int = Field(
        600, ge=0, le=1_000_000, description="Requests a minute for each key or address; 0 is no limit."
    )
    site_rate_per_minute: int = Field(
        20, ge=0, le=1_000_000, description="Requests a minute for each address that uses a site key; 0 is no limit."
    )
    tokens_per_minute: int = Field(
        100_000,
        ge=0,
        le=1_000_000_000,
        description="Tokens a minute for each key or address, of prompts and answers as `usage` counts them; 0 is no "
        "limit.",
    )
    max_body_kb: int = Field(256, ge=1, le=65536, description="Largest request body except uploads, in KiB.")
    max_question_chars: int = Field(2000, ge=16, le=100_000, description="Longest question, in characters.")
    max_history: int = Field(20, ge=0, le=200, description="Most earlier messages with one question.")
    write_timeout_s: float = Field(
        30.0, gt=0, le=3600, description="How long one reader of a stream may stall before it is cut, in seconds."
    )
    ping_s: float = Field(15.0, gt=0, le=300, description="Silence after which a stream says it is alive, in seconds.")
    drain_s: float = Field(20.0, gt=0, le=600, description="Time open streams get to finish on shutdown, in seconds.")
    log_questions: bool = Field(False, description="Whether logs may hold the texts of questions.")

    @field_validator("api_keys", "site_keys", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(filter(None, (item.strip() for item in value.split(",")))) if isinstance(value, str) else value

    @field_validator("api_keys")
    @classmethod
    def _api_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # Not a ValueError: its message would repeat the value, and somebody may have put the key itself here.
        if not all(API_KEY.fullmatch(item) for item in value):
            raise SettingsError(
                "CAREER_API_KEYS: each is `user:` or `admin:` and the 64 hex digits of `printf %s KEY | sha256sum`."
            )
        return value

    @field_validator("site_keys")
    @classmethod
    def _site_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(SITE_KEY.fullmatch(item) for item in value):
            raise ValueError("Each site key is `pk_name@https://host`")
        return value

    @field_validator("cors_origins")
    @classmethod
    def _cors_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(ORIGIN.fullmatch(item) for item in value):
            raise ValueError("Each origin is `https://host` or `https://host:port`, without path or `*`")
        return value
