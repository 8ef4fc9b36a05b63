"""A training data set on disk: what stands in a line of the manifest, beside a picture, in the ontology and in the totals.

Layout: `manifest.jsonl` (one `Record` a line, append-only, the truth), `images/<id>.png`, `annotations/<id>.json` (`AnnotationFile`),
`ontology.json` (`Ontology`), `acknowledged.jsonl` (`Acknowledgement` a line), `metadata.json` (`Metadata`), `dataset.json` (COCO).
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from contracts.wire import Utc, Wire

CLICK_PX = 50  # side of the box that is made of a click
LARGEST_PX = 65_535  # a side of a picture
IMAGE_ID = r"^[0-9a-f]{64}$"
MOST = 1 << 40  # of bytes and counts in a record: what is added up of many stays a number that an index can hold

Pixels = Annotated[float, Field(ge=-1e6, le=1e6)]
Bbox = tuple[Pixels, Pixels, Pixels, Pixels]
ImageId = Annotated[str, Field(pattern=IMAGE_ID, description="SHA-256 of the picture's size and pixels, hex")]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Count = Annotated[int, Field(ge=0, le=MOST)]


class Annotation(Wire):
    """One thing in a picture. A click is a point; the box beside it is made of it."""

    bbox: Bbox = Field(description="x, y, width, height in pixels of the picture")
    category_id: int = Field(ge=1, description="of the ontology: pinned, never below 1")
    category_name: Name
    confidence: float = Field(ge=0, le=1, description="1.0 where a person said so")
    source: Name = Field(description="detection, template_match, click, box (drawn by a person), import, ...")
    verified: bool = Field(description="a person said so")
    point: tuple[Pixels, Pixels] | None = Field(default=None, description="where the person clicked, pixels; bbox is derived of it")
    track: int | None = Field(default=None, description="the track's number, per camera and session")
    attributes: dict[str, JsonValue] = Field(default_factory=dict, description="occluded, text, key points, ...")


class Region(Wire):
    """A part of the picture of which nothing is said: no box in it is a fault, and none missing is."""

    bbox: Bbox = Field(description="x, y, width, height in pixels of the picture")
    polygon: list[tuple[Pixels, Pixels]] = Field(default_factory=list, description="its outline in pixels; empty: the whole bbox")
    reason: str = Field(default="", max_length=128, description="mask, crowd, unclear, ...")


class Context(Wire):
    action_type: str
    active_states: list[str]
    timestamp: Utc
    success: bool | None = Field(description="whether the action succeeded; for a camera: whether the detector answered; null: unknown")


class Observation(Wire):
    """What one record says of a picture. A later one stands beside it, never in its place."""

    record: UUID = Field(description="id of the manifest's record")
    action_id: str
    source: str
    reviewed: bool = False
    annotations: list[Annotation] = Field(default_factory=list)
    exhaustive_for: list[str] = Field(default_factory=list, description="classes of which every instance in the picture is annotated")
    ignore: list[Region] = Field(default_factory=list)
    context: Context
    reason: str = Field(description="why the picture was kept")
    sampling_probability: float = Field(gt=0, le=1, description="with which it was kept, by any of the rules that could have kept it")


class AnnotationFile(Wire):
    """`annotations/<id>.json`, derived from the manifest. At its top what holds now, below it who said what."""

    image_id: ImageId
    image_filename: str
    image_width: int = Field(ge=1, le=LARGEST_PX)
    image_height: int = Field(ge=1, le=LARGEST_PX)
    annotations: list[Annotation] = Field(description="all observations together: a person's before a machine's")
    context: Context = Field(description="of the newest observation")
    version: Literal[1]
    exhaustive_for: list[str] = Field(default_factory=list)
    ignore: list[Region] = Field(default_factory=list)
    reviewed: bool = Field(default=False, description="by a person, at least once")
    near_duplicate_of: ImageId | None = None
    observations: list[Observation] = Field(default_factory=list, description="in the order of the manifest, the newest at most")
    observation_count: int = Field(default=0, ge=0, description="of all; what is not listed here is in the manifest")


class Record(Wire):
    """One line of the manifest. The spec's ten keys first; what else there is makes the line enough to rebuild all other files.

    `action_type` "removed" is a tombstone: the picture's file was deleted, its labels no longer count.
    """

    id: UUID
    image: str = Field(description="images/<id>.png")
    annotations: str = Field(description="annotations/<id>.json")
    action_id: str = Field(max_length=128, description="the event, or whatever it was kept for; empty: none")
    action_type: str = Field(max_length=64, description="object, sample, click, box, review, import, removed, ...")
    timestamp: Utc = Field(description="time of capture")
    active_states: list[Name]
    source: str = Field(max_length=128, description="the camera's name, or who it is from")
    is_new: bool = Field(description="the picture was not in the data set before")
    reviewed: bool = Field(description="a person looked at the whole picture; the newest record of a picture counts")

    v: Literal[1]
    image_id: ImageId
    width: int = Field(ge=1, le=LARGEST_PX, description="pixels")
    height: int = Field(ge=1, le=LARGEST_PX, description="pixels")
    bytes: int = Field(ge=0, le=MOST, description="size of the picture's file")
    sha256: str = Field(pattern=IMAGE_ID, description="of the picture's file, for whoever fetches it")
    phash: str = Field(pattern=r"^[0-9a-f]{16}$", description="perceptual hash, 64 bits")
    near_duplicate_of: ImageId | None = Field(default=None, description="the first picture that looks nearly the same")
    near_duplicate_bits: int | None = Field(default=None, ge=0, le=64, description="bits in which the two hashes differ")
    labels: list[Annotation] = Field(default_factory=list)
    exhaustive_for: list[Name] = Field(default_factory=list)
    ignore: list[Region] = Field(default_factory=list)
    success: bool | None = None
    reason: str = Field(max_length=64, description="why it was kept: event_best, uncertain, background, schedule, ...")
    sampling_probability: float = Field(gt=0, le=1, description="with which it was kept, by any of the rules that could have kept it")
    session: str = Field(max_length=128, pattern=r"^[^/\\\x00]*$", description="one run of one source; split by it")
    device: str = Field(default="", max_length=40, description="id of the box it was fetched from; empty: it was made here")
    pts_ns: int | None = Field(default=None, description="media time")
    model: str | None = Field(default=None, description="digest of the bundle that looked, sha256:<hex>")
    skipped_before: dict[str, Count] = Field(default_factory=dict, description="candidates not kept since the last record, by reason")


class Category(Wire):
    id: int = Field(ge=1)
    name: Name
    supercategory: str = ""


class Ontology(Wire):
    """`ontology.json`: a class's number is given once and never again to another, whatever comes and goes."""

    version: Literal[1] = 1
    major: int = Field(default=1, ge=0, description="first number of dataset_version; raise it when what is in the set changes its meaning")
    categories: list[Category] = Field(default_factory=list, description="only ever added to")


