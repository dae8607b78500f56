"""Who may call what, and how often: API keys by digest, site keys by origin, token buckets by key and address."""

import hashlib
import hmac
import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from service.problems import Problem, retry_after
from service.quotas import Quota
from service.settings import Settings

ALWAYS_OPEN = ("/livez", "/readyz", "/healthz")
SITE_ROUTES = (
    ("POST", "/api/ask"),
    ("POST", "/api/search"),
    ("POST", "/api/feedback"),
    ("GET", "/api/documents"),
    ("GET", "/api/documents/"),
)
WIDGET = "/widget/"
ANYONE = "anyone"
LOCAL = "local"
"""Stands for the address of a caller who has none."""
KEY = "key-"
SHARE = 0.5
"""Of the places for answers, what one account may take where others may come too."""


class Right(IntEnum):
    """What a route needs; a caller who has one has those below it too."""

    NOTHING = 0
    SITE = 1
    USER = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """`name` is fit for logs: never a key, at most the first digits of its digest. `account` is who is counted."""

    right: Right
    name: str
    account: str = ""


def needed(method: str, path: str) -> Right:
    """The right that a route needs once keys are set; what is not listed here needs a user's."""
    if path in ALWAYS_OPEN or path.startswith(WIDGET):
        return Right.NOTHING
    if path.startswith("/api/jobs") or (path.startswith("/api/documents") and method in {"POST", "PUT", "DELETE"}):
        return Right.ADMIN
    site = any(method == verb and (path == route or _below(path, route)) for verb, route in SITE_ROUTES)
    return Right.SITE if site else Right.USER


def _below(path: str, route: str) -> bool:
    return route.endswith("/") and path.startswith(route)


class Access:
    """Decides on one request from its headers, and how much of the service one account may have."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = tuple((Right[role.upper()], digest) for role, _, digest in map(_partition, settings.api_keys))
        self._sites = frozenset(_site(item) for item in settings.site_keys)
        self._buckets = Buckets(settings.rate_per_minute, clock)
        self._site_buckets = Buckets(settings.site_rate_per_minute, clock)

    def caller(self, method: str, path: str, headers: Mapping[str, str], address: str) -> Caller:
        """Who calls; without an account where nothing is needed, and nothing counted.

        Raises:
            Problem: 401 or 403, the route is not for this caller.
        """
        need = needed(method, path)
        if need is Right.NOTHING:
            return Caller(Right.NOTHING, ANYONE)
        caller = self._identify(headers)
        if caller.right < need:
            raise self._refuse(caller, need)
        # An API key is one caller wherever it comes from; a site key is public, so each address counts for itself.
        account = caller.name if caller.name.startswith(KEY) else f"{caller.name} {address}"
        return replace(caller, account=account)

    def count(self, caller: Caller) -> None:
        """Count a request.

        Raises:
            Problem: 429, the account has had its requests of this minute.
        """
        wait_s = self._requests(caller).take(caller.account) if caller.account else 0.0
        if wait_s > 0:
            headers = retry_after(wait_s + 0.5)
            raise Problem(429, "Too many requests: wait and try again.", "rate_limited", headers=headers)

    def quota(self, caller: Caller) -> Quota | None:
        """The caller's requests, if they are limited."""
        return self._requests(caller).quota(caller.account) if caller.account else None

    def share(self, account: str) -> float:
        """Of the places for answers, what an account may take: not all, unless nobody else can come."""
        name, _, address = account.partition(" ")
        if name.startswith(KEY):
            return SHARE if len(self._keys) > 1 or self._sites else 1.0
        return 1.0 if not name or (name == ANYONE and _is_here(address)) else SHARE

    def _requests(self, caller: Caller) -> "Buckets":
        return self._site_buckets if caller.right is Right.SITE else self._buckets

    def _identify(self, headers: Mapping[str, str]) -> Caller:
        token = headers.get("authorization", "").removeprefix("Bearer ").strip() or headers.get("x-api-key", "")
        site_key = headers.get("x-site-key", "")
        if token and self._keys:
            return self._of_key(token)
        if site_key and self._sites:
            if (site_key, headers.get("origin", "")) in self._sites:
                return Caller(Right.SITE, site_key)
            raise Problem(403, "This site key is not valid for this origin: see CAREER_SITE_KEYS.", "site_key_refused")
        return Caller(Right.NOTHING if self._keys else Right.USER, ANYONE)

    def _of_key(self, token: str) -> Caller:
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        found = [right for right, known in self._keys if hmac.compare_digest(known, digest)]
        if not found:
            raise Problem(401, "This API key is not known.", "invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
        return Caller(max(found), f"{KEY}{digest[:8]}")

    def _refuse(self, caller: Caller, need: Right) -> Problem:
        if need is Right.ADMIN and not self._keys:
            return Problem(403, "Changing documents needs an admin key: set CAREER_API_KEYS.", "admin_closed")
        if caller.right is Right.NOTHING:
            detail = "An API key is needed: send it as `Authorization: Bearer KEY`."
            return Problem(401, detail, "api_key_missing", headers={"WWW-Authenticate": "Bearer"})
        return Problem(403, "This key may not do that.", "forbidden")


class Buckets:
    """Token buckets that hold a minute's worth, at most `most` of them, oldest forgotten first; 0 is no limit.

    For any number of threads.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float], most: int = 10_000) -> None:
        self._per_s = per_minute / 60
        self._size = float(per_minute)
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one; 0 when there was one, else the seconds until there will be."""
        wait_s = self.wait(name, 1)
        self.spend(name, 0 if wait_s else 1)
        return wait_s

    def wait(self, name: str, amount: float) -> float:
        """Seconds until `amount` is there; 0 when it is."""
        if self._size == 0:
            return 0.0
        return max(0.0, amount - self._level(name)) / self._per_s

    def spend(self, name: str, amount: float) -> None:
        """Take `amount`, there or not: what is owed fills up first."""
        if self._size == 0:
            return
        with self._lock:
            level = self._level(name) - amount
            self._levels.pop(name, None)
            self._levels[name] = (level, self._clock())
            if len(self._levels) > self._most:
                self._levels.popitem(last=False)

    def quota(self, name: str) -> Quota | None:
        """What is left; None without a limit."""
        if self._size == 0:
            return None
        level = self._level(name)
        return Quota(int(self._size), max(0, int(level)), (self._size - level) / self._per_s)

    def _level(self, name: str) -> float:
        level, then = self._levels.get(name, (self._size, 0.0))
        return min(self._size, level + (self._clock() - then) * self._per_s)


def origins(settings: Settings) -> list[str]:
    """Origins whose pages may read our responses."""
    return sorted({*settings.cors_origins, *(origin for _, origin in map(_site, settings.site_keys))})


def _is_here(address: str) -> bool:
    """Whether a caller is on this machine, as far as can be told; a socket without addresses is of this machine."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == LOCAL


def _partition(item: str) -> tuple[str, str, str]:
    return item.partition(":")


def _site(item: str) -> tuple[str, str]:
    key, _, origin = item.partition("@")
    return key, origin
