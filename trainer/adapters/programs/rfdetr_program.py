"""Trains a detector of RF-DETR as job.json says and writes it as ONNX; run by the environment that has the library."""

import importlib
import importlib.metadata
import json
import shutil
import sys
from pathlib import Path
from typing import Any

MISSING = 42
CLASSES = {"nano": "RFDETRNano", "small": "RFDETRSmall", "medium": "RFDETRMedium", "large": "RFDETRLarge"}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as it is trained with


def main(path: str) -> int:
    job = json.loads(Path(path).read_text())
    try:
        library, torch = importlib.import_module("rfdetr"), importlib.import_module("torch")
        importlib.import_module("pytorch_lightning")  # it trains with it, and brings it by an extra of its own
    except ImportError as error:
        sys.stdout.write(f"{error}\n")
        return MISSING
    if job["threads"]:
        torch.set_num_threads(job["threads"])
    device = "cpu" if job["device"] == "cpu" or not torch.cuda.is_available() else "cuda"
    made = getattr(library, CLASSES[job["what"]])
    config = made(pretrain_weights=job["weights"], num_classes=classes(job), device=device)
    step = block(config)
    side = max(step, round(max(job["height"], job["width"]) / step) * step)  # squares whose sides its patches fill
    plain = {"dataset_dir": job["data"], "dataset_file": "yolo", "output_dir": "training", "epochs": job["epochs"]}
    plain |= {"batch_size": job["batch"], "grad_accum_steps": 1, "resolution": side, "device": device, "seed": job["seed"]}
    plain |= {"num_workers": 0, "tensorboard": False, "run_test": False, **job["settings"]}
    config.train(**plain)
    config.export(output_dir="exported", shape=(side, side), batch_size=1)
    shutil.copyfile(next(Path("exported").glob("*.onnx")), job["out"])
    Path(job["answer"]).write_text(json.dumps(answer(side, job["out"])))
    return 0


def block(config: Any) -> int:
    """The pixels that a side must be a multiple of."""
    said = config.model_config
    return int(said.patch_size) * int(said.num_windows)


def classes(job: dict[str, Any]) -> int:
    import yaml

    return len(yaml.safe_load(Path(job["data"], "data.yaml").read_text())["names"])


def answer(side: int, out: str) -> dict[str, Any]:
    onnx = importlib.import_module("onnx")
    spec = {"name": onnx.load(out).graph.input[0].name, "dtype": "float32", "layout": "nchw", "size": [side, side], "fit": "stretch"}
    spec |= {"color": "rgb", "mean": [255 * value for value in MEAN], "std": [255 * value for value in STD]}
    head = {"kind": "end2end", "options": {"units": "share"}}
    return {"version": importlib.metadata.version("rfdetr"), "licence": "Apache-2.0", "head": head, "input": spec}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