class Acknowledgement(Wire):
    """One line of `acknowledged.jsonl`: somebody has the picture and everything the manifest said of it up to a line."""

    image_id: ImageId
    upto: int = Field(ge=1, description="number of the manifest's line, from 1")
    by: str = Field(max_length=128)
    t: Utc


class Statistics(Wire):
    total_records_processed: int = Field(description="records and the candidates that were not kept")
    records_with_screenshots: int = Field(description="records whose picture is there")
    records_with_matches: int = Field(description="records with at least one box of a machine")
    records_with_clicks: int = Field(description="records with at least one click")
    skipped_records: int = Field(description="candidates not kept")
    export_time_seconds: float = Field(description="time of capture between the first and the last record of each session, together")
    skipped_by_reason: dict[str, int] = Field(default_factory=dict)
    kept_by_reason: dict[str, int] = Field(default_factory=dict)
    sessions: int = 0
    removed_images: int = 0
    near_duplicates: int = 0
    image_bytes: int = 0


class Metadata(Wire):
    """`metadata.json`, derived: delete it and it is made again, the same."""

    dataset_version: str = Field(description="major of the ontology, number of classes, number of records")
    created: Utc | None = Field(description="time of the first record")
    total_images: int
    total_annotations: int = Field(description="that hold now, in all pictures")
    category_map: dict[str, int] = Field(description="name -> id")
    categories: list[Category]
    statistics: Statistics
    format: Literal["vedette-dataset"] = "vedette-dataset"
    description: str = ""
