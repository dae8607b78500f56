"""Plots as inline SVG, coloured by the page's style sheet: numbers in, markup out."""

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

Point = tuple[float, float]

WIDTH, HEIGHT = 340, 230
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 10, 36
_SPAN_X, _SPAN_Y = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def risk_coverage_plot(curve: Sequence[Sequence[float]], coverage: float, risk: float | None) -> str:
    """Risk over coverage, with the point the run works at."""
    points = [(_x(c), _y(r)) for c, r in curve]
    body = _grid("coverage", "risk")
    if points:
        area = [(points[0][0], _y(0)), *points, (points[-1][0], _y(0))]
        body += f'<polygon class="area" points="{_join(area)}"/><polyline class="line s1" points="{_join(points)}"/>'
    if risk is not None:
        x, y = _x(coverage), _y(risk)
        anchor, shift = ("end", -8) if coverage > 0.5 else ("start", 8)
        body += f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
        body += _text(x + shift, y - 16, f"works here: {coverage:.0%} answered, risk {risk:.2f}", anchor, "note")
    return _svg("Risk against coverage", body)


def calibration_plot(bins: Sequence[Sequence[float]]) -> str:
    """Share that came true over stated confidence, one circle a bin, its area growing with its questions."""
    body = _grid("confidence", "came true")
    body += f'<line class="ideal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>'
    most = max((item[2] for item in bins), default=1)
    for _, _, n, confidence, observed in bins:
        radius = 3 + 8 * (n / most) ** 0.5
        title = f"{n:.0f} questions, confidence {confidence:.2f}, came true {observed:.2f}"
        body += f'<circle class="bubble" cx="{_x(confidence):.1f}" cy="{_y(observed):.1f}" r="{radius:.1f}">'
        body += f"<title>{escape(title)}</title></circle>"
    return _svg("Calibration of the confidence", body)


def latency_plot(series: Mapping[str, Sequence[float]]) -> str:
    """Cumulative share of questions over milliseconds, on a logarithmic scale; zero counts as 1 ms."""
    values = [max(1.0, value) for times in series.values() for value in times]
    if not values:
        return ""
    low, high = floor(log10(min(values))), floor(log10(max(values))) + 1
    body = _frame() + _y_ticks("share of questions")
    for power in range(low, high + 1):
        x = _x((power - low) / (high - low))
        body += f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + _SPAN_Y}"/>'
        body += _text(x, HEIGHT - 20, _duration(10**power), "end" if power == high else "middle")
    for number, (name, times) in enumerate(series.items(), start=1):
        ordered = sorted(max(1.0, value) for value in times)
        points = [
            (_x((log10(value) - low) / (high - low)), _y(rank / len(ordered)))
            for rank, value in _thinned(list(enumerate(ordered, start=1)))
        ]
        body += f'<polyline class="line s{number}" points="{_join(points)}"><title>{escape(name)}</title></polyline>'
    body += _text(LEFT + _SPAN_X / 2, HEIGHT - 4, "time (logarithmic)", "middle")
    return _svg("Latency", body) + _legend(list(series))


def bars_plot(title: str, groups: Mapping[str, Mapping[str, tuple[float, int]]]) -> str:
    """Horizontal bars in [0, 1]: group → series → (value, questions)."""
    names = list(dict.fromkeys(name for members in groups.values() for name in members))
    row, gap, head = 13, 10, 15
    height = sum(head + row * len(members) + gap for members in groups.values()) + 8
    body, y = "", 4.0
    for group, members in groups.items():
        body += _text(0, y + 10, _cut(group, 46), "start", "group")
        y += head
        for name, (value, n) in members.items():
            width = max(1.0, (WIDTH - 64) * value)
            series = names.index(name) + 1
            body += f'<rect class="track" x="0" y="{y}" width="{WIDTH - 64}" height="{row - 3}" rx="2"/>'
            body += f'<rect class="bar s{series}" x="0" y="{y}" width="{width:.1f}" height="{row - 3}" rx="2">'
            body += f"<title>{escape(f'{group}, {name}: {value:.3f} over {n} questions')}</title></rect>"
            body += _text(WIDTH - 58, y + 9, f"{value:.2f} · {n}", "start")
            y += row
        y += gap
    return _svg(title, body, height) + _legend(names)


