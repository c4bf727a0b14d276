"""The HTTP side: paths, what each gives, and what is described of them to machines."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, Header, Response
from pydantic import BaseModel

from serving.http.door import App, Door, Message, Receive, Send
from serving.http.pages import add_page
from serving.http.problems import DESCRIPTIONS, KEY, json_response, problem
from serving.http.review_calls import add_review
from serving.http.score_calls import BATCH, MAX_KEY, NEXT, ONE, ScoreCalls
from serving.request import Answer, Answers, NextGrade, batch_model, request_model
from serving.service import Service
from serving.snapshot import describe_model
from tasks.governance.source_log import Kinds

Key = Annotated[str | None, Header(alias=KEY, min_length=1, max_length=MAX_KEY)]


def make_app(service: Service) -> App:
    """The application around a service, which it starts and stops: the door, the scores, then all else."""
    used = service.others
    app = _make(service, used)

    async def newest(scope: Message, receive: Receive, send: Send) -> None:
        """Answer by the form of a request that holds now: a source in use is a field of it."""
        nonlocal used, app
        if service.others != used:
            used = service.others
            app = _make(service, used)
        await app(scope, receive, send)

    return Door(newest, service.figures, lambda: service.tokens)


def _make(service: Service, used: Mapping[str, Kinds]) -> App:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await service.start()
        yield
        await service.stop()

    app = FastAPI(title="Vintage", summary="Scores at the moment of application", lifespan=lifespan,
                  docs_url=None, redoc_url=None)  # fmt: skip
    one = request_model(used)
    forms = {ONE: one, BATCH: batch_model(one), NEXT: one}
    _describe_scores(app, forms)
    _add_state(app, service)
    add_review(app, service)
    add_page(app)
    return ScoreCalls(app, service, forms)


def _describe_scores(app: FastAPI, forms: dict[str, type[BaseModel]]) -> None:
    """Put into the OpenAPI what `ScoreCalls` answers before a request comes here."""

    async def score(asked: Any, key: Key = None) -> None:
        """Score one application, and record the decision."""

    async def score_batch(asked: Any, key: Key = None) -> None:
        """Score up to 100 applications; all are answered and recorded, or none."""

    async def next_grade(asked: Any) -> None:
        """What would have to change for a better grade, one feature alone; nothing is recorded."""

    # The form of a request is known once the lender is.
    score.__annotations__["asked"], score_batch.__annotations__["asked"] = forms[ONE], forms[BATCH]
    next_grade.__annotations__["asked"] = forms[NEXT]
    responses: dict[int | str, Any] = {code: {"description": text} for code, text in DESCRIPTIONS.items()}
    app.post(ONE, response_model=Answer, responses=responses)(score)
    app.post(BATCH, response_model=Answers, responses=responses)(score_batch)
    app.post(NEXT, response_model=NextGrade, responses=responses)(next_grade)


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/v2/health/live")
    async def live() -> Response:
        """Whether the process runs."""
        return json_response({"live": True})

    @app.get("/v2/health/ready", responses={503: {"description": DESCRIPTIONS[503]}})
    async def ready() -> Response:
        """Whether applications are answered; if not, why not, and what the self-test found."""
        ok, tested = service.live is not None and not service.problem, service.tested
        found = tested and {"month": tested.month, "n": tested.n, "n_moved": tested.n_moved}
        return json_response(
            {"ready": ok, "problem": service.problem, "self_test": found}, 200 if ok else 503
        )

    @app.get("/v2/models/{model_id}", responses={404: {"description": "it does not serve"}})
    async def model(model_id: str) -> Response:
        """What the model that serves takes and gives, in the form of the Open Inference Protocol."""
        if service.live is None or service.live.model.model_id != model_id:
            return problem(
                404, "model_id", "this model does not serve; /v2/health/ready tells whether any does"
            )
        return json_response(describe_model(service.live))

    @app.get("/metrics")
    async def metrics() -> Response:
        """Figures for Prometheus."""
        return Response(service.figures_now(), media_type="text/plain; version=0.0.4")
