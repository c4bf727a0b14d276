"""The HTTP side: paths, status codes, and what a caller is told when there is no answer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
from fastapi import FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from serving.door import Door
from serving.pages import add_page
from serving.record.idempotency import InFlightError, KeyReusedError
from serving.request import Answer, Answers, batch_model, request_model, to_application
from serving.service import NotReadyError, Service, WrongDayError
from serving.snapshot import describe_model
from tasks.governance.source_log import ever_used

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)]
ERRORS: dict[int | str, Any] = {
    401: {"description": "no bearer token that holds, where tokens are needed"},
    403: {"description": "the token does not have the scope"},
    409: {"description": "the same request, by its Idempotency-Key, is being answered"},
    411: {"description": "the request does not say how long it is"},
    413: {"description": "the request is too long"},
    422: {"description": "a field is wrong, and named; or the Idempotency-Key came with another request"},
    429: {"description": "more requests a second than the token may make"},
    503: {"description": "nothing is answered now; Retry-After says when to try again"},
}


def make_app(service: Service) -> FastAPI:
    """The application around a service, which it starts and stops."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(title="Vintage", summary="Scores at the moment of application", lifespan=lifespan,
                  docs_url=None, redoc_url=None)  # fmt: skip
    application = request_model(ever_used(service.settings))
    app.add_middleware(Door, figures=service.figures, tokens=lambda: service.tokens)
    _add_manners(app)
    _add_pages(app, service)
    add_page(app)

    async def answer(asked: list[Any], request: Request, key: str | None) -> list[dict[str, Any]]:
        today = service.today()
        applications = [to_application(one, today) for one in asked]
        return await service.answer(
            applications,
            path=request.url.path,
            body=await request.body(),
            key=key,
            caller=request.scope.get("caller", ""),
        )

    async def score(asked: BaseModel, request: Request, key: Key = None) -> Response:
        """Score one application, and record the decision."""
        return _json((await answer([asked], request, key))[0])

    async def score_batch(asked: Any, request: Request, key: Key = None) -> Response:
        """Score up to 100 applications; all are answered and recorded, or none."""
        return _json({"answers": await answer(asked.applications, request, key)})

    # The form of a request is known once the lender is.
    score.__annotations__["asked"] = application
    score_batch.__annotations__["asked"] = batch_model(application)
    app.post("/v1/score", response_model=Answer, responses=ERRORS)(score)
    app.post("/v1/score/batch", response_model=Answers, responses=ERRORS)(score_batch)
    return app


def _add_pages(app: FastAPI, service: Service) -> None:
    @app.get("/v2/health/live")
    async def live() -> Response:
        """Whether the process runs."""
        return _json({"live": True})

    @app.get("/v2/health/ready", responses={503: ERRORS[503]})
    async def ready() -> Response:
        """Whether applications are answered; if not, why not, and what the self-test found."""
        ok, tested = service.live is not None and not service.problem, service.tested
        found = tested and {"month": tested.month, "n": tested.n, "n_moved": tested.n_moved}
        return _json({"ready": ok, "problem": service.problem, "self_test": found}, 200 if ok else 503)

    @app.get("/v2/models/{model_id}", responses={404: {"description": "it does not serve"}})
    async def model(model_id: str) -> Response:
        """What the model that serves takes and gives, in the form of the Open Inference Protocol."""
        if service.live is None or service.live.model.model_id != model_id:
            return _problem(
                404, "model_id", "this model does not serve; /v2/health/ready tells whether any does"
            )
        return _json(describe_model(service.live))

    @app.get("/metrics")
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.figures.text(), media_type="text/plain; version=0.0.4")


def _add_manners(app: FastAPI) -> None:
    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> Response:
        """What was sent is not repeated: it may be personal."""
        problems = [
            {"field": ".".join(map(str, one["loc"][1:])) or str(one["loc"][0]), "problem": one["msg"]}
            for one in error.errors()
        ]
        return _json({"errors": problems}, 422)

    @app.exception_handler(NotReadyError)
    async def not_ready(_: Request, error: NotReadyError) -> Response:
        response = _problem(503, "", str(error))
        response.headers["Retry-After"] = "1"
        return response

    @app.exception_handler(WrongDayError)
    async def wrong_day(_: Request, error: WrongDayError) -> Response:
        return _problem(422, "application_date", str(error))

    @app.exception_handler(KeyReusedError)
    async def key_reused(_: Request, __: KeyReusedError) -> Response:
        return _problem(422, "Idempotency-Key", "it came with another request within 24 hours")

    @app.exception_handler(InFlightError)
    async def in_flight(_: Request, __: InFlightError) -> Response:
        return _problem(409, "Idempotency-Key", "the same request is being answered")


def _problem(status: int, field: str, problem: str) -> Response:
    return _json({"errors": [{"field": field, "problem": problem}]}, status)


def _json(content: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(content), status, media_type="application/json")
