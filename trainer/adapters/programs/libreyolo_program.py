"""Trains a detector of LibreYOLO as job.json says and writes it as ONNX; run by the environment that has the library."""

import importlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

MISSING = 42
FAMILIES = {"yolox": "LibreYOLOX", "yolo9": "LibreYOLO9"}


def main(path: str) -> int:
    job = json.loads(Path(path).read_text())
    try:
        library, torch = importlib.import_module("libreyolo"), importlib.import_module("torch")
    except ImportError as error:
        sys.stdout.write(f"{error}\n")
        return MISSING
    if job["threads"]:
        torch.set_num_threads(job["threads"])
    family, size = job["what"].split("-")
    names = names_of(job)
    device = "cpu" if job["device"] == "cpu" or not torch.cuda.is_available() else "cuda"
    model = getattr(library, FAMILIES[family])(job["weights"], size=size, nb_classes=len(names), device=device)
    side = max(job["height"], job["width"]) if family == "yolox" else (job["height"], job["width"])  # it exports squares only
    total = job["epochs"]

    def tell(event: Any) -> None:
        epoch = getattr(event, "epoch", None)
        if isinstance(epoch, int):
            sys.stdout.write(f"progress {min(epoch / total, 1.0):.4f} epoch {epoch} of {total}\n")
            sys.stdout.flush()

    plain = {"data": f"{job['data']}/data.yaml", "epochs": total, "batch": job["batch"], "imgsz": side, "device": device}
    plain |= {"workers": 0, "seed": job["seed"], "project": "training", "name": "run", "exist_ok": True, "pretrained": False}
    plain |= {"amp": device == "cuda", "callbacks": tell, **job["settings"]}
    model.train(**plain)
    made = model.export(format="onnx", imgsz=side, dynamic=False)
    shutil.copyfile(made, job["out"])
    Path(job["answer"]).write_text(json.dumps(answer(str(library.__version__), family, side, job["out"])))
    return 0


def names_of(job: dict[str, Any]) -> list[str]:
    import yaml

    names = yaml.safe_load(Path(job["data"], "data.yaml").read_text())["names"]
    return [names[key] for key in sorted(names)] if isinstance(names, dict) else list(names)


def answer(version: str, family: str, side: Any, out: str) -> dict[str, Any]:
    """YOLOX takes BGR from 0 to 255 and gives a column of objectness; YOLOv9 takes RGB from 0 to 1 and gives corners."""
    onnx = importlib.import_module("onnx")
    height, width = side if isinstance(side, tuple) else (side, side)
    spec = {"name": onnx.load(out).graph.input[0].name, "dtype": "float32", "layout": "nchw", "size": [height, width]}
    if family == "yolox":
        shown = {"color": "bgr", "mean": [0, 0, 0], "std": [1, 1, 1]}
        head = {"kind": "yolo", "options": {"variant": "v5"}}
    else:
        shown = {"color": "rgb", "mean": [0, 0, 0], "std": [255, 255, 255]}
        head = {"kind": "yolo", "options": {"variant": "v8", "boxes": "xyxy"}}
    return {"version": version, "licence": "MIT", "head": head, "input": {**spec, **shown}}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
