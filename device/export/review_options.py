"""What the owner may choose about pictures for people to label: how many a day, and how they are found."""

from __future__ import annotations

from pydantic import Field, field_validator

from device.pipeline.strict import Strict

SHORTEST_S = 10


class ReviewOptions(Strict):
    """Beside `max_mb_per_hour` and `max_share`: what these refuse would make estimates wrong."""

    per_day: int = Field(
        default=0, ge=0, le=1000, description="pictures a day, all cameras together, that are most worth labelling; 0: none are looked for"
    )
    uniform_s: float = Field(
        default=0, ge=0, le=604_800, description="one picture of each camera by chance, every so many seconds on average; 0: none"
    )
    apart_s: float = Field(
        default=10, ge=0, le=86_400, description="media time between two pictures of a camera with the same doubt, seconds"
    )
    near_duplicate_bits: int = Field(
        default=6, ge=0, le=7, description="bits of 64 in which a picture must differ from those of its camera that were doubted before"
    )
    edge: float = Field(default=0.05, ge=0, le=0.4, description="a track that ends so near to an edge has left, in 0..1 of the picture")
    least_looks: int = Field(default=3, ge=1, le=1000, description="a track seen less often may end anywhere")

    @field_validator("uniform_s")
    @classmethod
    def _not_too_many(cls, value: float) -> float:
        if 0 < value < SHORTEST_S:
            raise ValueError(f"is 0 or from {SHORTEST_S}: these pictures are kept whatever else is")
        return value
