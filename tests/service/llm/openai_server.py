"""llama.cpp's own OpenAI-compatible server, as anybody would start it, on a free port."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

START_S = 60.0


@contextmanager
def openai_server(model: Path, context_tokens: int) -> Iterator[str]:
    """The address of the API's root; the server ends on leaving."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "llama_cpp.server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", str(model), "--n_ctx", str(context_tokens), "--verbose", "false"]
    command += ["--interrupt_requests", "false"]  # By default a new request cuts the running one.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            base = f"http://127.0.0.1:{port}/v1"
            _wait(process, f"{base}/models")
            yield base
        finally:
            process.kill()


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    begun = time.monotonic()
    while True:
        if process.poll() is not None or time.monotonic() - begun > START_S:
            raise RuntimeError("llama_cpp.server did not start")
        try:
            httpx.get(address, timeout=5).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
