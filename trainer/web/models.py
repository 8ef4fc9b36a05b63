"""Models as pages: bundles, who is champion, the gates of each beside the champion's, what ran where."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from trainer.web.gate_view import SHADES, side_by_side
from trainer.web.model_rows import answers, champions, key_of, known, model_page, model_sheet, verdict_of
from trainer.web.parts import Parts
from trainer.web.rendering import render

A_PAGE = 50
Text = Annotated[str, Query(max_length=100)]


def router(parts: Parts) -> APIRouter:
    routes, home = APIRouter(include_in_schema=False), parts.home

    @routes.get("/models")
    def models(request: Request, name: Text = "", before: Text = "") -> Response:
        rows = model_page(parts.database, name, before, A_PAGE + 1)
        older = key_of(rows[A_PAGE - 1]) if len(rows) > A_PAGE else None
        said = answers(parts.database, [row["digest"] for row in rows])
        return render(
            request, "models.html", here="models", rows=rows[:A_PAGE], older=older, best=champions(parts.database), answers=said,
            shades=SHADES, chosen={"name": name}, first=not before, known=known(parts.database, [row["parent"] for row in rows]),
        )  # fmt: skip

    @routes.get("/models/{digest}")
    def one(request: Request, digest: str) -> Response:
        sheet = model_sheet(parts.database, digest)
        if sheet is None:
            raise HTTPException(404, f"there is no model {digest[:80]} in the registry")
        verdict = verdict_of(home, sheet.judged)
        reigns = sheet.champion is not None and sheet.champion["digest"] == digest
        champion = verdict_of(home, sheet.champion_judged) if sheet.champion is not None and not reigns else None
        rules = side_by_side(verdict, champion) if verdict else []
        return render(
            request, "model.html", here="models", sheet=sheet, verdict=verdict, champion=champion, reigns=reigns, rules=rules,
            shades=SHADES, known=known(parts.database, [sheet.row["parent"]]),
        )  # fmt: skip

    @routes.get("/verdicts/{name}")
    def verdict(request: Request, name: str, beside: Text = "") -> Response:
        """Of a model that is not in the registry yet; `beside`: name of another verdict."""
        found = verdict_of(home, name)
        if found is None:
            raise HTTPException(404, f"there is no verdict {name[:80]} in the home")
        other = verdict_of(home, beside)
        rules = side_by_side(found, other)
        return render(request, "verdict.html", here="models", verdict=found, champion=other, name=name, rules=rules, shades=SHADES)

    return routes
