"""How fast the review page is: from the key to the next image in a browser, and decisions a second with eight readers.

A workspace of 2544 x 3056 images is made, `cxr review serve` runs over it in a process of its own, Chromium reads as
a person would (answer, pause, next). The page itself measures from the key event until the frame behind the one that
shows the next image begins. The same page with full-size pictures in place of half-size ones runs beside it. Then eight
readers without browsers decide as fast as they can; every decision is on the disk before it is acknowledged.

python benchmarks/review_page.py
python benchmarks/review_page.py --images 60 --pause 1.0
"""

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from reviewing import HttpReader, Server, make_review, server_for, token_of

from cxr_core.vocabulary import ReaderRole

_SIZE = (2544, 3056)
_WAIT_MS = 60_000


def browser_steps(server: Server, name: str, steps: int, pause_s: float, *, full: bool) -> list[float]:
    """Milliseconds from the key to the next image, step by step."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(_WAIT_MS)
        if full:
            page.route("**/half", _in_full)
        page.goto(f"{server.url}/login")
        page.fill("#token", token_of(name))
        page.keyboard.press("Enter")
        page.wait_for_selector(".queue")
        page.goto(f"{server.url}/read/images")
        page.wait_for_function("() => document.getElementById('desk').dataset.item")
        time.sleep(3)  # the first pictures of a session are made and fetched while the reader looks at the first
        for _ in range(steps):
            _step(page, pause_s)
        took = page.evaluate("() => performance.getEntriesByName('next item').map((entry) => entry.duration)")
        browser.close()
    return [float(one) for one in took]


def _in_full(route: Route) -> None:
    route.continue_(url=route.request.url.replace("/half", "/full"))


def _step(page: Page, pause_s: float) -> None:
    seen = page.evaluate("() => performance.getEntriesByName('next item').length")
    page.keyboard.press("1")
    time.sleep(pause_s)
    page.keyboard.press("Space")
    page.wait_for_function("(seen) => performance.getEntriesByName('next item').length > seen", arg=seen)


def decisions_a_second(server: Server, names: list[str]) -> tuple[int, float]:
    """Decisions of all readers together, and the seconds that they took."""
    readers = [HttpReader(server.url, name) for name in names]
    threads = [threading.Thread(target=reader.read_all) for reader in readers]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    done = sum(len(reader.acknowledged) for reader in readers)
    for reader in readers:
        reader.close()
    return done, took


def main() -> None:
    """Run both and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=40, help="Images that are read in the browser.")
    parser.add_argument("--pause", type=float, default=0.6, help="Seconds that the reader looks at an image.")
    parser.add_argument("--decisions", type=int, default=1200, help="Decisions of the eight readers.")
    options = parser.parse_args()
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        people = {"half": ReaderRole.READER, "full": ReaderRole.READER}
        review = make_review(root / "large", images=options.images, size=_SIZE, reports=(), people=people)
        bytes_of = [path.stat().st_size for path in review.workspace.jpeg.rglob("*.jpg")]
        print(f"{options.images} images of {_SIZE[0]} x {_SIZE[1]}, {np.mean(bytes_of) / 1e6:.1f} MB each")
        server = server_for(review, root / "large.log").start()
        try:
            for name, full in (("half", False), ("full", True)):
                took = browser_steps(server, name, options.images - 2, options.pause, full=full)
                print(
                    f"{name}-size first: key to next image, median {np.median(took):.0f} ms, "
                    f"p95 {np.percentile(took, 95):.0f} ms, largest {max(took):.0f} ms, {len(took)} steps"
                )
        finally:
            server.kill()
        names = [f"reader{number}" for number in range(8)]
        many = make_review(
            root / "many",
            images=options.decisions // 2,
            size=(40, 32),
            reports=(),
            people=dict.fromkeys(names, ReaderRole.READER),
        )
        server = server_for(many, root / "many.log").start()
        try:
            done, took_s = decisions_a_second(server, names)
        finally:
            server.kill()
        print(f"eight readers: {done} decisions in {took_s:.1f} s, {done / took_s:.0f} a second, each on the disk")


if __name__ == "__main__":
    main()
