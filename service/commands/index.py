"""`career index`: the generations on disk, their soundness, going back to one, removing old ones."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.commands.output import AsJson, load_settings, print_json, print_table, progress_bar, say, stdout, table

if TYPE_CHECKING:
    from indexes.generations import GenerationInfo

Number = Annotated[int, typer.Argument(min=1, help="As `career index list` shows it.", metavar="N", show_default=False)]


def create_group() -> typer.Typer:
    group = typer.Typer(help="The generations of the index: list, check, switch, prune, warm.", no_args_is_help=True)
    group.command("list")(list_index)
    group.command("verify")(verify)
    group.command("use")(use)
    group.command("prune")(prune)
    group.command("warm")(warm)
    return group


def list_index(as_json: AsJson = False) -> None:
    """Show all generations, oldest first."""
    from indexes.generations import list_generations

    home = load_settings().home
    infos = list_generations(home)
    if as_json:
        print_json([describe(info) for info in infos])
    elif not infos:
        say(f"Nothing has been built in {home} yet. Run `career ingest`.")
    else:
        rows = table("", "generation", "built", "documents", "chunks", "embedder", "vectors")
        for info in infos:
            rows.add_row("→" if info.current else "", str(info.number), *_columns(info))
        print_table(rows)


def _columns(info: "GenerationInfo") -> list[str]:
    manifest = info.manifest
    if manifest is None:
        return ["damaged", "", "", "", ""]
    counts = [str(manifest.counts["documents"]), str(manifest.counts["chunks"])]
    return [manifest.created, *counts, manifest.meta.embedder, manifest.vectors["kind"]]


def describe(info: "GenerationInfo") -> dict[str, Any]:
    manifest = None if info.manifest is None else asdict(info.manifest)
    return {"number": info.number, "path": str(info.path), "current": info.current, "manifest": manifest}


def verify(as_json: AsJson = False) -> None:
    """Compare every byte of every generation with its manifest. Exit code 1: there is damage."""
    from indexes.errors import IndexMissing
    from indexes.generations import list_generations
    from indexes.generations import verify as verify_generation

    home = load_settings().home
    found = {info.number: verify_generation(info.path) for info in list_generations(home)}
    if not found:
        raise IndexMissing(f"Nothing has been built in {home} yet. Run `career ingest`.")
    if as_json:
        print_json([{"generation": n, "sound": not trouble, "trouble": trouble} for n, trouble in found.items()])
    else:
        for number, trouble in found.items():
            stdout().print(f"generation {number}: {' '.join(trouble) or 'sound'}", soft_wrap=True, markup=False)
    raise typer.Exit(1 if any(found.values()) else 0)


def use(number: Number) -> None:
    """Let another generation serve; what runs already sees it with its next reload."""
    from indexes.generations import use as use_generation

    use_generation(load_settings().home, number)
    say(f"Generation {number} serves now.")


def prune(keep: Annotated[int, typer.Option(min=1, help="How many generations stay.")] = 2) -> None:
    """Remove old generations; the one that serves always stays."""
    from indexes.generations import prune as prune_generations

    gone = prune_generations(load_settings().home, keep)
    say(f"Removed: {', '.join(map(str, gone)) or 'nothing'}.")


def warm(
    english: Annotated[
        bool, typer.Option("--english", help="Also translate every row, for English answers on Chinese text (slow).")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="With --english: file to write all translations to, as the package ships them.")
    ] = None,
) -> None:
    """Compute the states of all passages ahead: first words then come at once. Safe to cut off and run again."""
    from service.runtime import open_runtime
    from service.translations import save_translations
    from service.warming import read_words, translate, translations
    from service.warming import warm as warm_all

    with open_runtime(load_settings()) as runtime:
        read_words(runtime)
        count = warm_all(runtime)
        say(f"The states of {count} passages are computed." if count else "The engine keeps no states: nothing to do.")
        if english:
            with progress_bar("translating", "rows") as progress:
                rows = translate(runtime, progress)
            say(f"{rows} rows are translated.")
        if export is not None and runtime.llm is not None:
            texts = translations(runtime)
            save_translations(texts, runtime.llm.name, export)
            say(f"{len(texts)} translations are in {export}.")
