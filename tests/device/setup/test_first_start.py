"""An owner and a new box: real Chromium, from nothing to a picture with boxes and a broker, and back; mouse, keys, a phone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from tests.deploy.test_broker import Fleet, fleet, party
from tests.device.publish.mosquitto import needs_mosquitto
from tests.device.setup.newbox import BOX, PASSWORD, NewBox
from tests.device.web.conftest import PHONE, needs_chromium
from tests.device.web.test_kept_browser import NAMELESS
from tests.device.web.visitor import Visitor, until
from tests.scenarios.stage import RtspServer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["fleet"]
pytestmark = [*needs_chromium, pytest.mark.rtsp]
NASTY = "<img src=x onerror=alert(1)>"
STEPS = ("camera", "areas", "profile", "broker", "done", "password", "reset")
LIGHT = """() => { const lum = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (c.startsWith('rgb(')) return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('h1, h2, label, p, legend, button, a, input, summary')]
    .filter(e => e.offsetParent && e.textContent.trim() && !getComputedStyle(e).color.includes('color('))
    .map(e => { const [a, b] = [getComputedStyle(e).color, ground(e)].map(lum);
      return [(Math.max(a, b) + .05) / (Math.min(a, b) + .05), e.outerHTML]; })
    .filter(([ratio]) => ratio < 4.5).map(([ratio, html]) => `${ratio.toFixed(2)} ${html.slice(0, 90)}`); }"""


def step(page: Page, name: str) -> None:
    page.locator(f'.steps a[href="#{name}"]').click()
    page.locator(f"#{name} h2").wait_for()


def told(page: Page, name: str, words: str) -> str:
    """What the box says in a step, once it has those words."""
    here = page.locator(f'#{name} [data-is="told"]')
    here.get_by_text(words).wait_for()
    return here.inner_text()


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    box = page.locator('#areas [data-is="board"]').bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def click(page: Page, x: float, y: float) -> None:
    page.mouse.click(*at(page, x, y))


@needs_mosquitto
@pytest.mark.broker
def test_from_nothing_to_a_picture_with_boxes_and_a_broker(box: NewBox, camera: RtspServer, fleet: Fleet, chromium: Browser) -> None:
    box.start()
    visitor = Visitor(chromium, box.base, viewport={"width": 1280, "height": 900})
    visitor.page.set_default_timeout(60_000)  # the box starts twice
    page = visitor.open("/")
    assert page.url.endswith("/setup")
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert page.evaluate(NAMELESS) == page.evaluate(LIGHT) == []
    page.set_viewport_size({"width": 1280, "height": 900})
    claim(page, box.code.lower())
    add_camera(page, camera)
    draw_by_mouse(page)
    draw_by_keys(page)
    step(page, "profile")
    page.get_by_label("street-count").check()
    told(page, "profile", "Saved: street-count.")
    page.locator('#profile input[value="street"]').check()
    told(page, "profile", "Saved: street.")
    tell_broker(page, fleet)
    step(page, "done")
    assert box.login() == 303
    before = box.state()["boot"]
    page.locator("#done").get_by_role("button", name="Start").click()
    page.locator("#waiting[open]").wait_for()
    page.locator("#done .tile").wait_for()
    assert box.state()["boot"] != before and not box.state()["pending"], "another process, with the same login"
    until(page, "Number(document.querySelector('#done .tile').dataset.boxes) > 0")
    assert page.locator("#done .tile figcaption b").inner_text() == NASTY
    until(page, "document.querySelector('#done .tile').dataset.playing === 'true'")
    saved = box.owner()["cameras"][NASTY]
    assert saved["url"] == camera.url and set(saved["zones"]) == {"gate", "zone 1"}
    assert len(saved["zones"]["gate"]["points"]) == 4 and len(saved["zones"]["zone 1"]["points"]) == 4
    with party(fleet, "trainer") as trainer:
        trainer.subscribe(f"vedette/v1/{BOX}/up/status")
        trainer.until(lambda: any(json.loads(each.payload)["data"]["state"] == "online" for each in trainer.came))
    alone = "Failed to load resource"  # while the box was away, the browser says so by itself
    assert [each for each in visitor.complaints if not each.startswith(alone) and "WebSocket" not in each] == []
    visitor.close()


def claim(page: Page, code: str) -> None:
    page.get_by_label("Code of the box").fill("ABC-DEF-GHJ")
    for label in ("New password", "Once more"):
        page.get_by_label(label).fill(PASSWORD)
    page.get_by_role("button", name="This box is mine").click()
    page.get_by_text("That is not the code of this box.").wait_for()
    assert page.locator("#code").input_value() == page.locator("#password").input_value() == ""
    page.get_by_label("Code of the box").fill(code)
    for label in ("New password", "Once more"):
        page.get_by_label(label).fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator('.steps a[href="#camera"][aria-current="step"]').wait_for()  # its scripts are there


def add_camera(page: Page, camera: RtspServer) -> None:
    page.get_by_label("Address", exact=True).fill("file:///etc/passwd")
    page.get_by_label("Name of the camera here").fill(NASTY)
    page.get_by_role("button", name="Try it").first.click()
    told(page, "camera", "file:// is not what a camera is reached by here")
    page.get_by_label("Address", exact=True).fill(camera.url.replace("/file", "/nothing"))
    page.get_by_role("button", name="Try it").first.click()
    told(page, "camera", "has no stream of that name; correct the path".replace("; ", ". What to do: "))
    page.get_by_label("Address", exact=True).fill(camera.url)
    page.get_by_role("button", name="Try it").first.click()
    assert "320 × 240" in told(page, "camera", "It works")
    until(page, "document.querySelector('#camera .preview').naturalWidth === 320")
    page.get_by_role("button", name="Save this camera").click()
    told(page, "camera", "is saved.")
    assert page.locator("#camera .kept b").inner_text() == NASTY


def draw_by_mouse(page: Page) -> None:
    """Four corners by clicks, one dragged, one undone, one put on an edge and taken away again."""
    step(page, "areas")
    until(page, "document.querySelector('#areas [data-is=image]').naturalWidth === 320")
    page.get_by_label("Name of the zone").fill("gate")
    page.get_by_role("button", name="Draw it").click()
    for x, y in ((0.1, 0.1), (0.5, 0.1), (0.5, 0.6), (0.1, 0.6), (0.3, 0.9)):
        click(page, x, y)
    page.get_by_role("button", name="Undo").click()
    assert page.locator(".corner").count() == 4
    page.mouse.move(*at(page, 0.5, 0.6))
    page.mouse.down()
    page.mouse.move(*at(page, 0.55, 0.65), steps=4)
    page.mouse.move(*at(page, 0.6, 0.7), steps=4)
    page.mouse.up()
    click(page, 0.3, 0.12)
    assert page.locator(".corner").count() == 5
    page.locator(".corner").nth(1).press("Delete")
    page.get_by_role("button", name="Save the areas").click()
    told(page, "areas", "Saved.")


def draw_by_keys(page: Page) -> None:
    """From the board's buttons to the saved zone without a pointer."""
    page.get_by_role("button", name="Draw it").press("Enter")
    page.get_by_role("button", name="Add a corner").press("Enter")
    corner = page.locator(".corner:focus")
    assert (corner.get_attribute("aria-label") or "").startswith("Corner 1, 30 % from the left, 30 % from the top.")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    assert "33 % from the left, 35 % from the top" in (page.locator(".corner:focus").get_attribute("aria-label") or "")
    page.keyboard.press("Control+z")
    assert "33 % from the left, 30 %" in (page.locator(".corner").first.get_attribute("aria-label") or "")
    page.get_by_role("button", name="Save the areas").press("Enter")
    told(page, "areas", "Saved.")


