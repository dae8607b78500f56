"""JSON bodies spoiled in one place: values that break readers, fields too many and too few; cheap, hence many."""

import json
import random
from typing import Any

NASTY: tuple[str, ...] = (
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "-1e-400",
    "NaN",
    "-Infinity",
    "9" * 400,
    "18446744073709551616",
    '""',
    '" "',
    r'"\u0000"',
    r'"\ud800"',
    r'"\udc00\ud800"',
    r'"\u202e\u200b\ufeff"',
    '"' + "x" * 5000 + '"',
    '"<script>alert(1)</script>"',
    '"../../etc/passwd"',
    '"\'; DROP TABLE units; --"',
    '"NEAR(a b) OR * AND \\" ^"',
    "[]",
    "{}",
    "[[[[[[[[[[]]]]]]]]]]",
    "[" * 300 + "]" * 300,
    '{"a": {"$ref": "#"}}',
    '{"__proto__": 1, "constructor": null}',
)
"""As they stand in the text: no encoder of ours would write some of them."""
MARK = "\x01"
FIELDS = ("surprise", "question", "messages", "role", "", "\u00e9", "filters", "k")


def mangled(body: Any, chance: random.Random) -> str:
    """The body as JSON text with one nasty value in a random place, or one field taken out or put in."""
    copied = json.loads(json.dumps(body)) if body is not None else {}
    holder: dict[str, Any] = {"body": copied}
    container, key = chance.choice(list(_places(holder)))
    act = chance.random()
    if act < 0.15 and isinstance(container, dict) and container is not holder:
        del container[key]
    elif act < 0.3 and isinstance(container[key], dict):
        container[key][chance.choice(FIELDS)] = MARK
    else:
        container[key] = MARK
    text = json.dumps(holder["body"])
    return text.replace(json.dumps(MARK), chance.choice(NASTY), 1)


def _places(value: Any) -> Any:
    """Every (container, key) below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items):
        yield value, key
        yield from _places(inner)
