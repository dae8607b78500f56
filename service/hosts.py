"""Which names a service without keys answers to while it listens on this machine alone.

Any page can have its own name resolve to 127.0.0.1 once it is loaded (DNS rebinding); the browser then takes a service
at home for the page's own origin and lets it read everything. What such a request cannot hide is the page's name in
`Host`. Addresses are no names: nobody can have one of them mean another.
"""

import ipaddress
from urllib.parse import urlsplit

from service.access import origins
from service.problems import Problem
from service.settings import Settings

LOCALHOST = "localhost"


class Hosts:
    """Names that may stand in `Host`: all where keys are asked for, or where others are meant to reach the service."""

    def __init__(self, settings: Settings) -> None:
        self._any = bool(settings.api_keys) or not is_loopback(settings.host)
        self._names = {LOCALHOST, settings.host, *(_name_of(origin) for origin in origins(settings))}

    def check(self, host: str, reached_at: str) -> None:
        """`reached_at` is where the connection came in, which is as good a name as any.

        Raises:
            Problem: 421, the request was meant for somebody else.
        """
        if self._any or not host:
            return
        name = _name_of(f"//{host}")
        if name in self._names or name == reached_at or name.endswith(f".{LOCALHOST}") or _is_address(name):
            return
        detail = "This service has no keys and answers only to its own names: add the origin to CAREER_CORS_ORIGINS."
        raise Problem(421, detail, "host_refused")


def is_loopback(host: str) -> bool:
    """Whether only this machine can come to an address."""
    return host == LOCALHOST or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _name_of(url: str) -> str:
    """The host of an address, in lower case, without its port; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
