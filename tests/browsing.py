"""People of the tests at browsers of their own: they sign in, press keys, and what they ask for is kept.

Drives Debian's Chromium through Playwright; what a review holds is left to `reviewing`.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from reviewing import token_of

CHROMIUM = shutil.which("chromium")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that is closed again."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Person:
    """Somebody at a browser of their own; what it asks for and complains of is kept."""

    def __init__(self, browser: Browser, url: str, name: str, **options: object) -> None:
        self.name, self.url = name, url
        self.hosts: set[str] = set()
        self.complaints: list[str] = []
        self.context: BrowserContext = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        self.context.set_default_timeout(60_000)
        self.page: Page = self.context.new_page()
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.sign_in(token_of(name))

    def sign_in(self, token: str) -> None:
        self.page.goto(f"{self.url}/login")
        expect(self.page.locator("#token")).to_be_focused()  # a moment after the page has come
        self.page.keyboard.type(token)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def open(self, kind: str) -> None:
        self.page.goto(f"{self.url}/read/{kind}")
        self.moved_on("")

    def moved_on(self, before: str) -> None:
        """Wait until another item than `before` is on the screen, or none is left."""
        self.page.wait_for_function(
            "(before) => ![before, ''].includes(document.getElementById('desk')?.dataset.item ?? '')"
            " || document.getElementById('done')?.hidden === false",
            arg=before,
        )

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def item(self) -> str:
        found = self.page.get_attribute("#desk", "data-item")
        assert found
        return found

    def saved(self) -> None:
        expect(self.page.locator("#saved.good")).to_be_visible()

    def is_done(self) -> bool:
        return self.page.locator("#done").is_visible()

    def answer_all(self, choose: Callable[[str], str]) -> list[str]:
        """Answer every image by keys; gives the items in the order in which they came."""
        order = []
        while not self.is_done():
            item = self.item
            order.append(item)
            self.look_at_windows()
            self.press(*choose(item))
            self.saved()
            self.press("Space")
            self.moved_on(item)
        return order

    def look_at_windows(self) -> None:
        """All windows of the original, where there are any, one after the other as they come."""
        if self.page.locator("#windows").is_visible():
            self.look_at_windows_left(3)

    def look_at_windows_left(self, count: int) -> None:
        for seen in range(4 - count, 4):
            self.press("v")
            expect(self.page.locator("#windows-seen")).to_have_text(f"{seen} of 3 seen")

    def close(self) -> None:
        assert self.complaints == []
        assert self.hosts == {urlsplit(self.url).netloc}, "a request left for another host"
        self.context.close()
