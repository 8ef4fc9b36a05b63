"""Update: what a box is told to run (dn/desired), what is released (TUF), what the box says of it (up/update) and what it accepted."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from contracts.bundle import HEX64, Input, Label
from contracts.dsse import DIGEST, PublicKey
from contracts.topics import DeviceId
from contracts.wire import Utc, Wire

TARGET = r"^[a-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*){1,4}$"  # of the repository: no part begins with a dot
VERSION = r"^\d{1,9}\.\d{1,9}\.\d{1,9}$"
NAME = r"^[a-z0-9][a-z0-9-]{1,62}$"
ROLLOUT = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
MAX_SEQ = (1 << 53) - 1
SIGNATURE = r"^[0-9a-f]{128}$"
MAX_PAYLOAD = 32 << 10  # characters of what is signed
MAX_SIGNED_BYTES = 64 << 10
MAX_SIGNATURES = 8
CHUNK_BYTES = 1 << 20  # largest piece of a released file that is fetched and checked for itself
MAX_CHUNKS = 4096
ASK_BYTES = 256 << 10  # brokers drop packets of more than 2 MB, and hold what is under way in memory
RELEASE = "release"  # in a target's `custom`: a Release as JSON text
ASSIGNMENT_KEYS = "keys/assignment.json"  # a target whose `custom` are AssignmentKeys
MAX_CONFIG_BYTES = 256 << 10  # of a configuration: more than that no box reads
CONFIG_KEPT = ("data", "device_id", "mqtt", "page", "web", "update")  # keys that no configuration from outside may touch
CONFIG = "config"  # in a target's `custom`: a ConfigRelease as JSON text
MAX_TARGET_BYTES = 544 << 20  # a bundle with all the headers of its zip

UpdateState = Literal[
    "offered", "downloading", "verified", "preflight", "building", "selftest", "shadow", "trial", "committed", "rejected"
]  # in this order; `rejected` may follow each
UpdateCode = Literal[
    "E_SIG", "E_ROLLBACK", "E_EXPIRED", "E_FREEZE", "E_MIX", "E_SIZE", "E_SPACE", "E_SHAPE", "E_CLASSES", "E_OPSET", "E_TRT", "E_BUILD",
    "E_GOLDEN", "E_SHADOW", "E_CRASHLOOP", "E_QUALITY", "E_BUDGET", "E_HOSTILE", "E_OTHER_DEVICE", "E_REPLAY", "E_FETCH", "E_CONFIG",
]  # fmt: skip
Mode = Literal["shadow", "trial", "live"]


class Model(Wire):
    """A released bundle, as an assignment names it; all of it must be what the verified targets say."""

    target: str = Field(pattern=TARGET, max_length=200, description="name in the repository: models/<name>/<name>-<version>-<sha12>.vdb")
    digest: str = Field(pattern=DIGEST, description="of bundle.json: the bundle's own name")
    sha256: str = Field(pattern=HEX64, description="of the .vdb file")
    length: int = Field(gt=0, le=MAX_TARGET_BYTES, description="bytes of the .vdb file")
    name: str = Field(pattern=NAME)
    version: str = Field(pattern=VERSION)


class ConfigRevision(Wire):
    """A released configuration: a target like a bundle, so that who may assign can only choose among those."""

    rev: int = Field(ge=1, le=MAX_SEQ, description="its number, for people; the box knows it by its hash")
    target: str = Field(pattern=TARGET, max_length=200, description="name in the repository: configs/<name>/<name>-<rev>-<sha12>.yaml")
    sha256: str = Field(pattern=HEX64, description="of the file: the revision's own name on a box")
    length: int = Field(gt=0, le=1 << 20, description="bytes; a box reads 256 KiB")


class ConfigRelease(Wire):
    """What is signed with a configuration, under `config` in the `custom` of its target."""

    name: str = Field(pattern=NAME)
    rev: int = Field(ge=1, le=MAX_SEQ)


class Assignment(Wire):
    """What a box, or a cohort of boxes, shall run: a state that is wished for, not a command."""

    device: DeviceId | None = None
    cohort: str | None = Field(default=None, pattern=NAME)
    seq: int = Field(ge=1, le=MAX_SEQ, description="of the box or the cohort; one that is not above the last is a replay")
    rollout: str = Field(pattern=ROLLOUT)
    model: Model | None = Field(default=None, description="null: the box keeps what it has, and gives up what it is at")
    mode: Mode = Field(default="live", description="shadow: only beside the old one; trial: until the guard is content; live: as trial")
    config: ConfigRevision | None = None
    not_before: Utc | None = Field(default=None, description="the box waits until then")
    expires: Utc = Field(description="not begun after this; what runs goes on running")

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Assignment:
        if (self.device is None) == (self.cohort is None):
            raise ValueError("needs one of `device` and `cohort`")
        if self.not_before is not None and self.not_before >= self.expires:
            raise ValueError("`not_before` is not before `expires`")
        return self


class UpdateSignature(Wire):
    keyid: str = Field(pattern=HEX64, description="as TUF makes it of the public key: contracts.dsse.PublicKey.keyid")
    sig: str = Field(pattern=SIGNATURE, description="Ed25519 over the bytes of `payload`, hex")


class SignedAssignment(Wire):
    """dn/desired, retained. What is signed are the bytes of `payload` as they are; nothing is ever written anew to be checked."""

    v: Literal[1] = 1
    payload: str = Field(max_length=MAX_PAYLOAD, description="an Assignment as JSON")
    sigs: list[UpdateSignature] = Field(min_length=1, max_length=MAX_SIGNATURES)


class AssignmentKeys(Wire):
    """Who may assign: provisioned beside root.json; a newer version comes as `custom` of the target `keys/assignment.json`."""

    v: Literal[1] = 1
    version: int = Field(ge=1)
    threshold: int = Field(default=1, ge=1, le=MAX_SIGNATURES)
    keys: list[PublicKey] = Field(min_length=1, max_length=MAX_SIGNATURES)

    @model_validator(mode="after")
    def _can_be_met(self) -> AssignmentKeys:
        if self.threshold > len({key.keyid for key in self.keys}):
            raise ValueError("fewer keys than the threshold asks for")
        return self


class ChunkAsk(Wire):
    """up/chunk: a piece of a file of the repository, for a box that reaches the broker alone. The answer is the bytes as they are under
    dn/chunk/<id>, or an empty payload under dn/chunk/<id>/missing."""

    v: Literal[1] = 1
    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    path: str = Field(pattern=r"^(metadata|targets)/", max_length=320, description="as below the repository's address")
    offset: int = Field(ge=0, le=MAX_TARGET_BYTES)
    size: int = Field(gt=0, le=ASK_BYTES)


class Chunk(Wire):
    """A piece of a released file, in its order; the pieces are the whole file."""

    size: int = Field(gt=0, le=CHUNK_BYTES)
    sha256: str = Field(pattern=HEX64)


class Facts(Wire):
    """What decides whether a box can run a bundle, known before its first byte is fetched. bundle.json must say the same."""

    task: Literal["detect", "classify", "find_text", "read_text"] = "detect"
    input: Input
    head: str = Field(max_length=64, description="kind of head")
    labels: list[Label] = Field(min_length=1, max_length=10_000)
    opset: int | None = Field(default=None, ge=1, le=1000, description="of ONNX; null: not stated")
    software: str | None = Field(default=None, pattern=VERSION, description="least version of Vedette; null: any")
    memory_mb: int | None = Field(default=None, ge=1, description="what it needs at its largest moment, MiB")
    tensorrt: tuple[str, str] | None = Field(default=None, description="least and first excluded version of TensorRT; null: any")


class Release(Wire):
    """What is signed with a bundle: as text under `release` in the `custom` of its target, since TUF's canonical JSON has no fractions."""

    digest: str = Field(pattern=DIGEST)
    name: str = Field(pattern=NAME)
    version: str = Field(pattern=VERSION)
    chunks: list[Chunk] = Field(min_length=1, max_length=MAX_CHUNKS, description="the whole file, piece by piece")
    facts: Facts

    @property
    def size(self) -> int:
        return sum(chunk.size for chunk in self.chunks)


