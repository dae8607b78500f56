"""Pictures of a run's report: `python -m tests.service.evaluation.screenshots RUN [FOLDER]`.

`report-1280.png` and `report-390.png` are the light ones; `-dark` and `-question` go beside them with `--all`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"]
HEIGHT = {1280: 1180, 390: 1500}


def picture(
    browser: Browser, report: Path, out: Path, *, width: int, scheme: Literal["light", "dark"], opened: bool
) -> None:
    """The top of the page or, when `opened`, the first question whose answer cites something."""
    context = browser.new_context(viewport={"width": width, "height": HEIGHT[width]}, color_scheme=scheme)
    page = context.new_page()
    page.goto(report.resolve().as_uri())
    if opened:
        open_cited_question(page)
    page.screenshot(path=out)
    context.close()


def open_cited_question(page: Page) -> None:
    page.select_option('select[aria-label="Order"]', "file")
    for number in range(min(20, page.locator("details.item").count())):
        item = page.locator("details.item").nth(number)
        item.locator("summary").first.click()
        if item.locator("mark").count():
            item.evaluate("node => window.scrollTo(0, node.getBoundingClientRect().top + window.scrollY - 60)")
            return
        item.locator("summary").first.click()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="screenshots", description="Pictures of a run's report.")
    parser.add_argument("run", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=HERE)
    parser.add_argument("--all", action="store_true", help="also dark, and with a question opened")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    report = chosen.run / "report.html"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for width in HEIGHT:
            picture(browser, report, chosen.out / f"report-{width}.png", width=width, scheme="light", opened=False)
            if chosen.all:
                picture(
                    browser, report, chosen.out / f"report-{width}-dark.png", width=width, scheme="dark", opened=False
                )
                picture(
                    browser,
                    report,
                    chosen.out / f"report-{width}-question.png",
                    width=width,
                    scheme="light",
                    opened=True,
                )
                picture(
                    browser,
                    report,
                    chosen.out / f"report-{width}-question-dark.png",
                    width=width,
                    scheme="dark",
                    opened=True,
                )
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
