"""The guide: its example is a good configuration, its tables are what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from trainer.train.config import TrainConfig
from trainer.train.config_file import read_config

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "training.md"


def default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None:
        return "null"
    return str(list(value) if isinstance(value, tuple) else value).replace("True", "true")


def test_the_example_of_the_guide_is_a_good_configuration(tmp_path: Path) -> None:
    (example,) = [block for block in re.findall(r"```\n(.*?)```", GUIDE.read_text(), re.DOTALL) if block.startswith("data:")]
    path = tmp_path / "yard.yaml"
    path.write_text(example)
    assert read_config(path).training.epochs == 60


def test_every_key_is_in_the_guide_with_its_default_and_meaning() -> None:
    rows = set(GUIDE.read_text().splitlines())
    for name, part in TrainConfig.model_fields.items():
        assert f"### `{name}`" in rows
        assert isinstance(part.annotation, type) and issubclass(part.annotation, BaseModel)
        for key, info in part.annotation.model_fields.items():
            assert info.description, f"{name}.{key} has no description"
            assert f"| `{key}` | {default(info)} | {info.description} |" in rows, f"{name}.{key}"
