"""`vedette clips keep` and `rm`: never remove a clip, or remove it now."""

from __future__ import annotations

import argparse
import sys

from contracts.errors import ConfigError, StorageError
from contracts.shown import shown
from device.commands.clips_list import print_table
from device.commands.clips_open import Recordings, add_ids, named, opened
from device.record.index_rows import Entry

WHY = "removed by command"


def add_keep(parser: argparse.ArgumentParser) -> None:
    add_ids(parser)
    parser.add_argument("--not", dest="let_go", action="store_true", help="let them go again: retention may take them")


def add_rm(parser: argparse.ArgumentParser) -> None:
    add_ids(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--force", action="store_true", help="those that are to be kept, too")


def keep(args: argparse.Namespace) -> int:
    with opened(args, changes=True) as recordings:
        for entry in named(recordings, args.ids):
            if not recordings.index.pin(entry.id, not args.let_go):
                raise StorageError(f"{entry.video}: is just being removed; it cannot be kept any more")
            print(shown(f"{entry.video}: {'may be removed' if args.let_go else 'is kept'}"))
    return 0


def rm(args: argparse.Namespace) -> int:
    with opened(args, changes=True) as recordings:
        entries = named(recordings, args.ids)
        if kept := [entry.video for entry in entries if entry.pinned and not args.force]:
            raise ConfigError(f"{kept[0]}: is to be kept; `vedette clips keep --not ID` lets it go, or say --force")
        if not args.yes and not _sure(entries):
            return 1
        return _remove(recordings, entries, force=args.force)


def _sure(entries: list[Entry]) -> bool:
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked here; say --yes to remove them without being asked")
    print_table(entries)
    print(f"Remove {'this clip' if len(entries) == 1 else f'these {len(entries)} clips'} for good? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _remove(recordings: Recordings, entries: list[Entry], *, force: bool) -> int:
    for number in dict.fromkeys(entry.id for entry in entries):
        freed = recordings.index.remove(number, WHY, force=force)
        print(f"{number}: removed, {freed / 1e6:.1f} MB")
    return 0