def tell_broker(page: Page, fleet: Fleet) -> None:
    """One that takes nobody without a certificate of its authority, as the guide sets it up."""
    made = fleet.authority.sign(BOX, "box", [], 10, datetime.now(timezone.utc), None)
    announced = [{"name": NASTY, "host": "127.0.0.1", "port": fleet.port, "tls": True}]  # really heard: test_nearby.py
    page.route("**/api/v1/settings/brokers", lambda route: route.fulfill(json=announced))
    step(page, "broker")
    now = page.locator('#broker [data-is="now"]')
    now.get_by_text("No broker").wait_for()
    page.get_by_label("Encrypted (TLS)").check()
    assert page.get_by_label("Port", exact=True).input_value() == "8883", "the usual one"
    page.get_by_role("button", name=f"Take the broker {NASTY}").click()
    told(page, "broker", "Not saved yet: ")
    assert page.get_by_label("Name or address").input_value() == "127.0.0.1"
    assert page.get_by_label("Port", exact=True).input_value() == str(fleet.port)
    page.get_by_label("Certificate of its authority").set_input_files(made / "ca.pem")
    page.locator("#broker").get_by_role("button", name="Try it").click()
    told(page, "broker", "What to do: ")
    page.get_by_label("Certificate of this box").set_input_files(made / f"{BOX}.pem")
    page.get_by_label("Its key").set_input_files(made / f"{BOX}.key")
    page.locator("#broker").get_by_role("button", name="Try it").click()
    told(page, "broker", "It works: ")
    page.get_by_role("button", name="Save this broker").click()
    told(page, "broker", "Saved.")
    assert now.inner_text() == f"Events go to 127.0.0.1:{fleet.port}, encrypted."


