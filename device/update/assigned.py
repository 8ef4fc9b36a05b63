"""Assigned: whether a message under dn/desired is one this box must follow; rules only."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import ValidationError

from contracts.envelope import VersionError, check_major, first_fault
from contracts.errors import ProtocolError
from contracts.update import MAX_SIGNED_BYTES, Assignment, AssignmentKeys, SignedAssignment
from device.update.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who this box is to those who assign."""

    device: str
    cohorts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Vouched:
    """An assignment as it was signed, and the ids of the keys that did."""

    assignment: Assignment
    payload: str
    keyids: frozenset[str]


def read_assignment(raw: bytes, keys: AssignmentKeys) -> Assignment:
    return vouched(raw, keys).assignment


def vouched(raw: bytes, keys: AssignmentKeys) -> Vouched:
    """Signed by enough of those who may assign; nothing of the payload is looked at before. Refusal E_HOSTILE or E_SIG."""
    if len(raw) > MAX_SIGNED_BYTES:
        raise Refusal("E_HOSTILE", f"assignment: {len(raw)} bytes, at most {MAX_SIGNED_BYTES} are read; see who writes to dn/desired")
    try:
        check_major(raw)
        signed = SignedAssignment.model_validate_json(raw)
        body = signed.payload.encode()
    except VersionError as error:
        raise Refusal("E_CONFIG", f"assignment: {error}") from error
    except (ProtocolError, ValidationError, UnicodeEncodeError, RecursionError) as error:
        raise Refusal("E_HOSTILE", f"assignment: {_fault(error)}; see who writes to dn/desired") from error
    keyids = _signed(signed, body, keys)
    try:
        return Vouched(Assignment.model_validate_json(body), signed.payload, keyids)
    except (ValidationError, RecursionError) as error:
        raise Refusal("E_HOSTILE", f"assignment: is signed, but {first_fault(error)}; update the older of box and trainer") from error


def _fault(error: Exception) -> str:
    return str(error) if isinstance(error, ProtocolError) else f"cannot be read: {first_fault(error)}"


def _signed(signed: SignedAssignment, body: bytes, keys: AssignmentKeys) -> frozenset[str]:
    known = {key.keyid: key for key in keys.keys}
    good = set()
    for each in signed.sigs:
        if (key := known.get(each.keyid)) is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval.public)).verify(bytes.fromhex(each.sig), body)
        except (InvalidSignature, ValueError):
            continue
        good.add(each.keyid)
    if len(good) < keys.threshold:
        words = f"{len(good)} good signatures of those who may assign, {keys.threshold} are needed"
        raise Refusal("E_SIG", f"assignment: {words}; see who writes to dn/desired")
    return frozenset(good)


def sequence_of(assignment: Assignment, keyid: str) -> str:
    """The name of its floor: a box and each of its cohorts count for themselves, and each key that signs. So a thief of a key who
    counted to the end blocks nobody any more when that key is taken away; while it counts, none goes below what another reached."""
    whom = f"device:{assignment.device}" if assignment.device is not None else f"cohort:{assignment.cohort}"
    return f"seq:{whom}:{keyid[:16]}"


def admit(assignment: Assignment, to: Recipient, floors: Mapping[str, int], keyids: Collection[str], now: datetime) -> None:
    """Refusal E_OTHER_DEVICE, E_REPLAY or E_EXPIRED. One that is to be begun later is admitted. `keyids`: of all who may assign now."""
    if assignment.device is not None and assignment.device != to.device:
        raise Refusal("E_OTHER_DEVICE", f"assignment {assignment.seq}: is for {assignment.device}, this is {to.device}; see who moved it")
    if assignment.cohort is not None and assignment.cohort not in to.cohorts:
        mine = ", ".join(sorted(to.cohorts)) or "none"
        raise Refusal("E_OTHER_DEVICE", f"assignment {assignment.seq}: is for cohort {assignment.cohort}, this box is in {mine}")
    floor = max((floors.get(sequence_of(assignment, keyid), 0) for keyid in keyids), default=0)
    if assignment.seq <= floor:
        raise Refusal("E_REPLAY", f"assignment {assignment.seq}: this box has had {floor} already; see who sends old ones again")
    if assignment.expires <= now:
        raise Refusal("E_EXPIRED", f"assignment {assignment.seq}: expired at {assignment.expires}; assign anew, or see to the clock")
