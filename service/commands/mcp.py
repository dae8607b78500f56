"""`career mcp`: the tools on stdin and stdout, for an assistant that starts its own tools."""

from typing import TYPE_CHECKING

from service.commands.output import load_settings
from service.commands.serve import require_ready

if TYPE_CHECKING:
    from service.settings import Settings


def mcp() -> None:
    """Offer search, fetch and ask to an assistant, by MCP.

    Speaks on stdin and stdout, for assistants that start their tools; `career serve` offers the same at /mcp.
    """
    from service.logs import configure_logging
    from service.mcp_server import require_sdk

    require_sdk()
    settings = load_settings()
    require_ready(settings)
    configure_logging()
    run_stdio(settings)


def run_stdio(settings: "Settings") -> None:
    """The models load while the assistant already learns which tools there are; a call waits for them."""
    import asyncio
    import os
    from contextlib import ExitStack

    from service.asks import Asks
    from service.mcp_server import serve_stdio
    from service.mcp_tools import Desk
    from service.metrics import create_metrics
    from service.runtime import Runtime, open_runtime
    from service.telemetry import telemetry_from

    async def main() -> None:
        with ExitStack() as stack:
            loading = asyncio.ensure_future(asyncio.to_thread(stack.enter_context, open_runtime(settings)))

            async def runtime() -> Runtime:
                return await asyncio.shield(loading)

            asks = Asks(settings.queue + 1, create_metrics(), telemetry_from(os.environ))
            try:
                await serve_stdio(Desk(settings, asks, runtime))
            finally:
                await asyncio.wait({loading})
                asks.close()

    asyncio.run(main())
