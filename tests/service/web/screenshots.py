"""Takes the README's pictures from the real service: python -m tests.service.web.screenshots ADDRESS."""

import sys
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from tests.service.web.conftest import FLAGS

FOLDER = Path(__file__).parent / "screenshots"
SHOTS = (
    ("light", 1280, 900, "en-US", "what should a backend dev learn first?"),
    ("dark", 1280, 900, "zh-CN", "后端程序员应该先学什么?"),
    ("light", 360, 780, "zh-CN", "后端程序员应该先学什么?"),
    ("dark", 360, 780, "en-US", "what should a backend dev learn first?"),
)


def main(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        for scheme, width, height, locale, question in SHOTS:
            size = ViewportSize(width=width, height=height)
            page = browser.new_context(
                viewport=size, locale=locale, color_scheme="dark" if scheme == "dark" else "light"
            ).new_page()
            page.goto(address)
            page.wait_for_selector("#documents button")
            box = page.locator("career-chat [part=input]")
            box.fill(question)
            box.press("Enter")
            page.wait_for_selector("career-chat .tools", timeout=120_000)
            page.locator("career-chat button.chip").first.click()
            page.wait_for_timeout(800)
            page.screenshot(path=FOLDER / f"page-{scheme}-{width}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
