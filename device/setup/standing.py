"""Standing: whether a box has an owner, and where its page listens until it has one."""

from __future__ import annotations

from device.config import Loaded
from device.web.options import Options

ANYWHERE = "0.0.0.0"  # noqa: S104 - before there is an owner, only this network's own addresses are let in, and only to /setup
NOT_YET = "nobody owns this box yet: open /setup on its page, with the code that `vedette setup-code` says"
NO_CAMERA = "no camera is set up yet: add one on the page, under Settings"


def unclaimed(loaded: Loaded) -> bool:
    """It has neither a password nor a camera that somebody chose: one that the box adopted when it was plugged in chose nobody.
    Without a page nobody could claim it."""
    page, said = loaded.settings.page, loaded.layered
    chosen = [name for name in loaded.settings.cameras if said.layer(("cameras", name, "use")) != "owner"]
    return page is not None and not chosen and not page.locked


def listening(loaded: Loaded) -> Options:
    """The page's options; where nobody said where it listens, a box without an owner is found by its network."""
    page = loaded.settings.page or Options()
    if not unclaimed(loaded) or host_is_said(loaded):
        return page
    return page.model_copy(update={"host": ANYWHERE})


def host_is_said(loaded: Loaded) -> bool:
    return ("page", "host") in loaded.layered.layers
