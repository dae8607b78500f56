"""The README cannot rot: settings, commands and figures' commands are those of the code."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import create_cli
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_in_the_table_with_its_description(name: str) -> None:
    row = next((line for line in README.splitlines() if line.startswith(f"| `CAREER_{name.upper()}` |")), "")
    assert (Settings.model_fields[name].description or "-") in row.replace("\\|", "|")


def test_every_setting_named_exists() -> None:
    named = set(re.findall(r"CAREER_([A-Z_]+[A-Z])", README))
    assert named <= {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("command", ["up", "ingest", "search", "ask", "chat", "eval", "models", "index", "doctor"])
def test_every_command_named_exists(command: str) -> None:
    assert f"`career {command}" in README
    assert CliRunner().invoke(create_cli(), [command, "--help"]).exit_code == 0


def test_files_named_in_the_readme_exist() -> None:
    named = re.findall(r"(?:service|tests|indexes|ingest|seeds)/[\w/.-]+\w", README)
    paths = [path for path in named if not path.startswith("indexes/built")]  # made by running, in no fresh checkout
    assert len(paths) > 5
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_changelog_opens_with_this_version() -> None:
    from service import __version__

    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert first is not None
    assert first[1] == __version__
