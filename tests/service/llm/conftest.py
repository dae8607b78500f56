"""The engine of these tests shares its cores with whatever else runs: its threads sleep while they wait."""

import os


def pytest_configure() -> None:
    # Read by OpenMP when llama.cpp is first loaded; service/llm/process.py says why.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
