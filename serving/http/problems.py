"""What a caller is told where there is no answer: a status, the field, the problem."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError
from starlette.responses import Response

from serving.record.idempotency import InFlightError, KeyReusedError
from serving.service import NotReadyError, WrongDayError

KEY = "Idempotency-Key"
DESCRIPTIONS: Mapping[int, str] = {
    401: "no bearer token that holds, where tokens are needed",
    403: "the token does not have the scope",
    409: "the same request, by its Idempotency-Key, is being answered",
    411: "the request does not say how long it is",
    413: "the request is too long",
    415: "the request is not of the type application/json",
    422: "a field is wrong, and named; or the Idempotency-Key came with another request",
    429: "more requests a second than the token may make",
    503: "nothing is answered now; Retry-After says when to try again",
}
Known = NotReadyError | WrongDayError | KeyReusedError | InFlightError | ValidationError
KNOWN = (NotReadyError, WrongDayError, KeyReusedError, InFlightError, ValidationError)


def json_response(content: Any, status: int = 200) -> Response:
    """A response of JSON."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def problem(status: int, field: str, text: str) -> Response:
    """A response that names one problem."""
    return json_response({"errors": [{"field": field, "problem": text}]}, status)


def problem_of(error: Known) -> Response:
    """The response to what went wrong; what was sent is not repeated: it may be personal."""
    match error:
        case NotReadyError():
            response = problem(503, "", str(error))
            response.headers["Retry-After"] = "1"
            return response
        case WrongDayError():
            return problem(422, "application_date", str(error))
        case KeyReusedError():
            return problem(422, KEY, "it came with another request within 24 hours")
        case InFlightError():
            return problem(409, KEY, "the same request is being answered")
        case ValidationError():
            return _of_fields(error)


def _of_fields(error: ValidationError) -> Response:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    problems = [{"field": ".".join(map(str, one["loc"])) or "body", "problem": one["msg"]} for one in found]
    return json_response({"errors": problems}, 422)
