"""The pages for underwriters: an application at `/`, a review list at `/review`; nothing from elsewhere."""

from collections.abc import Awaitable, Callable
from importlib.resources import files

from fastapi import FastAPI, Response

OPEN = {
    "/": ("index.html", "text/html"),
    "/review": ("review.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/common.js": ("common.js", "text/javascript"),
    "/page.js": ("page.js", "text/javascript"),
    "/review.js": ("review.js", "text/javascript"),
}
FORM = "/form.json"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def add_page(app: FastAPI) -> None:
    """Serve the page, and the form of an application that it is made of, which names no customer."""
    for path, (name, kind) in OPEN.items():
        app.get(path, include_in_schema=False)(
            _sends((files("serving.http") / "page" / name).read_bytes(), kind)
        )

    @app.get(FORM, include_in_schema=False)
    async def form() -> dict[str, object]:
        return app.openapi()


def _sends(content: bytes, kind: str) -> Callable[[], Awaitable[Response]]:
    async def page() -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return page
