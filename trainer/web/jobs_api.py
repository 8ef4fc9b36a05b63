"""Jobs over REST: long work is asked for and answered with 202; how far it is, and its end, are asked for."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from trainer.jobs.job import Job, State
from trainer.jobs.kinds import KINDS, checked, schema
from trainer.jobs.queue import QueueFull
from trainer.web.parts import Parts
from trainer.web.visitor import actor, visitor

Id = Annotated[str, Query(pattern="^[0-9A-Z]{26}$")]
SOON_S = 2


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: str = Field(max_length=64)
    arguments: dict[str, Any] = Field(default_factory=dict)


def ask(parts: Parts, request: Request, kind: str, arguments: dict[str, Any], key: str | None = None) -> Job:
    """For the page and for programs. HTTPException 429 when too many wait."""
    who = visitor(request).name
    wanted = checked(kind, arguments)
    try:
        job = parts.jobs.ask(kind, wanted, who, f"{who} {key}"[:128] if key else None)
    except QueueFull as error:
        raise HTTPException(429, str(error), {"Retry-After": "60"}) from error
    parts.accounts.audit.note(actor(request), "job asked for", f"{kind} {job.id}", **wanted)
    return job


def cancel(parts: Parts, request: Request, job: str) -> Job:
    found = parts.jobs.cancel(job)
    if found is None:
        raise HTTPException(404, f"there is no job {job[:40]} (any more)")
    parts.accounts.audit.note(actor(request), "job cancelled", f"{found.kind} {found.id}")
    return found


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(prefix="/api/v1/jobs")

    @routes.get("", summary="Jobs, newest first")
    def listed(
        state: State | None = None, kind: Annotated[str, Query(max_length=64)] = "", limit: Annotated[int, Query(ge=1, le=200)] = 50,
        before: Id | None = None,
    ) -> Response:  # fmt: skip
        found = parts.jobs.listed(limit + 1, before, state or "", kind)
        older = found[limit - 1].id if len(found) > limit else None
        return JSONResponse({"jobs": [job.document() for job in found[:limit]], "before": older})

    @routes.get("/kinds", summary="What can be asked for, and with which arguments (JSON Schema)")
    def kinds() -> Response:
        return JSONResponse({name: {"words": kind.words, "arguments": schema(name)} for name, kind in KINDS.items()})

    @routes.post("", status_code=202, summary="Ask for one; the same Idempotency-Key again gives the job of the first time")
    def start(request: Request, asked: Asked, idempotency_key: Annotated[str | None, Header(max_length=60)] = None) -> Response:
        job = ask(parts, request, asked.kind, asked.arguments, idempotency_key)
        return JSONResponse(job.document(), 202, {"Location": f"/api/v1/jobs/{job.id}", "Retry-After": str(SOON_S)})

    @routes.get("/{job}", summary="One of them")
    def one(job: str) -> Response:
        found = parts.jobs.find(job)
        if found is None:
            raise HTTPException(404, f"there is no job {job[:40]} (any more)")
        return JSONResponse(found.document(), headers={} if found.over else {"Retry-After": str(SOON_S)})

    @routes.post("/{job}/cancel", status_code=202, summary="One that waits ends at once, one that runs within seconds")
    def end(request: Request, job: str) -> Response:
        found = cancel(parts, request, job)
        return JSONResponse(found.document(), 200 if found.over else 202)

    return routes
