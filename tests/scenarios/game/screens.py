"""Screens: every picture of the game that does not exist, drawn from its story."""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np

from tests.scenarios.game.art import HEIGHT, WIDTH, Color, Sprite, World, emblem, font, plate, text
from tests.scenarios.game.story import FADE_MS, KILL_IN_MS, KILL_OUT_MS, Span, Story
from vision.types import Image

FEED_X, FEED_Y, LINE_PX, LINE_WIDTH = 780, 96, 38, 480
LIGHT: tuple[Color, ...] = ((255, 255, 255), (150, 235, 255), (200, 255, 190), (255, 220, 180), (190, 190, 255))
PLATES: tuple[Color, ...] = ((20, 20, 20), (60, 30, 20), (25, 25, 70), (30, 55, 30))
TINTS: dict[str, Color] = {"death_screen": (18, 10, 70), "survived_screen": (30, 62, 22), "mia_screen": (66, 46, 20)}


def skull(color: Image, cover: Image) -> None:
    """A pale head on a dark disc, in a square."""
    side = cover.shape[0]
    cv2.circle(cover, (side // 2, side // 2), side // 2 - 1, 255, -1)
    cv2.circle(color, (side // 2, side // 2), side // 2, (28, 28, 28), -1)
    pale = (235, 240, 245)
    cv2.ellipse(color, (side // 2, side * 42 // 100), (side * 30 // 100, side * 28 // 100), 0, 0, 360, pale, -1)
    cv2.rectangle(color, (side * 36 // 100, side * 55 // 100), (side * 64 // 100, side * 80 // 100), pale, -1)
    for x in (38, 62):
        cv2.circle(color, (side * x // 100, side * 44 // 100), side * 8 // 100, (28, 28, 28), -1)
    cv2.line(color, (side // 2, side * 66 // 100), (side // 2, side * 80 // 100), (28, 28, 28), side // 20)


def flag(color: Image, cover: Image) -> None:
    """What stands before an objective: as large as the skull, and no skull."""
    side = cover.shape[0]
    cv2.circle(cover, (side // 2, side // 2), side // 2 - 1, 255, -1)
    cv2.circle(color, (side // 2, side // 2), side // 2, (28, 28, 28), -1)
    points = np.array([[side * 35 // 100, side * 20 // 100], [side * 75 // 100, side * 36 // 100], [side * 35 // 100, side * 52 // 100]])
    cv2.fillPoly(color, [points.astype(np.int32)], (90, 220, 250))
    cv2.rectangle(color, (side * 30 // 100, side * 18 // 100), (side * 35 // 100, side * 82 // 100), (235, 240, 245), -1)


def heart(color: Image, cover: Image) -> None:
    """The sign beside the player's health: a cross in a hexagon."""
    side = cover.shape[0]
    angles = np.deg2rad(np.arange(6) * 60)
    hexagon = np.stack([side / 2 + np.cos(angles) * side * 0.48, side / 2 + np.sin(angles) * side * 0.48], axis=1).astype(np.int32)
    cv2.fillPoly(cover, [hexagon], 255)
    cv2.fillPoly(color, [hexagon], (40, 40, 150))
    for box in ((42, 20, 58, 80), (20, 42, 80, 58)):
        x1, y1, x2, y2 = (side * each // 100 for each in box)
        cv2.rectangle(color, (x1, y1), (x2, y2), (240, 240, 250), -1)


def hourglass(color: Image, cover: Image) -> None:
    side = cover.shape[0]
    cv2.circle(cover, (side // 2, side // 2), side // 2 - 1, 255, -1)
    cv2.circle(color, (side // 2, side // 2), side // 2, (60, 45, 30), -1)
    for y, tip in ((20, 50), (80, 50)):
        points = np.array([[28, y], [72, y], [50, tip]]) * side // 100
        cv2.fillPoly(color, [points.astype(np.int32)], (140, 230, 250))


def mark_of(name: str) -> Sprite:
    """The emblem of an outcome, 150x96 where it is laid out: a broken shield, a door, a question of dots."""

    def draw(color: Image, cover: Image) -> None:
        height, width = cover.shape
        cv2.rectangle(cover, (0, 0), (width, height), 235, -1)
        color[:] = (30, 30, 30)
        pale = (235, 235, 240)
        if name == "death_screen":
            points = np.array([[30, 12], [70, 12], [70, 55], [50, 90], [30, 55]]) * (width, height) // 100
            cv2.fillPoly(color, [points.astype(np.int32)], pale)
            crack = np.array([[48, 8], [56, 35], [44, 50], [54, 94]]) * (width, height) // 100
            cv2.polylines(color, [crack.astype(np.int32)], False, (30, 30, 30), width // 30)
        elif name == "survived_screen":
            cv2.rectangle(color, (width * 35 // 100, height * 10 // 100), (width * 65 // 100, height * 92 // 100), pale, -1)
            cv2.rectangle(color, (width * 40 // 100, height * 18 // 100), (width * 60 // 100, height * 92 // 100), (60, 140, 60), -1)
            cv2.arrowedLine(color, (width * 5 // 100, height // 2), (width * 52 // 100, height // 2), pale, width // 24, tipLength=0.3)
        else:
            for n, (x, y) in enumerate(((35, 30), (44, 16), (58, 18), (64, 34), (54, 48), (50, 62), (50, 86))):
                cv2.circle(color, (width * x // 100, height * y // 100), width * (6 if n < 6 else 7) // 100, pale, -1)

    return emblem(150, 96, draw)


class Screens:
    """Draws a moment of the story in the size asked for."""

    def __init__(self, told: Story, width: int = WIDTH, height: int = HEIGHT) -> None:
        self._told, self._size, self._k = told, (width, height), width / WIDTH
        self._world = World(told.seed, width, height)
        self._kept: dict[str, Sprite] = {}
        self._stills: dict[tuple[str, int, str], Image] = {}

    def at(self, ms: int) -> Image:
        screen = self._told.screen_at(ms)
        picture = self._screen(screen, ms)
        since = ms - screen.start_ms
        if since < FADE_MS and screen.start_ms:
            before = self._told.screen_at(screen.start_ms - 1)
            share = (since + FADE_MS / 2) / (1.5 * FADE_MS)  # at its beginning a screen is there by a third
            picture = np.asarray(cv2.addWeighted(picture, share, self._screen(before, ms), 1 - share, 0), np.uint8)
        return picture

    def _px(self, logical: float) -> int:
        return round(logical * self._k)

    def _screen(self, screen: Span, ms: int) -> Image:
        if screen.name == "raid":
            return self._raid(screen, ms)
        if screen.name in TINTS:
            return self._outcome(screen, ms)
        return self._still(screen, ms)

    def sprite(self, name: str) -> Sprite:
        """An emblem in the size of this film."""
        if name not in self._kept:
            sizes = {"skull": (32, skull), "flag": (32, flag), "heart": (46, heart), "hourglass": (72, hourglass)}
            if name in sizes:
                side, draw = sizes[name]
                self._kept[name] = emblem(self._px(side), self._px(side), draw)
            else:
                made = mark_of(name)
                size = self._px(150), self._px(96)
                color = cv2.resize(made.color, size, interpolation=cv2.INTER_AREA)
                alpha = cv2.resize(made.alpha, size, interpolation=cv2.INTER_AREA)[..., None]
                self._kept[name] = Sprite(color.astype(np.float32), alpha.astype(np.float32))
        return self._kept[name]

    def _write(self, frame: Image, words: str, x: float, y: float, size: float, color: Color = (255, 255, 255), **how: Any) -> Sprite:
        made = text(words, size * self._k, color, **how)
        made.onto(frame, self._px(x), self._px(y))
        return made

    def _middle(self, frame: Image, words: str, y: float, size: float, color: Color = (255, 255, 255), **how: Any) -> None:
        made = text(words, size * self._k, color, **how)
        made.onto(frame, (frame.shape[1] - made.alpha.shape[1]) // 2, self._px(y))

    def _fill(self, frame: Image, box: tuple[float, float, float, float], color: Color, opacity: float = 1.0) -> None:
        x1, y1, x2, y2 = (self._px(each) for each in box)
        part = frame[y1:y2, x1:x2]
        if opacity >= 1:
            part[:] = color
        else:
            part[:] = (part * (1 - opacity) + np.array(color) * opacity).astype(np.uint8)

    def _raid(self, raid: Span, ms: int) -> Image:
        frame = self._world.at(ms, raid.look)
        here = [each for each in self._told.disturbances if each.start_ms <= ms < each.end_ms]
        kinds = {each.name for each in here}
        if "inventory" not in kinds:
            self._hud(frame, raid, ms)
        self._feed(frame, ms, [each for each in here if each.name == "objective"])
        for number, each in enumerate(chat for chat in here if chat.name == "chat"):
            self._write(frame, each.fields["text"], 24, 470 + 24 * number, 17, LIGHT[each.look % len(LIGHT)], shadow=True)
        for each in here:
            frame = self._disturbed(frame, each, ms)
        return frame

    def _hud(self, frame: Image, raid: Span, ms: int) -> None:
        dice = random.Random(f"{raid.look} {ms // 700}")
        self.sprite("heart").onto(frame, self._px(28), self._px(640))
        self._write(frame, str(dice.randrange(60, 440)), 84, 644, 26, shadow=True)
        self._write(frame, f"{dice.randrange(1, 31)} / {dice.randrange(30, 180)}", 1130, 650, 28, shadow=True, weight=700)
        self._fill(frame, (540, 22, 740, 26), (200, 200, 200), 0.6)
        self._write(frame, f"{(ms // 90 + raid.look) % 360} NW", 612, 28, 16, shadow=True)

    def _feed(self, frame: Image, ms: int, objectives: list[Span]) -> None:
        """Lines stand below one another in the order they came; when one goes those below move up."""
        kills = (kill for kill in self._told.kills if kill.start_ms - KILL_IN_MS // 2 <= ms < kill.end_ms + KILL_OUT_MS // 2)
        lines = [*kills, *objectives]
        for slot, line in enumerate(sorted(lines, key=lambda each: (each.start_ms, each.look))[:7]):
            fade_in, fade_out = (ms - line.start_ms) / KILL_IN_MS + 0.5, (line.end_ms - ms) / KILL_OUT_MS + 0.5
            self._line(frame, line, FEED_Y + slot * LINE_PX, min(1.0, max(0.0, fade_in)), min(1.0, max(0.0, fade_out)))

    def _line(self, frame: Image, line: Span, y: float, shown: float, left: float) -> None:
        dice = random.Random(line.look)
        opacity, kill = min(shown, left), line.name == "kill_notification"
        ground = plate(self._px(LINE_WIDTH), self._px(LINE_PX - 4), dice.choice(PLATES), dice.uniform(0.55, 0.9))
        ground.onto(frame, self._px(FEED_X), self._px(y), opacity)
        self.sprite("skull" if kill else "flag").onto(frame, self._px(FEED_X + 1), self._px(y + 1), opacity)
        words = line.fields["text"] if not kill else kill_words(line)
        face, weight, size = font(dice.randrange(99)), dice.choice((400, 500, 700)), dice.uniform(16.5, 20.5)
        color = dice.choice(LIGHT)
        made = text(words, size * self._k, color, face=face, weight=weight)
        room = self._px(LINE_WIDTH - 46)
        if made.alpha.shape[1] > room:  # as a game does it: smaller where it would not fit
            made = text(words, size * self._k * room / made.alpha.shape[1], color, face=face, weight=weight)
        made.onto(frame, self._px(FEED_X + 40), self._px(y + 17) - made.alpha.shape[0] // 2, opacity)

    def _disturbed(self, frame: Image, each: Span, ms: int) -> Image:
        if each.name == "flash":
            share = 0.75 * (1 - (ms - each.start_ms) / (each.end_ms - each.start_ms))
            return np.asarray(cv2.addWeighted(frame, 1 - share, np.full_like(frame, 250), share, 0), np.uint8)
        if each.name in {"dark", "bright"}:
            gain = 0.6 if each.name == "dark" else 1.25
            return np.asarray(cv2.convertScaleAbs(frame, alpha=gain), np.uint8)
        if each.name == "popup":
            x, y = (900, 60) if each.look % 2 else (10, 560)
            self._fill(frame, (x, y, x + 260, y + 110), (70, 60, 55), 0.95)
            self._write(frame, "FRIEND ONLINE", x + 16, y + 20, 20)
        if each.name == "inventory":
            self._fill(frame, (120, 120, 700, 600), (35, 32, 30), 0.93)
            self._write(frame, "BACKPACK", 150, 140, 26)
            self._cells(frame, each.look, (150, 200, 660, 560), 60)
        return frame

    def _cells(self, frame: Image, look: int, box: tuple[int, int, int, int], side: int) -> None:
        dice = random.Random(look)
        for y in range(box[1], box[3] - side + 1, side):
            for x in range(box[0], box[2] - side + 1, side):
                self._fill(frame, (x + 2, y + 2, x + side - 2, y + side - 2), (58, 54, 50))
                if dice.random() < 0.5:
                    shade = dice.randrange(60, 200), dice.randrange(60, 200), dice.randrange(60, 200)
                    self._fill(frame, (x + 14, y + dice.randrange(10, 24), x + side - 14, y + side - 14), shade)

    def _outcome(self, screen: Span, ms: int) -> Image:
        """The world goes on, dark and tinted, behind what is said of the player."""
        frame = np.asarray(cv2.convertScaleAbs(self._world.at(ms, screen.look), alpha=0.22), np.uint8)
        frame = np.asarray(cv2.add(frame, np.full_like(frame, TINTS[screen.name])), np.uint8)
        self._fill(frame, (0, 250, 1280, 420), (12, 12, 12), 0.7)
        mark = self.sprite(screen.name)
        mark.onto(frame, (frame.shape[1] - mark.alpha.shape[1]) // 2, self._px(120))
        self._middle(frame, screen.fields["outcome"], 270, 58, face="sans", weight=700)
        if "exit" in screen.fields:
            self._middle(frame, f"EXIT: {screen.fields['exit']}", 372, 24, (190, 240, 200), face="uni")
        self._middle(frame, "hold SPACE to go on", 640, 18, (170, 170, 170), face="uni")
        return frame

    def _still(self, screen: Span, ms: int) -> Image:
        """What changes is drawn onto what does not."""
        key = screen.name, screen.look, ""
        if key not in self._stills:
            self._stills.clear()
            self._stills[key] = self._ground(screen)
        frame = self._stills[key].copy()
        if screen.name in {"queue_timer", "match_found"}:
            self._queue(frame, screen, ms)
        if screen.name == "loading_screen":
            done = (ms - screen.start_ms) / (screen.end_ms - screen.start_ms)
            self._fill(frame, (240, 640, 240 + 800 * min(1.0, max(0.0, done)), 652), (90, 200, 240))
        return frame

    def _queue(self, frame: Image, screen: Span, ms: int) -> None:
        queue = screen
        if screen.name == "match_found":
            queue = self._told.screen_at(screen.start_ms - 1)
        waited = max(0, ms - queue.start_ms) // 1000
        self._fill(frame, (440, 420, 840, 520), (28, 26, 24), 0.95)
        self.sprite("hourglass").onto(frame, self._px(456), self._px(434))
        self._write(frame, f"IN QUEUE  {waited // 60:02d}:{waited % 60:02d}", 552, 444, 34, (235, 235, 235))
        if screen.name == "match_found":
            self._fill(frame, (340, 250, 940, 370), (35, 120, 40))
            self._fill(frame, (340, 250, 940, 258), (120, 240, 130))
            self._middle(frame, "MATCH FOUND", 268, 56, weight=700)

    def _ground(self, screen: Span) -> Image:
        width, height = self._size
        frame = np.empty((height, width, 3), np.uint8)
        frame[:] = np.linspace(52, 22, height)[:, None, None].astype(np.uint8)
        if screen.name == "menu_screen":
            self._menu(frame)
        elif screen.name == "stash_screen":
            self._stash(frame, screen)
        elif screen.name in {"pre_raid_screen", "queue_timer", "match_found"}:
            self._pre_raid(frame, screen)
        elif screen.name == "loading_screen":
            self._loading(frame, screen)
        else:
            self._summary(frame, screen)
        return frame

    def _menu(self, frame: Image) -> None:
        frame[:, : self._px(420)] = (48, 36, 26)
        self._write(frame, "OUTER DRIFT", 60, 80, 54, (150, 220, 255), weight=700)
        for number, words in enumerate(("PLAY", "TRADE", "WORKSHOP", "SETTINGS", "LEAVE")):
            self._write(frame, words, 64, 260 + 64 * number, 30, (225, 225, 225))
        cv2.circle(frame, (self._px(860), self._px(380)), self._px(230), (70, 95, 120), self._px(26))
        cv2.circle(frame, (self._px(860), self._px(380)), self._px(90), (90, 130, 160), -1)

    def _stash(self, frame: Image, screen: Span) -> None:
        self._fill(frame, (0, 0, 1280, 64), (66, 58, 44))
        self._write(frame, "STASH", 40, 8, 38, (235, 235, 235), weight=700)
        self._fill(frame, (60, 100, 480, 680), (40, 36, 34))
        cv2.ellipse(frame, (self._px(270), self._px(250)), (self._px(70), self._px(90)), 0, 0, 360, (120, 120, 110), -1)
        self._fill(frame, (170, 350, 370, 640), (110, 105, 95))
        self._fill(frame, (540, 100, 1240, 680), (34, 32, 30))
        self._cells(frame, screen.look, (550, 110, 1240, 680), 68)

    def _pre_raid(self, frame: Image, screen: Span) -> None:
        before = screen
        while before.name != "pre_raid_screen":
            before = self._told.screen_at(before.start_ms - 1)
        self._fill(frame, (0, 0, 1280, 64), (40, 60, 78))
        self._write(frame, "PLAN A RAID", 40, 8, 38, (235, 235, 235), weight=700)
        self._fill(frame, (80, 120, 700, 400), (62, 70, 60))
        for n in range(7):
            cv2.line(frame, (self._px(80 + 90 * n), self._px(120)), (self._px(200 + 60 * n), self._px(400)), (92, 104, 90), 3)
        self._write(frame, f"MAP: {before.fields['map']}", 760, 130, 30, (235, 235, 235))
        self._write(frame, f"SIDE: {before.fields['side']}", 760, 200, 30, (235, 235, 235))
        self._write(frame, f"MODE: {before.fields['mode']}", 760, 270, 30, (235, 235, 235))
        self._fill(frame, (760, 560, 1200, 640), (50, 140, 200))
        self._write(frame, "READY", 920, 572, 36, (250, 250, 250), weight=700)

    def _loading(self, frame: Image, screen: Span) -> None:
        frame[:] = (20, 16, 14)
        for n in range(12):
            cv2.line(frame, (self._px(100 * n), 0), (self._px(100 * n + 320), self._px(720)), (34, 30, 26), self._px(22))
        self._write(frame, f"DEPLOYING TO {screen.fields['map']}", 240, 560, 40, (235, 235, 235), weight=700)
        self._fill(frame, (240, 640, 1040, 652), (60, 60, 60))
        self._write(frame, "Hint: who SURVIVED has something to tell", 240, 670, 18, (150, 150, 150), face="uni")

    def _summary(self, frame: Image, screen: Span) -> None:
        dice = random.Random(screen.look)
        self._fill(frame, (0, 0, 1280, 64), (70, 40, 62))
        self._write(frame, "RAID REPORT", 40, 8, 38, (235, 235, 235), weight=700)
        for number, words in enumerate(("ENEMIES", "DISTANCE", "FINDS", "EXPERIENCE")):
            self._fill(frame, (80, 130 + 110 * number, 760, 220 + 110 * number), (50, 44, 48))
            self._write(frame, words, 110, 150 + 110 * number, 28, (200, 200, 200))
            self._write(frame, str(dice.randrange(3, 9000)), 600, 150 + 110 * number, 28, (255, 255, 255))
        cv2.rectangle(frame, (self._px(840), self._px(130)), (self._px(1200), self._px(560)), (96, 70, 88), -1)


def kill_words(kill: Span) -> str:
    """What the line of a kill says."""
    fields = kill.fields
    return f"{fields['victim']} [{fields['weapon']}] {fields['distance']}m" + (" HEADSHOT" if fields["headshot"] else "")
