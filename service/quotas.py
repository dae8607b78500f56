"""What an account has left of a minute, in the headers that clients read: OpenAI's and those of the IETF's draft.

OpenAI: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, times as `1m30.5s`. IETF: `RateLimit-Policy` (what is
granted) and `RateLimit` (what is left), https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_S = 60
EXPOSED = ("RateLimit", "RateLimit-Policy")
"""What a page of another origin may read of it."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Of `limit` a minute, `left` may be had now, and all again in `reset_s`."""

    limit: int
    left: int
    reset_s: float


def quota_headers(quotas: Mapping[str, Quota]) -> dict[str, str]:
    """Headers for quotas by what they count, as `requests`; none where nothing is limited."""
    if not quotas:
        return {}
    policy = (f'"{name}";q={quota.limit};w={WINDOW_S}' for name, quota in quotas.items())
    left = (f'"{name}";r={quota.left};t={math.ceil(quota.reset_s)}' for name, quota in quotas.items())
    headers = {"RateLimit-Policy": ", ".join(policy), "RateLimit": ", ".join(left)}
    for name, quota in quotas.items():
        headers[f"x-ratelimit-limit-{name}"] = str(quota.limit)
        headers[f"x-ratelimit-remaining-{name}"] = str(quota.left)
        headers[f"x-ratelimit-reset-{name}"] = _duration(quota.reset_s)
    return headers


def _duration(seconds: float) -> str:
    """As OpenAI writes it: `0s`, `1.5s`, `1m0s`."""
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
