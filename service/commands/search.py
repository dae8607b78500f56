"""`career search`: hits with their scores, and what each way of finding them gave."""

import time
from contextlib import ExitStack
from textwrap import indent
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.output import AsJson, clean, load_settings, print_json, say, stdout, waiting

if TYPE_CHECKING:
    from indexes.types import Hit

Query = Annotated[
    str, typer.Argument(help="What to look for, in English or Chinese.", metavar="QUERY", show_default=False)
]
Lang = Annotated[str | None, typer.Option(help="Only documents in this language, such as zh or en.")]


def search(
    query: Query,
    k: Annotated[int, typer.Option("--k", min=1, max=100, help="How many hits.")] = 8,
    lang: Lang = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each leg gave.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the passages found for a query, best first."""
    from indexes.errors import UsageError

    query = clean(query).strip()
    if not query:
        raise UsageError("The query is empty: say what to look for.")
    settings = load_settings()
    with ExitStack() as stack:
        with waiting("Loading the index"):
            from indexes.types import Filters
            from service.runtime import open_runtime

            runtime = stack.enter_context(open_runtime(settings, need_llm=False))
        began = time.perf_counter()
        hits = runtime.retriever.search(query, k, Filters(lang=lang))
        ms = (time.perf_counter() - began) * 1000
        number = runtime.generation.number
    if as_json:
        print_json(result_json(query, number, ms, hits, explain))
    elif not hits:
        say("Nothing found. `career index list` shows what has been ingested.")
    else:
        show(hits, explain)


def result_json(query: str, generation: int, ms: float, hits: "list[Hit]", explain: bool) -> dict[str, Any]:
    """The body of `POST /api/search`."""
    from indexes.text import detect_lang
    from service.serialise import hit_json

    shown = [hit_json(hit, explain) for hit in hits]
    return {"query": query, "lang": detect_lang(query), "generation": generation, "ms": round(ms, 1), "hits": shown}


def show(hits: "list[Hit]", explain: bool) -> None:
    from rich.markup import escape
    from rich.padding import Padding
    from rich.text import Text

    console = stdout()
    for hit in hits:
        where = " › ".join((hit.chunk.document.title, *hit.chunk.heading))
        console.print(f"[bold]{hit.rank}. {escape(where)}[/]  [dim]{hit.score:.3f}[/]", soft_wrap=True)
        if explain:
            legs = [f"{leg.leg} {leg.score:.3f} (rank {leg.rank})" for leg in hit.found_by]
            legs += [] if hit.reranked is None else [f"reranker {hit.reranked:.3f}"]
            console.print(f"   [dim]{escape(', '.join(legs))}[/]", soft_wrap=True)
        text = hit.chunk.text.strip()
        if console.is_terminal:
            console.print(Padding(Text(text), (0, 0, 1, 3)))
        else:
            console.print(Text(indent(text, "   ") + "\n"), soft_wrap=True)
