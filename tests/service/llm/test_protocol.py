"""Every message survives the way through the pipe; what is no message is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.errors import DeadlineExceeded, EngineError, ModelDamaged
from service.llm import protocol as p
from service.llm.core import Cancelled, EngineInfo, Failed, Started
from service.llm.types import Done, GenerateOptions, Leaning, Prompt, Text
from service.types import Message, Role, Usage

TEXT = st.text(max_size=20)
PROMPTS = st.builds(
    Prompt,
    system=TEXT,
    passages=st.lists(TEXT, max_size=3).map(tuple),
    request=TEXT,
    history=st.lists(st.builds(Message, role=st.sampled_from(Role), content=TEXT), max_size=2).map(tuple),
)
OPTIONS = st.builds(
    GenerateOptions,
    max_tokens=st.integers(1, 9),
    temperature=st.floats(0, 2),
    stop=st.lists(TEXT, max_size=2).map(tuple),
    deadline_s=st.none() | st.floats(0, 100),
    watch=TEXT,
    sample_logits=st.integers(0, 9),
    tell_values=st.booleans(),
)


@given(number=st.integers(0, 2**40), prompt=PROMPTS, options=OPTIONS)
def test_requests_arrive_as_they_were_sent(number: int, prompt: Prompt, options: GenerateOptions) -> None:
    for message in (
        p.Generate(number, prompt, options),
        p.Warm(number, (prompt, prompt)),
        p.Count(number, ("a\n", "词")),
    ):
        line = p.encode(message)
        assert line.count(b"\n") == 1
        assert p.decode_to_child(line) == message


@pytest.mark.parametrize(
    "progress",
    [
        *(Started(), Leaning(-2.5), Leaning(-0.5, (1.25, -3.0)), Leaning(-0.5, (), (0.5,))),
        *(Text("半个\n字 \ud800"), Done("length", Usage(3, 2, 1)), Cancelled()),
    ],
)
def test_progress_arrives_as_it_was_sent(progress: Started | Leaning | Text | Done | Cancelled) -> None:
    assert p.decode_from_child(p.encode(p.Reported(4, progress))) == p.Reported(4, progress)


def test_other_messages_arrive_as_they_were_sent() -> None:
    assert p.decode_to_child(p.encode(p.Load("m:f", {"path": "/词"}))) == p.Load("m:f", {"path": "/词"})
    assert p.decode_to_child(p.encode(p.Cancel(3))) == p.Cancel(3)
    for asked in (p.AskStats(3), p.Ping(4)):
        assert p.decode_to_child(p.encode(asked)) == asked
    for message in (p.Loaded(EngineInfo("m", 10, 2)), p.Counted(1, (3, 4)), p.StatsTold(1, {"a": 1}), p.Pong(2, 0.5)):
        assert p.decode_from_child(p.encode(message)) == message


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ModelDamaged("cut"), ModelDamaged), (EngineError("x"), EngineError), (DeadlineExceeded("y"), EngineError)],
)
def test_errors_keep_their_message_and_what_a_caller_can_do(error: EngineError, kind: type[EngineError]) -> None:
    told = p.decode_from_child(p.encode(p.NotLoaded(error)))
    failed = p.decode_from_child(p.encode(p.Reported(1, Failed(error))))
    assert isinstance(told, p.NotLoaded)
    assert isinstance(failed, p.Reported)
    assert isinstance(failed.progress, Failed)
    for arrived in (told.error, failed.progress.error):
        assert (type(arrived), str(arrived)) == (kind, str(error))


@pytest.mark.parametrize(
    "line",
    [b"", b"GGML_ASSERT\n", b"[]\n", b'{"is":"Rm"}\n', b'{"is":"Cancel"}\n', b'{"is":"Load","x":1}\n', b"\xff\n"],
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(EngineError, match="Not a message"):
        p.decode_to_child(line)
