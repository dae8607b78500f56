"""A thread that waits often gets its turn soon beside threads that compute; what the caller has set shorter stays."""

import sys
from collections.abc import Iterator

import pytest

from service.app import create_app
from service.settings import Settings
from service.turns import take_short_turns


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize(("before", "after"), [(0.005, 0.0005), (0.0001, 0.0001)])
def test_turns_are_never_made_longer(before: float, after: float) -> None:
    sys.setswitchinterval(before)
    take_short_turns()
    assert sys.getswitchinterval() == pytest.approx(after, rel=0.05)  # whole microseconds, cut off


def test_a_service_takes_them() -> None:
    sys.setswitchinterval(0.005)
    create_app(Settings(llm="extractive"))
    assert sys.getswitchinterval() == pytest.approx(0.0005, rel=0.05)
