"""Settings come from CAREER_* variables, are read once at the edge and passed on as one frozen value."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, Self

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from indexes.errors import SettingsError

PREFIX = "CAREER_"


def checkout_root() -> Path | None:
    """The folder of the source checkout this package runs from, or None when it is installed."""
    root = Path(__file__).resolve().parent.parent
    return root if (root / "pyproject.toml").is_file() and (root / "seeds").is_dir() else None


def default_home() -> Path:
    root = checkout_root()
    return root / "indexes" / "built" if root else Path(platformdirs.user_data_dir("career-rag"))


def default_models_dir() -> Path:
    """Large and immutable: checkouts share one folder in the user's cache, unless CAREER_HOME moves everything."""
    if home := os.environ.get("CAREER_HOME"):
        return Path(home) / "models"
    return Path(platformdirs.user_cache_dir("career-rag")) / "models"


class IndexSettings(BaseSettings):
    """What building and searching an index needs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True)

    home: Path = Field(default_factory=default_home, description="Folder of everything that is built.")
    models_dir: Path = Field(default_factory=default_models_dir, description="Folder of the model store.")
    embedder: str = Field("embeddinggemma-300m", description="Embedding model: store name, local path or hub id.")
    reranker: str = Field(
        "", description="Cross-encoder that reorders the best passages: local path or hub id; empty is none."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where the embedder and FAISS run.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="Number format of the embedder; auto takes bfloat16 where the machine has it."
    )
    threads: int = Field(0, ge=0, le=256, description="Threads of the native libraries; 0 is one for each core.")
    chunk_chars: int = Field(450, ge=100, le=4000, description="Target length of a passage, in characters.")
    index_memory_mb: int = Field(
        1536, ge=1, le=1048576, description="Memory for the index of vectors, in MiB; a larger one holds smaller codes."
    )
    max_file_mb: int = Field(32, ge=1, le=1024, description="Larger files are skipped with a reason, in MiB.")
    clean: bool = Field(True, description="Whether boilerplate lines are dropped.")

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment.

        Raises:
            SettingsError: a CAREER_* variable is unknown or its value is out of bounds; the message names it.
        """
        refuse_unknown(os.environ if environ is None else environ, frozenset(cls.model_fields))
        try:
            return cls()
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None


def refuse_unknown(environ: Mapping[str, str], fields: frozenset[str]) -> None:
    """pydantic-settings ignores a misspelt variable even with `extra="forbid"`; we do not."""
    known = {PREFIX + name.upper() for name in fields}
    for name in sorted(environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            hint = f" Did you mean {near[0]}?" if near else " `career doctor` lists them."
            raise SettingsError(f"Unknown setting {name}.{hint}")


def _explain(error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        name = PREFIX + str(item["loc"][0]).upper()
        lines.append(f"{name}={item['input']!s}: {item['msg'][0].lower()}{item['msg'][1:]}.")
    return " ".join(lines)
