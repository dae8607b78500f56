"""LangChain's and LlamaIndex's OpenAI clients, unmodified, each ask a question, in whole and streamed.

They pin another `openai` than the tests use, so they run in an environment of their own: `make test` makes it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings
from tests.service.http_fakes import fake_runtime
from tests.service.http_server import serving

PYTHON = Path(sys.prefix) / "clients" / "bin" / "python"
QUESTION = "vector databases and model deployment"
LANGCHAIN = """
import json, sys
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
base, question = sys.argv[1:]
chat = ChatOpenAI(model="career", base_url=base, api_key="unused", max_retries=0)
whole = chat.invoke([("system", "Be brief."), ("human", question)])
chunks = list(chat.stream(question))
vectors = OpenAIEmbeddings(model="career", base_url=base, api_key="unused", check_embedding_ctx_length=False)
print(json.dumps({
    "whole": whole.text, "streamed": "".join(chunk.text for chunk in chunks),
    "finish": whole.response_metadata["finish_reason"], "tokens": whole.usage_metadata["total_tokens"],
    "batch": [reply.text for reply in chat.batch([question, question])],
    "dimension": len(vectors.embed_query("x")), "rows": len(vectors.embed_documents(["a", "b"])),
}))
"""
LLAMAINDEX = """
import asyncio, json, sys
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai_like import OpenAILike
base, question = sys.argv[1:]
llm = OpenAILike(model="career", api_base=base, api_key="unused", is_chat_model=True, max_retries=0)
messages = [ChatMessage(role="system", content="Be brief."), ChatMessage(role="user", content=question)]
whole = llm.chat(messages)
print(json.dumps({
    "whole": whole.message.content, "streamed": "".join(part.delta for part in llm.stream_chat(messages)),
    "completed": llm.complete(question).text, "async": asyncio.run(llm.achat(messages)).message.content,
}))
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not PYTHON.exists():
        pytest.skip(
            f"no clients in {PYTHON.parents[1]}: `make test` puts them there, "
            "or `python -m venv .venv/clients && .venv/clients/bin/pip install --group clients`"
        )
    with serving(create_app(fake_runtime(Settings(home=tmp_path_factory.mktemp("home"))))) as address:
        yield address


def said(script: str, address: str) -> Any:
    ran = subprocess.run(
        [PYTHON, "-c", script, f"{address}/v1", QUESTION], capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_langchain(address: str) -> None:
    reply = said(LANGCHAIN, address)
    assert reply["whole"].startswith("Then learn model deployment and vector databases. [1]")
    assert reply["streamed"] == reply["whole"]
    assert reply["batch"] == [reply["whole"]] * 2
    assert (reply["finish"], reply["tokens"], reply["dimension"], reply["rows"]) == ("stop", 120, 64, 2)


def test_llamaindex(address: str) -> None:
    reply = said(LLAMAINDEX, address)
    assert reply["whole"].startswith("Then learn model deployment and vector databases. [1]")
    assert reply["streamed"] == reply["completed"] == reply["async"] == reply["whole"]
