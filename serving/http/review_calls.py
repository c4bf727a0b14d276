"""The month's review list for people, and what they decide of it, by name."""

import asyncio
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.http.problems import json_response, problem, problem_of
from serving.service import Service
from tasks.config import Settings
from tasks.decisions.reviews import Review, read_reviews, record_review
from tasks.errors import VintageError
from tasks.reporting.review_list import applications_to_review

TOLD = ("at", "decision", "by", "why")  # of a decision on record
Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]


class Decision(BaseModel):
    """A person's decision on an application that is listed."""

    model_config = ConfigDict(extra="forbid")
    month: date
    customer_id: Annotated[str, Field(max_length=200)]
    loan_id: Annotated[str, Field(max_length=200)] | None = None
    decision: Literal["approve", "decline"]
    by: Name
    why: Annotated[str, Field(max_length=500)] = ""


def add_review(app: FastAPI, service: Service) -> None:
    """Serve the list of a month, and record decisions on it."""

    @app.get("/v1/review/{month}")
    async def listed(month: str) -> Response:
        """Applications of a month (its first day) that need a person, each with its newest decision."""
        try:
            found = await asyncio.to_thread(list_month, date.fromisoformat(month), service.settings)
        except ValueError:
            return problem(422, "month", "it is a day, such as 2024-12-01")
        except VintageError as error:
            return problem(404, "month", str(error))
        return json_response({"month": month, "applications": found})

    async def decide(request: Request) -> Response:
        """Record a decision on an application that is listed, by the name of who decides."""
        try:
            asked = Decision.model_validate_json(await request.body())
        except ValidationError as error:
            return problem_of(error)
        review = Review(**asked.model_dump(), caller=request.scope.get("caller", ""))
        try:
            known = await asyncio.to_thread(_record, review, service.settings)
        except VintageError as error:
            return problem(404, "month", str(error))
        if not known:
            return problem(404, "loan_id", "it is not on the list of the month")
        return json_response({"recorded": True})

    body = {"required": True, "content": {"application/json": {"schema": Decision.model_json_schema()}}}
    app.post("/v1/review", openapi_extra={"requestBody": body})(decide)


def list_month(month: date, settings: Settings) -> list[dict[str, Any]]:
    """The applications, riskiest first: customer_id, loan_id, pd, grade, reasons, and decided, or None.

    Raises: TableNotReadyError where nothing of the month was taken in.
    """
    decided = read_reviews(month, settings)
    found: dict[tuple[str, str | None], dict[str, Any]] = {}
    for row in applications_to_review(month, settings).to_dicts():
        key = (row["customer_id"], row["loan_id"])
        new = {name: row[name] for name in ("customer_id", "loan_id", "pd", "grade")}
        found.setdefault(key, {**new, "reasons": [], "decided": None})["reasons"].append(row["reason"])
        if key in decided:
            found[key]["decided"] = {name: decided[key][name] for name in TOLD}
    return sorted(found.values(), key=lambda one: -(one["pd"] or 0.0))


def _record(review: Review, settings: Settings) -> bool:
    """Whether the application is listed, and the decision so on record."""
    listed = applications_to_review(review.month, settings)
    of_application = {(row["customer_id"], row["loan_id"]) for row in listed.to_dicts()}
    if (review.customer_id, review.loan_id) not in of_application:
        return False
    record_review(review, settings)
    return True
