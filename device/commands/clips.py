"""`vedette clips`: what is recorded: list, show, keep, remove, check, build the index again, copy to somewhere else."""

from __future__ import annotations

import argparse

from device.commands import clips_check, clips_export, clips_keep, clips_list
from device.commands.clips_open import add_place

ACTIONS = {
    "ls": ("list clips, the newest first", clips_list.add_ls, clips_list.ls),
    "show": ("say everything that is known of a clip", clips_list.add_show, clips_list.show),
    "keep": ("never remove these, or let them go again", clips_keep.add_keep, clips_keep.keep),
    "rm": ("remove clips for good", clips_keep.add_rm, clips_keep.rm),
    "check": ("compare what is on the disk with the manifests and the index; exit code 1 when something is damaged",
              clips_check.add_check, clips_check.check),
    "reindex": ("build the index again from the manifests", clips_check.add_reindex, clips_check.reindex),
    "export": ("copy clips to another folder or disk, compared with what was recorded", clips_export.add_export, clips_export.export),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION", help="what to do; each has its own --help")
    for name, (words, add, _) in ACTIONS.items():
        action = actions.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        add_place(action)
        add(action)


def run(args: argparse.Namespace) -> int:
    return ACTIONS[args.action][2](args)
