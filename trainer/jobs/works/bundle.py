"""Bundle as a job: of a run of the home, as a draft to be judged, or with the verdict that passes; then into the registry."""

from __future__ import annotations

from pydantic import Field

from trainer.jobs.kinds import Given, Result
from trainer.jobs.told import Told
from trainer.jobs.works.arguments import Digest, Name
from vision.strict import Strict


class Arguments(Strict):
    run: Name
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")
    version: str = Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")
    form: str = Field(default="onnx", pattern="^(onnx|int8|fp16)$", description="onnx, int8 or fp16")
    draft: bool = Field(default=False, description="to be judged; becomes no champion")
    verdict: Name | None = Field(default=None, description="of the home's verdicts/, which passes; without one only a draft is made")
    parent: Digest | None = None
    licence: str = Field(default="", max_length=200, description="empty: what the export says")


def work(arguments: Arguments, given: Given, told: Told) -> Result:
    from trainer.home import named
    from trainer.registry.making import Request, make_bundle
    from trainer.registry.registry import Registry

    a, home = arguments, given.home
    parent = f"sha256:{a.parent.removeprefix('sha256:')}" if a.parent else None
    request = Request(a.name, a.version, form=a.form, parent=parent, licence=a.licence, draft=a.draft)
    verdict = named(home.verdicts, a.verdict.removesuffix(".json"), ".json") if a.verdict else None
    path = make_bundle(home, a.run, request, verdict, told)
    model = Registry(given.database, home, given.clock).add(path, given.who or "job", f"job {given.job}")
    return {"digest": model.digest, "name": a.name, "version": a.version, "draft": a.draft}
