"""The pictures of the guide: a new box set up in a real browser, on the street footage; `python -m tests.device.setup.pictures FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.device.setup.newbox import PASSWORD, NewBox
from tests.device.web.conftest import ARGS, CHROMIUM, PHONE
from tests.device.web.visitor import Visitor, until
from tests.scenarios.stage import ROOT, RtspServer

if TYPE_CHECKING:
    from playwright.sync_api import Page

FILM = ROOT / ".cache" / "footage" / "street.mkv"
DESKTOP = {"width": 1280, "height": 860}
JUNCTION = [[0.33, 0.36], [0.80, 0.30], [0.99, 0.55], [0.95, 0.72], [0.62, 0.56], [0.40, 0.47]]
HOUSE = [[0.0, 0.02], [0.24, 0.02], [0.2, 0.3], [0.0, 0.34]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    camera = RtspServer(FILM)
    camera.start()
    with TemporaryDirectory() as place, sync_playwright() as play:
        box = NewBox(Path(place), pipeline={})
        browser = play.chromium.launch(executable_path=str(CHROMIUM), args=ARGS)
        try:
            box.start()
            first = Visitor(browser, box.base, viewport=DESKTOP, color_scheme="light")
            desktop(first.page, box, camera.url, folder)
            phone = Visitor(browser, box.base, viewport=PHONE, color_scheme="light", device_scale_factor=2, has_touch=True, is_mobile=True)
            by_phone(phone.page, box, folder)
        finally:
            browser.close()
            box.close()
            camera.kill()


def shot(page: Page, path: Path, whole: bool = False) -> None:
    page.screenshot(path=path, type="jpeg", quality=82, full_page=whole)


def desktop(page: Page, box: NewBox, address: str, folder: Path) -> None:
    page.set_default_timeout(100_000)
    page.goto(box.base)
    shot(page, folder / "setup-first.jpg")
    page.get_by_label("Code of the box").fill(box.code)
    for label in ("New password", "Once more"):
        page.get_by_label(label).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#camera h2").wait_for()
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_label("Name of the camera here").fill("street")
    page.get_by_role("button", name="Try it").first.click()
    until(page, "document.querySelector('#camera .preview').naturalWidth > 0")
    shot(page, folder / "setup-camera.jpg", whole=True)
    page.get_by_role("button", name="Save this camera").click()
    page.locator("#camera").get_by_text("is saved.").wait_for()
    assert box.login() == 303
    zones = {"junction": {"points": JUNCTION}}
    answer = box.set("areas", camera="street", given={"zones": zones, "masks": [{"points": HOUSE}]})
    assert answer.status_code == 200, answer.text
    page.reload()
    page.locator('.steps a[href="#areas"]').click()
    until(page, "document.querySelector('#areas [data-is=image]').naturalWidth > 0")
    shot(page, folder / "setup-areas.jpg", whole=True)
    page.locator('.steps a[href="#done"]').click()
    page.locator("#done").get_by_role("button", name="Start").click()
    page.locator("#done .tile").wait_for()
    until(page, "Number(document.querySelector('#done .tile').dataset.boxes) > 2")
    shot(page, folder / "setup-done.jpg")


def by_phone(page: Page, box: NewBox, folder: Path) -> None:
    page.set_default_timeout(100_000)
    page.goto(f"{box.base}/login?next=/settings")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#camera h2").wait_for()
    page.locator('.steps a[href="#areas"]').click()
    until(page, "document.querySelector('#areas [data-is=image]').naturalWidth > 0")
    shot(page, folder / "setup-phone.jpg")
    page.goto(f"{box.base}/")
    until(page, "Number(document.querySelector('.tile[data-large]')?.dataset.boxes) > 2")
    shot(page, folder / "phone.jpg")


if __name__ == "__main__":
    main()
