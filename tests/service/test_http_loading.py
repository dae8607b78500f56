"""What cannot be loaded is said, whatever it is: to wait for it would help nobody."""

import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import service.app
from service.app import create_app
from service.settings import Settings


def test_a_bug_while_loading_is_not_loading_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Settings) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(service.app, "open_runtime", broken)
    with TestClient(create_app(Settings(home=tmp_path))) as client:
        begun = time.monotonic()
        while (reply := client.get("/readyz")).json()["type"].endswith(":loading"):
            assert time.monotonic() - begun < 5.0
            time.sleep(0.01)
        assert reply.status_code == 503
        assert reply.json()["detail"] == (
            "The service could not be loaded (ZeroDivisionError('division by zero')); the log says where."
        )
        assert client.get("/livez").status_code == 200
