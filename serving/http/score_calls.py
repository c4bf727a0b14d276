"""The calls for scores, without a framework's layers between: they come hundreds of times a second."""

from collections.abc import Mapping

from pydantic import BaseModel
from starlette.responses import Response

from serving.http.door import App, Message, Receive, Send
from serving.http.problems import KEY, KNOWN, json_response, problem, problem_of
from serving.request import to_application
from serving.service import Service

ONE, BATCH, NEXT = "/v1/score", "/v1/score/batch", "/v1/next-grade"
MAX_KEY = 255  # characters


class ScoreCalls:
    """Answers the calls for scores, and hands every other on to the application."""

    def __init__(self, app: App, service: Service, forms: Mapping[str, type[BaseModel]]) -> None:
        """Needs: `forms`, of the requests to ONE, BATCH and NEXT."""
        self._app, self._service, self._forms = app, service, forms

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """As ASGI calls an application."""
        form = self._forms.get(scope.get("path", ""))
        if form is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is not None:
            await (await self._answer(scope, body, form))(scope, receive, send)

    async def _answer(self, scope: Message, body: bytes, form: type[BaseModel]) -> Response:
        headers = dict(scope["headers"])
        key = headers[KEY.lower().encode()].decode("latin-1") if KEY.lower().encode() in headers else None
        if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
            return problem(415, "Content-Type", "it has to be application/json")
        if key is not None and not 0 < len(key) <= MAX_KEY:
            return problem(422, KEY, f"it has from 1 to {MAX_KEY} characters")
        path, today = scope["path"], self._service.today()
        try:
            asked = form.model_validate_json(body)
            if path == NEXT:
                return json_response(await self._service.next_grade(to_application(asked, today)))
            many = getattr(asked, "applications", [asked])
            answers = await self._service.answer(
                [to_application(one, today) for one in many],
                path=path,
                body=body,
                key=key,
                caller=scope.get("caller", ""),
            )
        except KNOWN as error:
            return problem_of(error)
        return json_response(answers[0] if path == ONE else {"answers": answers})


async def _read(receive: Receive) -> bytes | None:
    """The body of a request; None where the caller is gone."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body
    return None
