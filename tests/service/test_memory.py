"""Memory behind holes goes back to the system; elsewhere than on glibc nothing is promised."""

import ctypes
import gc
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from service.memory import _of_glibc, keep_to_few_arenas, trim

MIB = 2**20


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps freed memory behind what is in use")
def test_memory_behind_holes_goes_back() -> None:
    blocks = [bytes(2000) for _ in range(32 * MIB // 2000)]
    pins = blocks[::500]  # one in a megabyte stays, so that no arena can shrink from its end
    blocks.clear()
    before = _resident()
    assert trim()
    assert before - _resident() > 24 * MIB
    assert all(pin == bytes(2000) for pin in pins)


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    _of_glibc.cache_clear()
    try:
        assert trim() is False
        assert keep_to_few_arenas() is False
    finally:
        _of_glibc.cache_clear()


def test_trimming_leaves_nothing_for_the_collector() -> None:
    trim()
    gc.collect()
    gc.disable()  # Each CDLL is a class that only the collector takes away.
    try:
        before = len(ctypes._CFuncPtr.__subclasses__())
        for _ in range(5):
            trim()
        assert len(ctypes._CFuncPtr.__subclasses__()) == before
    finally:
        gc.enable()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_two_arenas() -> None:
    script = """
import threading
from service.memory import keep_to_few_arenas
assert keep_to_few_arenas()
held, filled, leave = [], threading.Barrier(13), threading.Event()
def fill():
    held.append([bytes(700 + i % 50) for i in range(200)])
    filled.wait()
    leave.wait()
threads = [threading.Thread(target=fill) for _ in range(12)]
for thread in threads:
    thread.start()
filled.wait()
import ctypes
libc = ctypes.CDLL(None)
libc.malloc_stats()
leave.set()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert 1 <= done.stderr.count("Arena ") <= 2


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