class Figures(Wire):
    """What a box measured of a model before it took it."""

    golden_pictures: int | None = Field(default=None, ge=0)
    golden_difference: float | None = Field(default=None, ge=0, description="largest, in confidence")
    p95_ms: float | None = Field(default=None, ge=0, description="of one look")
    memory_mb: float | None = Field(default=None, ge=0, description="of the process that tried it")
    shadow_frames: int | None = Field(default=None, ge=0)
    agreement: float | None = Field(default=None, ge=0, le=1, description="of what the old and the new model saw")
    trial_s: float | None = Field(default=None, ge=0, description="how long the guard watched it serve")
    detections_per_frame: float | None = Field(default=None, ge=0)


class Receipt(Wire):
    """What a box accepted."""

    v: Literal[1] = 1
    device: DeviceId
    model: Model | None = None
    config: ConfigRevision | None = None
    rollout: str
    seq: int
    accepted: Utc
    backend: str = Field(default="", description="engine it was tried on")
    figures: Figures = Figures()
    head: str = Field(pattern=HEX64, description="of the box's ledger, with the row that says `committed`")


class SignedReceipt(Wire):
    """Signed with the key of the box, whose public part stands in up/info."""

    v: Literal[1] = 1
    payload: str = Field(max_length=MAX_PAYLOAD, description="a Receipt as JSON")
    sig: UpdateSignature


class RefusedMessage(Wire):
    """A message under dn/desired that was not accepted; what the box was at goes on."""

    code: UpdateCode
    words: str = Field(max_length=1000)
    at: Utc


class UpdateReport(Wire):
    """up/update, retained: how far the box is with what it was told."""

    state: UpdateState
    code: UpdateCode | None = Field(default=None, description="why it was rejected, or with another state what it waits for")
    words: str = Field(default="", max_length=1000, description="what, which, what to do")
    model: str | None = Field(default=None, pattern=DIGEST, description="digest of the bundle this is about")
    name: str | None = Field(default=None, pattern=NAME)
    version: str | None = Field(default=None, pattern=VERSION)
    rollout: str | None = Field(default=None, pattern=ROLLOUT)
    seq: int | None = Field(default=None, ge=1, le=MAX_SEQ)
    percent: float | None = Field(default=None, ge=0, le=100, description="of the state it is in; null: not known")
    bytes: int | None = Field(default=None, ge=0, description="fetched for it so far; what was here already is not in it")
    left_s: float | None = Field(default=None, ge=0, description="until this state is over, as far as can be told")
    at: Utc
    current: str | None = Field(default=None, pattern=DIGEST, description="digest of the bundle that is in force")
    config: str | None = Field(default=None, pattern=HEX64, description="SHA-256 of the configuration this is about")
    config_rev: int | None = Field(default=None, ge=1, le=MAX_SEQ)
    config_current: str | None = Field(default=None, pattern=HEX64, description="of the one that is in force; null: none")
    figures: Figures | None = None
    receipt: SignedReceipt | None = Field(default=None, description="with `committed`")
    refused: RefusedMessage | None = Field(default=None, description="the last message under dn/desired that was not accepted")
    head: str = Field(pattern=HEX64, description="of the box's ledger: the hash of its last row, which holds that of the row before")
