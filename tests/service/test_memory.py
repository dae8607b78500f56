"""Memory behind holes goes back to the system; elsewhere than on glibc nothing is promised."""

import platform
from pathlib import Path

import pytest

from service.memory import trim

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
    assert trim() is False


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
