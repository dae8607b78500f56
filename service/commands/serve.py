"""`career serve` and `career up`: take the port first, see that all is there, then serve until Ctrl-C."""

import errno
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from service.commands import models
from service.commands.ingest import build_index, default_seeds, summary
from service.commands.output import load_settings, say

if TYPE_CHECKING:
    from service.settings import Settings

Host = Annotated[str | None, typer.Option(help="Address to bind to; by default CAREER_HOST, 127.0.0.1.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="By default CAREER_PORT, 8000; 0 takes a free one.")]


def serve(host: Host = None, port: Port = None) -> None:
    """Serve HTTP with the models and the index that are here."""
    settings = at_address(load_settings(), host, port)
    with bind(settings.host, settings.port) as listener:
        require_ready(settings)
        run_server(settings, listener)


def up(host: Host = None, port: Port = None) -> None:
    """Fetch models, ingest if there is no index, and serve.

    Does what is still to be done for a first answer: the models of the settings, the career corpus, the service.
    """
    settings = at_address(load_settings(), host, port)
    with bind(settings.host, settings.port) as listener:
        fetch_missing(settings)
        ingest_if_empty(settings)
        require_ready(settings)
        run_server(settings, listener)


def at_address(settings: "Settings", host: str | None, port: int | None) -> "Settings":
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update=given)


def bind(host: str, port: int) -> socket.socket:
    """Take the address now, before minutes are spent on models; who connects early waits.

    Raises:
        AddressInUse: somebody else has it; UsageError: it is no address we may have.
    """
    from indexes.errors import AddressInUse, UsageError

    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise UsageError(f"{host} is not an address: {error.strerror}. 127.0.0.1 is this machine alone.") from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        cure = "name another with `--port N` or `make up PORT=N`; `--port 0` takes a free one."
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(f"Port {port} of {host} is in use: {cure}") from None
        raise UsageError(f"Port {port} of {host} cannot be had ({error.strerror}): {cure}") from None
    return listener


def fetch_missing(settings: "Settings") -> None:
    from indexes.errors import DamagedError, MissingError

    store = models.open_store(settings)
    for name in models.needed(settings):
        try:
            store.resolve(name)
        except (MissingError, DamagedError):
            models.fetch(store, name)


def ingest_if_empty(settings: "Settings") -> None:
    from indexes.errors import IndexMissing
    from indexes.generations import current_number

    try:
        current_number(settings.home)
    except IndexMissing:
        seeds = default_seeds()
        say(f"There is no index yet: ingesting {seeds}.")
        say("\n".join(summary(build_index(settings, [seeds]), dry_run=False)))


def require_ready(settings: "Settings") -> None:
    """What serving cannot do without: the embedder and a sound generation. Without an answerer it quotes.

    Raises:
        MissingError, DamagedError: with the cure.
    """
    from indexes.generation import Generation

    models.open_store(settings).resolve(settings.embedder)
    Generation.current(settings.home).close()


def run_server(settings: "Settings", listener: socket.socket) -> None:
    from service import serving
    from service.app import create_app
    from service.logs import configure_logging

    configure_logging()
    app = create_app(settings)
    typer.echo(f"Career RAG: {address_of(listener)}")
    say("The models load in a few seconds; Ctrl-C stops.")
    try:
        serving.serve(app, settings, listener)
    except KeyboardInterrupt:
        say("Stopped.")


def address_of(listener: socket.socket) -> str:
    """An address a browser on this machine can open."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
