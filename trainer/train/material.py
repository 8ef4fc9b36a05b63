"""Material: a data set and its split as what is learnt from and what is judged by; what is wrong with it is said at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from contracts.errors import ConfigError, HardwareError, ProtocolError, StorageError
from dataset.bounds import ItemError
from dataset.findings import Findings
from dataset.formats.known import open_reader
from dataset.items import Category, Item
from dataset.layout import read_small
from dataset.picture_size import picture_size
from trainer.datasets.merkle import leaf_of, root_of
from trainer.datasets.record import content
from trainer.datasets.split_file import read_split
from trainer.datasets.splitting import Frozen
from trainer.home import Home, named
from trainer.judge.ground import Ground
from trainer.judge.loading import ground_of
from trainer.train.config import Data
from trainer.train.example import Example, is_unverified, marks_of


@dataclass(frozen=True, eq=False)
class Material:
    """`val` is what the judge counts, in the order of `val_items`."""

    classes: tuple[str, ...]
    train: tuple[Example, ...]
    val: Ground
    val_items: tuple[Item, ...]
    examples: Mapping[str, int]
    data_root: str | None
    split_root: str | None
    split_sha256: str | None
    broken: Mapping[str, str] = field(default_factory=dict)  # id or place, and why

    @property
    def pictures(self) -> int:
        return len(self.train) + len(self.val_items) + len(self.broken)


@dataclass(frozen=True)
class Sides:
    """On which side an item is."""

    of: Callable[[Item], str | None]
    root: str | None = None
    sha256: str | None = None


def gather(data: Data, home: Home) -> Material:
    """ConfigError for material that nothing can be learnt from, or that is not what was split."""
    path, sides, findings = set_path(data, home), _sides(data, home), Findings()
    reader = open_reader(path, data.format, findings)
    try:
        items = list(reader)
        classes = _classes(data, reader.categories)
    finally:
        reader.close()
    root = _root(items) if data.check_root else None
    if root is not None and sides.root is not None and root != sides.root:
        what = f"data set {path}: its root is {root}, the split was made of {sides.root}"
        raise ConfigError(f"{what}; make a split of what is there with `dataset split --after`, or set data.check_root: false")
    broken = {each.where: each.text for each in findings.told if findings.skipped[each.reason]}
    return _made(data, path, items, classes, sides, root, broken)


def _made(
    data: Data, path: Path, items: list[Item], classes: tuple[str, ...], sides: Sides, root: str | None, broken: dict[str, str]
) -> Material:
    numbers = {name: kind for kind, name in enumerate(classes)}
    train: list[Example] = []
    val: list[Item] = []
    for item in items:
        side = sides.of(item)
        if side not in {"train", "val"}:
            continue
        if why := _fault(item):
            broken[item.id] = why
        elif side == "val":
            val.append(item)
        else:
            train.append(_example(item, numbers, data))
    refuse_broken(broken, len(train) + len(val) + len(broken), data.broken_max_share)
    for name, part in (("train", train), ("val", val)):
        if not part:
            raise ConfigError(f"data set {path}: its {name} part is empty; see `dataset split`, more recordings or other fractions fill it")
    categories = [Category(name, kind + 1) for name, kind in numbers.items()]
    ground, chosen = ground_of(val, categories)
    counted = Counter(classes[kind] for example in train for kind in example.marks.kinds)
    _refuse_poor(data, classes, counted, ground, [item for item in items if sides.of(item) in {"train", "val"}])
    return Material(classes, tuple(train), ground, tuple(chosen), dict(counted), root, sides.root, sides.sha256, broken)


def set_path(data: Data, home: Home) -> Path:
    """A name is one of the home's; what has a slash is a path."""
    return Path(data.set) if "/" in data.set else named(home.sets, data.set)


def _sides(data: Data, home: Home) -> Sides:
    if data.split is None:
        return Sides(lambda item: item.split or None)
    path = Path(data.split) if "/" in data.split else named(home.splits, data.split.removesuffix(".json"), ".json")
    document = read_split(path)
    return Sides(Frozen(document).side, document.root, sha256(read_small(path)).hexdigest())


def _classes(data: Data, categories: Sequence[Category]) -> tuple[str, ...]:
    there = [each.name for each in sorted(categories, key=lambda each: each.number)]
    unknown = [name for name in data.classes or () if name not in there]
    if unknown:
        raise ConfigError(f"data.classes: {', '.join(unknown)}: the set has no such class, it has {', '.join(there) or 'none'}")
    if not there:
        raise ConfigError("data.set: the set has no class at all; label something in it first")
    return data.classes or tuple(there)


def _root(items: Sequence[Item]) -> str:
    """Of what the set says of its pictures; a file is hashed only where nobody wrote its digest down."""
    return root_of([leaf_of(content(item, item.sha256 or _digest(item))) for item in items])


def _digest(item: Item) -> str:
    if item.path is None:
        raise ConfigError(f"{item.file}: its picture is not there, and a set is known by its pictures; bring it back")
    return sha256(read_small(item.path)).hexdigest()


def _fault(item: Item) -> str:
    """What a look at the head of its file tells; whether it can be decoded shows when it is."""
    if item.path is None:
        return f"{item.file}: its picture is not there"
    try:
        size = picture_size(item.path)
    except ItemError as error:
        return str(error)
    return "" if size == (item.width, item.height) else f"{item.path}: is {size[0]}x{size[1]}, the set says {item.width}x{item.height}"


def _example(item: Item, numbers: Mapping[str, int], data: Data) -> Example:
    marks = marks_of(item, numbers, data.machine_labels == "learn", data.min_confidence)
    assert item.path is not None  # noqa: S101  for the type checker: looked at before
    return Example(item.id, item.path, item.width, item.height, item.sha256, marks, item.origin.probability)


def refuse_broken(broken: Mapping[str, str], pictures: int, max_share: float) -> None:
    """One broken picture is never too many; ConfigError for more than the share of all, by name."""
    if len(broken) <= max(1, max_share * pictures):
        return
    first = "; ".join(f"{name}: {why}" for name, why in list(broken.items())[:5])
    what = f"{len(broken)} of {pictures} pictures are broken, more than data.broken_max_share {max_share} allows"
    raise ConfigError(f"{what}: {first}; bring them back or remove them (`dataset check`)")


def _refuse_poor(data: Data, classes: Sequence[str], counted: Mapping[str, int], ground: Ground, items: Sequence[Item]) -> None:
    poor = [f"{name} ({counted.get(name, 0)})" for name in classes if counted.get(name, 0) < data.min_examples]
    if poor:
        what = f"data.min_examples: fewer than {data.min_examples} labelled things in the train part: {', '.join(poor)}"
        raise ConfigError(f"{what}; label more, leave the class out with data.classes, or lower min_examples{_unverified(items)}")
    if not any(len(case.wanted(kind)) for case in ground.cases for kind in range(len(classes))):
        what = "the val part has no labelled thing to find, so nothing could be judged; label some of its pictures"
        raise ConfigError(f"{what}{_unverified(items)}")


def _unverified(items: Sequence[Item]) -> str:
    """Somebody who sees boxes in the pictures and reads that there are none is told why."""
    some = sum(is_unverified(label) for item in items for label in item.labels)
    if not some:
        return ""
    learnt = "data.machine_labels: learn takes those of the train part as they are, val is judged by people's alone"
    return f". {some} boxes are a machine's and nobody verified them: `review fill` brings their pictures to the labelling page; {learnt}"


UNREADABLE = (HardwareError, StorageError, ProtocolError, OSError)
