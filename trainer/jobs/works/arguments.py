"""Arguments: what jobs are asked with: names of things in the home, so that nobody who asks names a path."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", description="a name of something in the trainer's home")]
Digest = Annotated[str, Field(pattern=r"^(sha256:)?[0-9a-f]{64}$", description="of a bundle in the home's bundles/")]
