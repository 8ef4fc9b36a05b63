"""Templates: the pictures by which the gameplay profile knows the screens of our game, drawn by the same hand as the film."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.scenarios.game.screens import Screens
from tests.scenarios.game.story import Span, Story
from vision.types import Image

FOLDER = Path(__file__).resolve().parents[3] / "configs" / "profiles" / "gameplay"
SPRITES = {
    "kill.png": "skull", "hud.png": "heart", "queue.png": "hourglass", "death.png": "death_screen", "survived.png": "survived_screen",
    "mia.png": "mia_screen",
}  # fmt: skip
HEADERS = {"stash.png": "stash_screen", "pre_raid.png": "pre_raid_screen", "post_raid.png": "post_raid_screen"}


def write_templates(folder: Path = FOLDER) -> list[Path]:
    """All of them, laid out for 1280x720."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {**_emblems(), **_cut_outs()}
    for name, data in made.items():
        (folder / name).write_bytes(data)
    return [folder / name for name in made]


def _emblems() -> dict[str, bytes]:
    drawing = Screens(Story(0, (), (), (), 0))
    return {name: drawing.sprite(sprite).png() for name, sprite in SPRITES.items()}


def _cut_outs() -> dict[str, bytes]:
    """Parts of screens, and whole ones made small, cut from pictures as a player would take them."""
    menu = _screenshot("menu_screen")
    cuts = {name: _screenshot(screen)[0:64, 0:320] for name, screen in HEADERS.items()}
    cuts["match_found.png"] = _screenshot("match_found")[250:370, 340:940]
    cuts["menu.png"] = np.asarray(cv2.resize(menu, (160, 90), interpolation=cv2.INTER_AREA), np.uint8)
    loading = np.asarray(cv2.resize(_screenshot("loading_screen"), (160, 90), interpolation=cv2.INTER_AREA), np.uint8)
    shown = np.full((90, 160), 255, np.uint8)
    shown[68:88, 26:134] = 0  # the name of the map, the bar and the hint change
    pictures = {name: _png(picture) for name, picture in cuts.items()}
    return {**pictures, "loading.png": _png(np.dstack([loading, shown]))}


def _screenshot(name: str) -> Image:
    """A second into that screen."""
    fields = {"map": "GLASSWORKS", "side": "OPERATIVE", "mode": "PVE", "outcome": ""}
    names = ["pre_raid_screen", "queue_timer", name] if name == "match_found" else [name]
    spans = tuple(Span(each, n * 3000, (n + 1) * 3000, fields, 7) for n, each in enumerate(names))
    return Screens(Story(0, spans, (), (), spans[-1].end_ms)).at(spans[-1].start_ms + 1000)


def _png(picture: Image) -> bytes:
    return cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])[1].tobytes()
