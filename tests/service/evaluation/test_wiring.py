"""What a run says of itself: settings without secrets, models by their bytes, a folder of its own."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.evaluation.cli import app
from service.evaluation.dataset import Dataset
from service.evaluation.tables import _duration
from service.evaluation.wiring import SHAPING, Plan, commit, default_folder, measured_settings, model_digest
from service.settings import Settings


def test_machine_and_secrets_do_not_make_a_build() -> None:
    values = measured_settings(Settings.load({}))
    assert values.keys() == set(SHAPING)
    assert not [name for name in values if name.endswith(("key", "keys", "token", "secret"))]


def test_a_local_model_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    assert model_digest(str(path)) == hashlib.sha256(b"weights").hexdigest()
    assert model_digest("http://localhost/v1") is None
    pinned = model_digest("embeddinggemma-300m")
    assert pinned is not None
    assert len(pinned) == 64


def test_each_part_and_build_has_a_folder_of_its_own(tmp_path: Path) -> None:
    data = Dataset("career", "0" * 64, (), ())
    plans = [Plan(Path("x")), Plan(Path("x"), limit=3), Plan(Path("x"), shard="1/2"), Plan(Path("x"), split="dev")]
    folders = {default_folder(tmp_path, data, {"model": model}, plan) for plan in plans for model in ("a", "b")}
    assert len(folders) == 8
    assert all(folder.parent == tmp_path / "runs" and folder.name.startswith("career-") for folder in folders)


def test_the_commit_is_named() -> None:
    assert commit().rstrip("+")


@pytest.mark.parametrize(("seconds", "text"), [(5.4, "5 s"), (65, "1 min 5 s"), (3700, "1 h 1 min")])
def test_durations(seconds: float, text: str) -> None:
    assert _duration(seconds) == text


def test_help_is_free_of_heavy_imports() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    for command in ("run", "report", "compare", "gate", "export", "retrieval", "judge"):
        assert f" {command} " in result.stdout


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    from indexes.errors import UsageError

    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "is not a run folder" in str(result.exception)
    (tmp_path / "config.json").write_text(json.dumps({}))
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert "has no questions.jsonl" in str(result.exception)
