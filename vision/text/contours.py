"""Contours: a map of how likely text is at each place, as quadrangles around the pieces of text (differentiable binarisation)."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from vision.strict import Strict

Quad = NDArray[np.float32]  # (4, 2): top left, top right, bottom right, bottom left
LEAST_PX = 3  # a piece of text is not lower than that on the map
MOST_CONTOURS = 4000  # a map of noise has more


class DbOptions(Strict):
    """The options of head `db`, lengths in pixels of the network's input."""

    threshold: float = Field(default=0.3, gt=0, lt=1, description="what is likelier than this is text")
    box_threshold: float = Field(default=0.5, ge=0, le=1, description="pieces whose mean likelihood is less are dropped")
    unclip: float = Field(default=1.6, ge=0, le=10, description="the map shows the core of text: boxes grow by area x this / perimeter")
    short_px: int = Field(default=0, ge=0, le=4096, description="a picture whose short side is less is enlarged to it")
    long_px: int = Field(default=1920, ge=32, le=4096, description="a picture whose long side is more is made smaller")
    max_boxes: int = Field(default=300, ge=1, le=MOST_CONTOURS, description="pieces kept of one picture, the likeliest")


def quads_of(likelihood: NDArray[np.float32], options: DbOptions) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, 4, 2) corners in the map's pixels and (N,) likelihoods, from top to bottom."""
    mask = cv2.dilate((likelihood > options.threshold).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask * 255, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = [piece for contour in contours[:MOST_CONTOURS] if (piece := _piece(contour, likelihood, options))]
    found = sorted(found, key=lambda piece: -piece[1])[: options.max_boxes]
    found.sort(key=lambda piece: (piece[0][:, 1].min(), piece[0][:, 0].min()))
    corners = np.array([quad for quad, _ in found], np.float32).reshape(-1, 4, 2)
    return corners, np.array([score for _, score in found], np.float32)


def _piece(contour: NDArray[Any], likelihood: NDArray[np.float32], options: DbOptions) -> tuple[Quad, float] | None:
    """The smallest turned rectangle around a contour, grown; None for a speck or what is hardly text."""
    centre, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < LEAST_PX:
        return None
    core = cv2.boxPoints((centre, (width, height), angle))
    score = _mean_inside(likelihood, core)
    if score < options.box_threshold:
        return None
    grown = 2 * width * height * options.unclip / (2 * (width + height))
    if min(width, height) + grown < LEAST_PX + 2:
        return None
    return clockwise(cv2.boxPoints((centre, (width + grown, height + grown), angle))), score


def _mean_inside(likelihood: NDArray[np.float32], quad: NDArray[Any]) -> float:
    height, width = likelihood.shape
    left, top = np.clip(np.floor(quad.min(axis=0)), 0, (width - 1, height - 1)).astype(int).tolist()
    right, bottom = np.clip(np.ceil(quad.max(axis=0)), 0, (width - 1, height - 1)).astype(int).tolist()
    inside = np.zeros((bottom - top + 1, right - left + 1), np.uint8)
    cv2.fillPoly(inside, [(quad - (left, top)).astype(np.int32)], (1,))
    return float(cv2.mean(likelihood[top : bottom + 1, left : right + 1], inside)[0])


def clockwise(corners: NDArray[Any]) -> Quad:
    """From the top left one: of the two leftmost the upper, of the two rightmost the upper and the lower, the other left one."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    (top_left, bottom_left), (top_right, bottom_right) = (side[np.argsort(side[:, 1], kind="stable")] for side in (by_x[:2], by_x[2:]))
    return np.array([top_left, top_right, bottom_right, bottom_left], np.float32)


def straightened(picture: NDArray[np.uint8], quad: Quad) -> NDArray[np.uint8]:
    """What lies inside a quadrangle as an upright picture; one that is far higher than wide is text turned by a quarter."""
    top_left, top_right, bottom_right, bottom_left = quad.astype(np.float64)
    width = max(1, int(max(np.linalg.norm(top_left - top_right), np.linalg.norm(bottom_right - bottom_left))))
    height = max(1, int(max(np.linalg.norm(top_left - bottom_left), np.linalg.norm(top_right - bottom_right))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(quad, target)
    out = cv2.warpPerspective(picture, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(np.rot90(out) if height >= 1.5 * width else out, np.uint8)
