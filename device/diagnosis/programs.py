"""Programs: what another program of this machine says, within a time and a size; that it is not there is an answer too."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_S = 15
LARGEST = 4 << 20  # bytes; of more the end is kept, where the news is


@dataclass(frozen=True, slots=True)
class Output:
    text: str
    why: str = ""  # there is none, or not all of it


def output(command: Sequence[str], longest_s: float = LONGEST_S) -> Output:
    try:
        done = subprocess.run(command, capture_output=True, timeout=longest_s, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return Output("", f"{command[0]} is not installed")
    except PermissionError:
        return Output("", f"{command[0]} may not be run by this user")
    except subprocess.TimeoutExpired:
        return Output("", f"{command[0]} gave no answer within {longest_s:g} s")
    text = done.stdout[-LARGEST:].decode(errors="replace")
    last = " ".join(done.stderr.decode(errors="replace").split())[-300:]
    return Output(text, f"{command[0]} ended with {done.returncode}: {last}" if done.returncode else "")
