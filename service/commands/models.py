"""`career models`: what is in the model store, fetching it, reading it through for damage."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands.output import (
    AsJson,
    load_settings,
    print_json,
    print_table,
    progress_bar,
    say,
    stdout,
    table,
    waiting,
)

if TYPE_CHECKING:
    from indexes.modelstore import ModelStore
    from service.settings import Settings

Names = Annotated[
    list[str] | None, typer.Argument(help="Store names, hub ids or paths.", show_default=False, metavar="[NAME]…")
]


def create_group() -> typer.Typer:
    group = typer.Typer(help="The model store: list, fetch and check models.", no_args_is_help=True)
    group.command("list")(list_models)
    group.command("pull")(pull)
    group.command("verify")(verify)
    return group


def needed(settings: "Settings") -> list[str]:
    """The models that these settings use, embedder first; a remote or extractive answerer needs none."""
    llm = settings.llm
    local = llm != "extractive" and not llm.startswith(("http://", "https://"))
    return [settings.embedder, llm] if local else [settings.embedder]


def open_store(settings: "Settings") -> "ModelStore":
    from indexes.modelstore import ModelStore

    return ModelStore.from_settings(settings)


def fetch(store: "ModelStore", name: str) -> None:
    """Pull one model with a bar."""
    with progress_bar(name) as progress:
        path = store.pull(name, progress)
    say(f"{name}: {path}")


def list_models(as_json: AsJson = False) -> None:
    """Show the pinned models and whatever else the store holds."""
    store = open_store(load_settings())
    infos = store.list()
    if as_json:
        print_json([asdict(info) | {"path": None if info.path is None else str(info.path)} for info in infos])
        return
    rows = table("model", "for", "size", "state", "licence", "from")
    for info in infos:
        size = f"{info.bytes / 1e9:.2f} GB" if info.bytes else ""
        rows.add_row(info.name, info.job, size, info.state, info.license, info.upstream)
    print_table(rows)
    say(f"Store: {store.root}")


def pull(names: Names = None, every: Annotated[bool, typer.Option("--all", help="All pinned models.")] = False) -> None:
    """Fetch models; without a name, those that the settings use. What an interrupted run finished is kept."""
    settings = load_settings()
    store = open_store(settings)
    for name in names or (list(store.pins) if every else needed(settings)):
        fetch(store, name)


def verify(names: Names = None, as_json: AsJson = False) -> None:
    """Read every byte of models; without a name, of all in the store. Exit code 1: there is damage."""
    store = open_store(load_settings())
    chosen = names or [info.name for info in store.list() if info.state != "missing"]
    found = {}
    for name in chosen:
        with waiting(f"Reading {name}"):
            found[name] = store.verify(name)
    if as_json:
        print_json([{"name": name, "sound": not trouble, "trouble": trouble} for name, trouble in found.items()])
    else:
        for name, trouble in found.items():
            stdout().print(f"{name}: {'; '.join(trouble) or 'sound'}", soft_wrap=True, markup=False)
        for name in (name for name, trouble in found.items() if trouble):
            say(f"Fetch it again: career models pull {name}")
        if not found:
            say("The store is empty: `career models pull` fetches the default models.")
    raise typer.Exit(1 if any(found.values()) else 0)
