"""Every error a caller can meet; each class says what the caller can do, and each message names the cure.

CareerError                   show the message, exit with `exit_code`
├── UsageError            2   the request is wrong: change it
│   └── SettingsError     2   a CAREER_* variable is unknown or out of bounds: correct it
├── MissingError          3   something needed is not here: fetch, install or build it
│   ├── ModelMissing      3   a model is not in the store: `career models pull`
│   ├── IndexMissing      3   no generation has been built: `career ingest`
│   └── ExtraMissing      3   an optional dependency is not installed: the message names the extra
├── DamagedError          3   something is here but broken: fetch or build it again
│   ├── ModelDamaged      3   a model's bytes are not the pinned ones: `career models pull`
│   └── IndexDamaged      3   a generation's bytes are not those of its manifest: `career ingest` or `career index use`
├── EmptyCorpus           3   the given paths hold no readable text: name other paths
├── EngineError           3   the model could not be run; retrieval still works
│   ├── EngineBusy        3   the queue is full: try again after `retry_after_s`
│   └── EngineCrashed     3   the engine's process died; it restarts by itself
├── DeadlineExceeded      3   the time given was not enough: give more
├── AddressInUse          3   the port is taken: name another
└── LockHeld             75   another writer is at work: wait for it
"""


class CareerError(Exception):
    """Base of all errors that are shown to a person; the message names the cure."""

    exit_code = 3


class UsageError(CareerError):
    exit_code = 2


class SettingsError(UsageError):
    pass


class MissingError(CareerError):
    pass


class ModelMissing(MissingError):
    pass


class IndexMissing(MissingError):
    pass


class ExtraMissing(MissingError):
    pass


class DamagedError(CareerError):
    pass


class ModelDamaged(DamagedError):
    pass


class IndexDamaged(DamagedError):
    pass


class EmptyCorpus(CareerError):
    pass


class EngineError(CareerError):
    pass


class EngineBusy(EngineError):
    """The queue is full."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineCrashed(EngineError):
    pass


class DeadlineExceeded(CareerError):
    pass


class AddressInUse(CareerError):
    pass


class LockHeld(CareerError):
    exit_code = 75
