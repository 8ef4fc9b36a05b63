"""Site: the page put together: the API, the streams, the HTML, and the guard in front of them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from contracts.errors import StorageError
from device.web import (
    api,
    changing,
    clips,
    dataset,
    dataset_pages,
    drifted,
    exports,
    login,
    pages,
    pushed,
    sessions,
    setup,
    sockets,
    storage,
    trends,
)
from device.web import setup_settings as settings
from device.web.access import Access
from device.web.desk import Desk
from device.web.guard import Guard
from device.web.live import Live
from device.web.options import Options
from device.web.setup_owner import Owner
from device.web.sheet import Sheet
from device.web.trail import Trail

STATIC = Path(__file__).parent / "static"


def build(desk: Desk, options: Options, failed: Callable[[BaseException], None]) -> ASGIApp:
    """`failed` hears of a bug in one of the page's own threads."""
    access, trail = Access(options, desk.clock), Trail(desk.messages, failed)
    live, past = Live(desk, options, failed), trends.Trends(desk)
    gallery, sheet = dataset.open_gallery(desk, failed), Sheet(desk, access, trail)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        trail.start()
        working = [asyncio.create_task(_sample(past)), *([asyncio.create_task(gallery.follow.run())] if gallery else [])]
        try:
            yield
        finally:
            await trail.stop()
            for task in working:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    app = FastAPI(
        title="Vedette",
        version=desk.version,
        summary="One box: its cameras, events, clips and health",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=life,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # nothing leaves the box by a side door
    )
    app.include_router(api.router(desk, live, trail, past))
    app.include_router(clips.router(desk))
    app.include_router(changing.router(desk))
    app.include_router(storage.router(desk))
    app.include_router(drifted.router(desk))
    app.include_router(pushed.router(desk))
    app.include_router(sessions.router(desk))
    if gallery:
        app.include_router(dataset.router(gallery))
    app.include_router(exports.router(desk.exports, desk.device_id, desk.clock, options.export_downloads))
    app.include_router(sockets.router(desk, live, trail, options.max_listeners))
    app.include_router(login.router(access))
    if desk.owner is not None:
        _open_to_its_owner(app, desk.owner, access, sheet, live)
    app.include_router(pages.router(sheet, app))
    app.include_router(dataset_pages.pages(sheet, gallery))
    for more in (clips, storage, sessions, drifted, pushed):
        app.include_router(more.pages(sheet))
    app.include_router(changing.pages(desk))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    refusals: tuple[int | type[Exception], ...] = (*pages.TITLES, StorageError)
    for what in refusals:
        app.add_exception_handler(what, pages.lost)
    return Guard(app, options, access, desk.owner)


def _open_to_its_owner(app: FastAPI, owner: Owner, access: Access, sheet: Sheet, live: Live) -> None:
    access.sessions.take(owner.logins())
    app.include_router(setup.router(owner, access))
    shared = settings.Settings(owner, access, sheet)
    app.include_router(settings.router(shared, live))
    app.include_router(settings.pages(shared))
    settings.say_faults_plainly(app)


async def _sample(past: trends.Trends) -> None:
    while True:
        past.sample()
        await asyncio.sleep(trends.EVERY_S)