@pytest.mark.parametrize("colours", ["light", pytest.param("dark", marks=pytest.mark.soak)])
def test_on_a_phone_every_step_fits_has_names_and_can_be_read(settled: NewBox, chromium: Browser, colours: str) -> None:
    visitor = Visitor(chromium, settled.base, viewport=PHONE, color_scheme=colours, has_touch=True, is_mobile=True)
    page = visitor.open("/login?next=/settings")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#camera h2").wait_for()
    for name in STEPS:
        step(page, name)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
        assert page.evaluate(NAMELESS) == [], name
        assert page.evaluate(LIGHT) == [], name
    if colours == "light":
        draw_by_touch(page)
        assert settled.owner()["cameras"]["front"]["masks"] == settled.state()["cameras"][0]["masks"]
    assert visitor.complaints == []
    visitor.close()


def draw_by_touch(page: Page) -> None:
    step(page, "areas")
    until(page, "document.querySelector('#areas [data-is=image]').naturalWidth > 0")
    page.get_by_label("Privacy mask").check()
    page.get_by_role("button", name="Draw it").tap()
    for x, y in ((0.2, 0.2), (0.8, 0.2), (0.9, 0.9), (0.5, 0.8)):
        page.touchscreen.tap(*at(page, x, y))
    page.touchscreen.tap(*at(page, 0.9, 0.9))
    page.get_by_role("button", name="Remove the corner").tap()
    assert page.locator(".corner").count() == 3
    page.get_by_role("button", name="Save the areas").tap()
    told(page, "areas", "Saved.")


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewBox]:
    made = NewBox(tmp_path_factory.mktemp("settled"))
    try:
        made.start().claim()
        assert made.set("camera", name="front", kind="test").status_code == 200
        yield made
    finally:
        made.close()


def test_its_password_is_changed_and_the_box_is_given_back(settled: NewBox, chromium: Browser) -> None:
    """The last of this file: nobody owns the box afterwards."""
    visitor, fresh = Visitor(chromium, settled.base), "battery staple 8"
    visitor.page.set_default_timeout(9_000)
    page = visitor.open("/login?next=/settings")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#camera h2").wait_for()
    step(page, "password")
    for now, words in ((fresh, "That is not the password"), (PASSWORD, "The new password counts.")):
        page.get_by_label("Password now").fill(now)
        page.get_by_label("New password").fill(fresh)
        page.get_by_label("Once more").fill(fresh)
        page.get_by_role("button", name="Change it").click()
        told(page, "password", words)
    assert settled.login(PASSWORD) != 303 and settled.login(fresh) == 303
    step(page, "reset")
    page.locator("#reset-password").fill(fresh)
    page.get_by_label("Name of this box").fill("another")
    give_back(page, "Yes, reset it")
    told(page, "reset", f"type the name of this box, {BOX}")
    page.get_by_label("Name of this box").fill(BOX)
    give_back(page, "No")
    assert settled.owner()["cameras"], "it was asked once more, and the answer was no"
    give_back(page, "Yes, reset it")
    page.get_by_label("Code of the box").wait_for()
    assert page.url.endswith("/setup") and not (settled.data / "config" / "owner.yaml").exists()
    visitor.close()


def give_back(page: Page, answer: str) -> None:
    page.get_by_role("button", name="Reset this box").click()
    page.locator("#really[open]").get_by_role("button", name=answer, exact=True).click()
