"""Options of an export: how much may be lost, and how the numbers of the smaller forms are found."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vision.strict import Strict


class ShipOptions(Strict):
    exporter: Literal["auto", "torchscript", "dynamo"] = Field(
        default="auto", description="which of PyTorch's exporters; auto takes the first that gives a graph equal to the network"
    )
    most_ap_difference: float = Field(default=0.002, ge=0, le=1, description="AP between trained network and ONNX file, either way")
    int8_ap_loss: float = Field(default=0.01, ge=0, le=1, description="AP that INT8 may lose")
    fp16_ap_loss: float = Field(default=0.002, ge=0, le=1, description="AP that FP16 may lose")
    tflite_ap_loss: float = Field(default=0.002, ge=0, le=1, description="AP that TFLite may lose")
    calibration: int = Field(default=128, ge=1, le=10_000, description="pictures of the training part that INT8 takes its ranges from")
    seed: int = Field(default=1, description="of the choice of those pictures")
    threads: int = Field(default=1, ge=1, description="of a network while it is measured")
    trial_s: float = Field(
        default=120.0, gt=0, description="seconds that a model of others may take for its first answer, in a process apart"
    )
