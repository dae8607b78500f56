"""A state comes back as it was put or not at all; budgets hold; a file can vanish or rot at any time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.llm.kvstore import KvStore, state_key

TOKENS = st.lists(st.integers(0, 200_000), max_size=6)


def store(folder: Path | None, memory: int = 10_000, disk: int = 10_000) -> KvStore:
    return KvStore(folder, memory_bytes=memory, disk_bytes=disk)


def filled(folder: Path, states: dict[str, bytes], disk: int = 10_000) -> None:
    first = store(folder, disk=disk)
    for key, state in states.items():
        first.put(key, state)
    first.close()


@given(one=st.tuples(TOKENS, TOKENS), two=st.tuples(TOKENS, TOKENS))
def test_keys_are_equal_exactly_when_both_parts_are(
    one: tuple[list[int], list[int]], two: tuple[list[int], list[int]]
) -> None:
    assert (state_key("m", *one) == state_key("m", *two)) == (one == two)
    assert state_key("m", *one) != state_key("n", *one)


def test_another_process_finds_what_was_put(tmp_path: Path) -> None:
    filled(tmp_path / "kv", {"a": b"state of a"})
    again = store(tmp_path / "kv")
    assert again.has("a")
    assert again.get("a") == b"state of a"
    assert again.get("b") is None
    assert (again.stats().hits, again.stats().misses) == (1, 1)
    again.close()


@pytest.mark.parametrize("at", [0, 12, 45, -1])
def test_a_flipped_bit_is_a_state_that_is_not_there(tmp_path: Path, at: int) -> None:
    filled(tmp_path, {"a": b"0123456789"})
    path = tmp_path / "a.kv"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    again = store(tmp_path)
    assert again.get("a") is None
    assert not path.exists()
    assert again.stats().damaged == 1
    again.close()


def test_a_truncated_or_deleted_file_is_a_state_that_is_not_there(tmp_path: Path) -> None:
    filled(tmp_path, {"a": b"0123456789", "b": b"x"})
    (tmp_path / "a.kv").write_bytes(b"")
    (tmp_path / "b.kv").unlink()
    again = store(tmp_path)
    assert [again.get(key) for key in "ab"] == [None, None]
    again.close()


def test_memory_forgets_the_least_recently_used(tmp_path: Path) -> None:
    kept = store(None, memory=30)
    for key in "abc":
        kept.put(key, b"0123456789")
    assert kept.get("a") is not None
    kept.put("d", b"0123456789")
    assert [kept.get(key) is not None for key in "abcd"] == [True, False, True, True]
    assert kept.stats().memory_bytes == 30
    kept.close()


def test_the_disk_keeps_to_its_budget_and_to_what_was_used_last(tmp_path: Path) -> None:
    one = len(b"0123456789") + 42
    filled(tmp_path, {"a": b"0123456789", "b": b"0123456789"})
    for age, key in enumerate("ba"):
        os.utime(tmp_path / f"{key}.kv", (1_000 + age, 1_000 + age))
    filled(tmp_path, {"c": b"0123456789"}, disk=2 * one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.kv", "c.kv"]


def test_a_state_beyond_the_budget_is_not_kept(tmp_path: Path) -> None:
    small = store(tmp_path, memory=5, disk=5)
    small.put("a", b"0123456789")
    small.close()
    assert small.get("a") is None
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    blocked = tmp_path / "kv"
    blocked.write_text("a file where the folder should be", "ascii")
    kept = store(blocked)
    kept.put("a", b"state")
    kept.close()
    assert kept.get("a") == b"state"
    assert blocked.read_text("ascii") == "a file where the folder should be"


def test_what_a_killed_process_left_unfinished_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    with subprocess.Popen(["sleep", "60"]) as other:
        names = {
            f"a.{ended.pid}.tmp": False,
            f"b.{os.getpid()}.tmp": False,  # Of a process before this one with the same number.
            "c.tmp": False,
            "d.99999999999999999999.tmp": False,
            f"e.{other.pid}.tmp": True,
            f"f.{other.pid}.tmp": False,  # A write takes no hour: the number is another's by now.
            "g.kv": True,
        }
        for name in names:
            (tmp_path / name).write_bytes(b"half of a state")
        os.utime(tmp_path / f"f.{other.pid}.tmp", (1_000, 1_000))
        store(tmp_path).close()
        other.kill()
    assert {path.name for path in tmp_path.iterdir()} == {name for name, stays in names.items() if stays}
