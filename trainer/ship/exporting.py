"""Exporting: from a trained network to files that answer as it does, each with its figures in export.json; what does not is refused."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from contracts.errors import BundleError, ConfigError
from contracts.exported import KINDS, Exported, ExportedFigures, ExportedFile, Kind
from trainer.export import INPUT
from trainer.home import Home
from trainer.jobs.told import Silent, Told
from trainer.network import Answer
from trainer.ship.document import MODEL, read_export, software, write_export
from trainer.ship.files import PASSES, make_form, onnx_file
from trainer.ship.foreign import Foreign, foreign_of
from trainer.ship.forms import Source, onnx_engine
from trainer.ship.graph import graph_of
from trainer.ship.lesson import Lesson, lesson_of
from trainer.ship.measuring import Shown, Yardstick, draft_of
from trainer.ship.options import ShipOptions
from trainer.ship.run_source import is_ours, trained_of
from trainer.ship.steps import Steps
from trainer.ship.torch_engine import TorchEngine
from trainer.ship.trained import Trained
from trainer.ship.verdicts import check_equal
from trainer.train.config_file import config_of
from trainer.train.run_folder import RunFolder
from vision.tryout import Limits, try_bundle

OURS = "vedette"


def export_detector(
    folder: Path, kinds: Sequence[str], home: Home | None = None, told: Told | None = None, options: ShipOptions | None = None
) -> Exported:
    """Of a run's folder, into it. `home`: where its data set lies; None: the home the folder is in."""
    there = RunFolder(folder)
    run, place = there.read(), home or Home(folder.absolute().parent.parent)
    if is_ours(run):
        return export_trained(trained_of(there, run, place), folder, kinds, told, options)
    model = foreign_of(folder, read_export(folder))
    return export_foreign(model, lesson_of(config_of(run.config).data, place, run.classes), folder, kinds, told, options)


def export_trained(
    trained: Trained, folder: Path, kinds: Sequence[str], told: Told | None = None, options: ShipOptions | None = None
) -> Exported:
    """Writes the files and export.json into `folder`. ONNX is always among them: the others are made of it.

    BundleError: the ONNX file is not the network, with both figures; then nothing is written. A smaller form that loses too much is
    refused in the document and has no file.
    """
    settings, asked = options or ShipOptions(), check_kinds(kinds)
    yardstick = Yardstick(trained.lesson.categories, trained.lesson.val)
    shown = Shown(trained.labels, trained.input, trained.head)
    steps = Steps(told or Silent(), 2 + PASSES * len(asked))
    graph = graph_of(trained.network, trained.size, settings.exporter)
    network = TorchEngine(Answer(trained.network), INPUT)
    before = yardstick.figures(network, shown, graph.data, steps.tick(0, "the trained network"))
    after = yardstick.figures(onnx_engine(graph.data, settings), shown, graph.data, steps.tick(1, "the ONNX file"))
    check_equal(before, after, settings.most_ap_difference)
    source = Source(graph, shown, trained.lesson.train, trained, settings)
    document = _document(source, yardstick, onnx_file(graph, after, before), before)
    document = document.model_copy(update={"licence": trained.licence, "notes": list(trained.notes)})
    return _with_forms(document, source, yardstick, asked, after, folder, steps)


def export_foreign(
    model: Foreign, lesson: Lesson, folder: Path, kinds: Sequence[str] = (), told: Told | None = None, options: ShipOptions | None = None
) -> Exported:
    """The same for a model that came as ONNX. BundleError: it is not what it was declared to be, does not answer, or sees nothing."""
    settings, asked = options or ShipOptions(), check_kinds(kinds)
    graph, yardstick = model.graph(), Yardstick(lesson.categories, lesson.val)
    steps = Steps(told or Silent(), 1 + PASSES * len(asked))
    with tempfile.TemporaryDirectory(prefix="vedette-draft-") as scratch:  # first in a process of its own: nobody here made it
        try_bundle(draft_of(Path(scratch) / "draft", model.shown, graph.data), limits=Limits(settings.trial_s))
    after = yardstick.figures(onnx_engine(graph.data, settings), model.shown, graph.data, steps.tick(0, "the model's answers"))
    if not after.answers:
        kind = model.shown.head.kind
        what = f"model of {model.trainer}: sees nothing on any of {len(yardstick)} pictures when it is read as {kind}"
        raise BundleError(f"{what}; correct the head, the input's mean and std, or train it longer")
    source = Source(graph, model.shown, lesson.train, None, settings)
    document = _document(source, yardstick, onnx_file(graph, after), None)
    document = document.model_copy(update={"licence": model.licence, "notes": list(model.notes), "trainer": model.trainer})
    return _with_forms(document, source, yardstick, asked, after, folder, steps)


def check_kinds(kinds: Sequence[str]) -> list[Kind]:
    """Those besides ONNX, each once."""
    strange = [kind for kind in kinds if kind not in KINDS]
    if strange:
        raise ConfigError(f"export: {strange[0][:40]!r} is no form we make; choose of {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in kinds and kind != "onnx"]


def _document(source: Source, yardstick: Yardstick, whole: ExportedFile, before: ExportedFigures | None) -> Exported:
    shown = source.shown
    return Exported(
        labels=list(shown.labels),
        input=shown.input,
        head=shown.head,
        pictures=len(yardstick),
        judged=yardstick.root,
        trained=before,
        files=[whole],
        trainer=OURS,
        software=software(),
    )


def _with_forms(
    document: Exported, source: Source, yardstick: Yardstick, asked: Sequence[Kind], whole: ExportedFigures, folder: Path, steps: Steps
) -> Exported:
    datas, files = {MODEL: source.graph.data}, list(document.files)
    first = steps.total - PASSES * len(asked)
    for number, kind in enumerate(asked):
        file, data = make_form(kind, source, yardstick, whole, steps, first + PASSES * number)
        files.append(file)
        datas |= {file.path: data} if data else {}
    return write_export(folder, document.model_copy(update={"files": files}), datas)
