"""Jobs as pages: what waits, runs and is over; asked for by a form, cancelled by a button."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from contracts.errors import ConfigError
from trainer.jobs.job import STATES, Job
from trainer.jobs.kinds import KINDS, schema
from trainer.web import jobs_api
from trainer.web.body import form_of
from trainer.web.fragments import fragment
from trainer.web.parts import Parts
from trainer.web.rendering import render

A_PAGE = 50
SHADES = {"done": "ok", "failed": "failed", "running": "degraded", "waiting": "", "cancelled": ""}


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    def values(state: str, before: str | None) -> dict[str, Any]:
        found = parts.jobs.listed(A_PAGE + 1, before, state if state in STATES else "")
        older = found[A_PAGE - 1].id if len(found) > A_PAGE else None
        return {"jobs": found[:A_PAGE], "older": older, "state": state, "first": before is None, "shades": SHADES}

    @routes.get("/jobs")
    def jobs(request: Request, state: Annotated[str, Query(max_length=16)] = "", before: Before = None) -> Response:
        return render(request, "jobs.html", here="jobs", states=STATES, kinds=KINDS, counts=parts.jobs.counts(), **values(state, before))

    @routes.get("/jobs/rows")
    def rows(request: Request, state: Annotated[str, Query(max_length=16)] = "", before: Before = None) -> Response:
        return fragment(request, "job_rows.html", **values(state, before))

    @routes.get("/jobs/new/{kind}")
    def new(request: Request, kind: str) -> Response:
        return _form(request, kind)

    @routes.post("/jobs/new/{kind}")
    async def start(request: Request, kind: str) -> Response:
        form = {name: value for name, value in form_of(await request.body()).items() if name != "csrf"}
        try:
            job = await run_in_threadpool(jobs_api.ask, parts, request, kind, _arguments(kind, form))
        except ConfigError as error:
            return _form(request, kind, form, str(error))
        return RedirectResponse(f"/jobs/{job.id}", 303)

    @routes.get("/jobs/{job}")
    def one(request: Request, job: str) -> Response:
        return render(request, "job.html", here="jobs", **_shown(_found(parts, job)))

    @routes.get("/jobs/{job}/now")
    def now(request: Request, job: str) -> Response:
        found = _found(parts, job)
        return fragment(request, "job_now.html", over=found.over, **_shown(found))

    @routes.post("/jobs/{job}/cancel")
    def cancel(request: Request, job: str) -> Response:
        jobs_api.cancel(parts, request, job)
        return RedirectResponse(f"/jobs/{job}", 303)

    return routes


Before = Annotated[str | None, Query(pattern="^[0-9A-Z]{26}$")]


def _found(parts: Parts, job: str) -> Job:
    found = parts.jobs.find(job)
    if found is None:
        raise HTTPException(404, f"there is no job {job[:40]} (any more)")
    return found


def _shown(job: Job) -> dict[str, Any]:
    def pretty(value: object) -> str:
        return json.dumps(value, indent=1, ensure_ascii=False)

    return {"job": job, "arguments": pretty(job.arguments), "result": pretty(job.result) if job.result else "", "shades": SHADES}


def _form(request: Request, kind: str, given: dict[str, str] | None = None, error: str = "") -> Response:
    if kind not in KINDS:
        raise HTTPException(404, f"there is no kind of job {kind[:40]}; it is one of {', '.join(KINDS)}")
    document = schema(kind)
    needed = document.get("required", [])
    fields = [
        {
            "name": name, "words": field.get("description", ""), "default": field.get("default"), "needed": name in needed,
            "choices": field.get("enum", []),
        }
        for name, field in document["properties"].items()
    ]  # fmt: skip
    return render(
        request, "job_new.html", 422 if error else 200, here="jobs", kind=kind, words=KINDS[kind].words, fields=fields,
        given=given or {}, error=error,
    )  # fmt: skip


def _arguments(kind: str, form: dict[str, str]) -> dict[str, Any]:
    """What was filled in; where words will not do it is read as JSON, or as a list with commas."""
    if kind not in KINDS:
        raise ConfigError(f"there is no kind of job {kind[:40]}")
    fields = schema(kind)["properties"]
    return {name: _value(fields.get(name, {}), text.strip()) for name, text in form.items() if text.strip()}


def _value(field: dict[str, Any], text: str) -> Any:
    kinds = {field.get("type"), *(each.get("type") for each in field.get("anyOf", []))}
    if "array" in kinds:
        return [word.strip() for word in text.split(",") if word.strip()]
    if kinds & {"integer", "number", "object", "boolean"} or "$ref" in json.dumps(field):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
