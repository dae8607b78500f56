"""Native libraries whose idle threads sleep: spinning at barriers starves whoever else needs the cores."""

import importlib
import os
import sys
from types import ModuleType


def import_sleeping(name: str) -> ModuleType:
    """Import a library of OpenMP threads with threads that sleep at barriers.

    They spin by default, and on a machine whose cores another process wants (the answering engine) each barrier then
    waits out a time slice: 2 passages a second embedded instead of 11, a search in 37 ms instead of 16, measured on 2
    cores under load. The variable is read when the library is loaded, and taken back at once, because llama.cpp's
    process is faster with threads that spin.
    """
    variable = "OMP_WAIT_POLICY"
    if variable in os.environ or name in sys.modules:
        return importlib.import_module(name)
    os.environ[variable] = "PASSIVE"
    try:
        return importlib.import_module(name)
    finally:
        del os.environ[variable]
