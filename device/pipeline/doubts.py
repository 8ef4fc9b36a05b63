"""Doubts: what a stage noticed in a scene that speaks for a mistake, so that a person looks at the picture one day."""

from __future__ import annotations

from dataclasses import replace

from vision.types import Scene

FEATURE = "doubts"
REFUSED_TRANSITION = "refused_transition"  # a signal that the machine's state does not allow
UNREAD_TEXT = "unread_text"  # text that is none of the words it could be
DISAGREEMENT = "disagreement"  # two models saw different things; for a stage that asks a second one


def doubted(scene: Scene, reason: str) -> Scene:
    """With one more of them; the same again says nothing more."""
    said = doubts_of(scene)
    return scene if reason in said else replace(scene, features={**scene.features, FEATURE: (*said, reason)})


def doubts_of(scene: Scene) -> tuple[str, ...]:
    """Names of reasons; whatever else somebody put there is left alone."""
    said = scene.features.get(FEATURE, ())
    return tuple(each for each in said if isinstance(each, str)) if isinstance(said, (tuple, list)) else ()