def stacked_plot(title: str, groups: Mapping[str, Mapping[str, int]], tones: Mapping[str, str]) -> str:
    """Horizontal bars cut into shares: group → part → count; `tones` gives each part its colour, in order."""
    row, body, y = 28, "", 4.0
    for group, counts in groups.items():
        total = sum(counts.values())
        body += _text(0, y + 10, _cut(group, 46), "start", "group")
        left = 0.0
        for part, tone in tones.items():
            width = (WIDTH - 64) * counts.get(part, 0) / total if total else 0.0
            if width:
                body += f'<rect class="bar {tone}" x="{left:.1f}" y="{y + 14}" width="{width:.1f}" height="9">'
                body += f"<title>{escape(f'{group}: {part} {counts[part]} of {total}')}</title></rect>"
            left += width
        first = counts.get(next(iter(tones)), 0)
        body += _text(WIDTH - 58, y + 22, f"{first} of {total}", "start")
        y += row
    keys = (f'<span class="key {tone}">{escape(part)}</span>' for part, tone in tones.items())
    return _svg(title, body, y + 4) + f'<p class="legend">{"".join(keys)}</p>'


def interval_bar(value: float, low: float, high: float) -> str:
    """A value in [0, 1] with its interval, as wide as its cell."""
    low, high, value = (min(1.0, max(0.0, number)) for number in (low, high, value))
    return (
        '<svg class="interval" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" x="0" y="3" width="100" height="2"/>'
        f'<rect class="span" x="{100 * low:.1f}" y="2" width="{max(0.8, 100 * (high - low)):.1f}" height="4"/>'
        f'<rect class="tick" x="{min(98.8, 100 * value):.1f}" y="0" width="1.2" height="8"/></svg>'
    )


def _x(share: float) -> float:
    return LEFT + _SPAN_X * share


def _y(share: float) -> float:
    return TOP + _SPAN_Y * (1 - share)


def _join(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in _thinned(list(points)))


def _thinned(points: list[tuple[int, float]] | list[Point], most: int = 400) -> Sequence[Point]:
    """At most `most` of the points, evenly, first and last kept."""
    if len(points) <= most:
        return points
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def _frame() -> str:
    return f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{_SPAN_X}" height="{_SPAN_Y}"/>'


def _grid(x_name: str, y_name: str) -> str:
    body = _frame() + _y_ticks(y_name)
    for share in _QUARTERS:
        x = _x(share)
        body += f'<line class="grid" x1="{x}" y1="{TOP}" x2="{x}" y2="{TOP + _SPAN_Y}"/>'
        body += _text(x, HEIGHT - 20, f"{share:g}", "middle")
    return body + _text(LEFT + _SPAN_X / 2, HEIGHT - 4, x_name, "middle")


def _y_ticks(name: str) -> str:
    body = ""
    for share in _QUARTERS:
        y = _y(share)
        body += f'<line class="grid" x1="{LEFT}" y1="{y}" x2="{LEFT + _SPAN_X}" y2="{y}"/>'
        body += _text(LEFT - 5, y + 3, f"{share:g}", "end")
    middle = TOP + _SPAN_Y / 2
    return body + f'<text transform="translate(9 {middle}) rotate(-90)" text-anchor="middle">{escape(name)}</text>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    name = f' class="{kind}"' if kind else ""
    return f'<text{name} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _legend(names: Sequence[str]) -> str:
    items = (f'<span class="key s{number}">{escape(name)}</span>' for number, name in enumerate(names, start=1))
    return f'<p class="legend">{"".join(items)}</p>'


def _svg(title: str, body: str, height: float = HEIGHT) -> str:
    return f'<svg class="plot" viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">{body}</svg>'


def _duration(ms: float) -> str:
    return f"{ms:g} ms" if ms < 1000 else f"{ms / 1000:g} s"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
