"""Rollouts over REST: listed, shown, begun, paused, resumed, approved, stopped; rights and audit are those of the page."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from contracts.errors import ConfigError
from trainer.push.asked import Asked, box_documents, document
from trainer.push.cohorts import cohorts_of
from trainer.push.place import Place
from trainer.push.repository import Repository
from trainer.push.rollout import Rollout, Rollouts
from trainer.push.tended import untended
from trainer.web.parts import Parts
from trainer.web.rollouts import After
from trainer.web.visitor import actor

What = Literal["pause", "resume", "approve"]


class Why(BaseModel):
    model_config = ConfigDict(extra="forbid")

    why: str = Field(min_length=1, max_length=500, description="is kept")


def router(parts: Parts) -> APIRouter:
    routes = APIRouter(prefix="/api/v1/rollouts", tags=["rollouts"])
    rollouts = Rollouts(parts.database, parts.clock)

    def one_of(name: str) -> Rollout:
        try:
            return rollouts.get(name)
        except ConfigError as error:
            raise HTTPException(404, str(error)) from error

    def told(found: Rollout, status: int = 200) -> Response:
        headers = {"Location": f"/api/v1/rollouts/{found.name}"} if status == 201 else {}
        return JSONResponse(document(found, rollouts.counted(found.name)), status, headers)

    @routes.get("", summary="Rollouts, newest first; `untended`: which of the programs that they need is not at work")
    def listed(limit: Annotated[int, Query(ge=1, le=200)] = 50) -> Response:
        found = [document(each, counts) for each, counts in rollouts.listed(limit)]
        return JSONResponse({"rollouts": found, "untended": untended(parts.database, parts.clock)})

    @routes.post("", status_code=201, summary="Begin one: a release, its boxes, the rules of its waves")
    def begin(request: Request, asked: Asked) -> Response:
        place = Place(parts.home)
        place.require()
        released = Repository(place, parts.clock).everything()
        return told(asked.begin(rollouts, released, cohorts_of(parts.home), actor(request)), 201)

    @routes.get("/{name}", summary="How one stands")
    def one(name: str) -> Response:
        return told(one_of(name))

    @routes.get("/{name}/boxes", summary="What each of its boxes says, in the order of waves; `after` of an answer gives the next")
    def boxes(name: str, after: After = "", limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> Response:
        rows = rollouts.boxes(one_of(name).name, after, limit + 1)
        last = rows[limit - 1] if len(rows) > limit else None
        return JSONResponse({"boxes": box_documents(rows[:limit]), "after": f"{last['wave']}.{last['device']}" if last else None})

    @routes.post("/{name}/stop", summary="Emergency: who has not taken it is called off, who has goes back")
    def stop(request: Request, name: str, said: Why) -> Response:
        return told(rollouts.stop(one_of(name).name, said.why, actor(request)))

    @routes.post("/{name}/{what}", summary="Pause it, resume it, or let its next wave begin")
    def decide(request: Request, name: str, what: What) -> Response:
        return told(rollouts.decide(one_of(name).name, what, actor(request)))

    return routes
