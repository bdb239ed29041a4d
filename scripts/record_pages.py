"""Take the pictures of docs/screenshots: a leaderboard's page at desk and phone width, and an arrangement's page.

    python scripts/record_pages.py [FOLDER]      # a leaderboard's folder; leaderboards/p3

It needs Chromium and the extra `dev`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import sync_playwright

ROOT: Final = Path(__file__).resolve().parents[1]
CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
SHOTS: Final = {
    "leaderboard": (None, 1280, 1690),
    "leaderboard-phone": (None, 390, 900),
    "arrangement": ("tbody a", 1280, 900),
    "arrangement-phone": ("tbody a", 390, 900),
}
"""Of each picture the first link to follow, and the width and height of the window."""


def main() -> None:
    """Take them."""
    folder = ROOT / (sys.argv[1] if len(sys.argv) > 1 else "leaderboards/p3")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for name, (link, width, height) in SHOTS.items():
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
            page.goto((folder / "index.html").as_uri())
            page.wait_for_selector(".main-svg:visible")
            if link:
                page.locator(link).first.click()
                page.wait_for_selector(".main-svg:visible")
            page.wait_for_timeout(300)
            page.screenshot(path=ROOT / "docs" / "screenshots" / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
