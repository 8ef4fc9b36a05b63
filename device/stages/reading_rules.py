"""Reading rules: where text is read, as what, and what is made of it; checked when the configuration is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from contracts.errors import ConfigError
from device.pipeline.strict import Strict
from device.stages.patterns import Fields
from vision.text.charset import expand, language_of

Share = Annotated[float, Field(ge=0, le=1)]
Area = tuple[Share, Share, Share, Share]


class Rule(Strict):
    """How one region or one label is read."""

    area: Area = Field(default=(0, 0, 1, 1), description="x1, y1, x2, y2 in 0..1 of the picture, for a label of its box: what is read")
    mode: Literal["line", "lines", "full"] = Field(
        default="line", description="line: the area is one line; lines: those in it are found and joined; full: each is a row of its own"
    )
    pattern: str | tuple[str, ...] | None = Field(
        default=None, description="RE2 expressions, the first that is found counts; their named groups are the fields"
    )
    vocabulary: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="group -> the words it can be; without a pattern one list, for the whole text"
    )
    max_edits: int = Field(default=2, ge=0, le=10, description="misread letters in a word of a vocabulary; never more than a third of it")
    language: str | None = Field(default=None, description="only its characters are read: english, german, latin, japanese, ...; null: all")
    charset: str | None = Field(default=None, min_length=1, max_length=2000, description="only these characters, as in `0-9:`; null: all")
    min_confidence: float = Field(default=0.5, ge=0, le=1, description="text that is less certain was not read")
    margin: float = Field(default=0, ge=0, le=1, description="a label's box grows on each side by this share of its height")
    when: tuple[str, ...] | None = Field(default=None, description="read only in pictures that show one of these labels; null: in all")
    unmatched: Literal["keep", "drop"] | None = Field(
        default=None, description="the row of a text that is not as expected; null: a label's row is kept, a region's dropped"
    )

    @property
    def patterns(self) -> tuple[str, ...]:
        if self.pattern is None:
            return ()
        return (self.pattern,) if isinstance(self.pattern, str) else self.pattern

    def fields(self) -> Fields:
        return Fields(self.patterns, self.vocabulary, self.max_edits)

    @model_validator(mode="after")
    def _holds(self) -> Rule:
        """Whatever is wrong shows when the configuration is read, with file and line."""
        x1, y1, x2, y2 = self.area
        if not (x1 < x2 and y1 < y2):
            raise ValueError("area is x1, y1, x2, y2 with x1 < x2 and y1 < y2")
        try:
            self.fields()
            language_of(self.language)
            expand(self.charset or "")
        except ConfigError as error:
            raise ValueError(str(error)) from error
        return self
