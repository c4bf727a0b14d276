"""The page for people, in a real browser: by keyboard alone, light and dark, with nothing from elsewhere."""

import shutil
import socket
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tasks.config import Settings
from tasks.decisions.log import read_log
from tasks.decisions.reviews import read_reviews
from tasks.store import tables
from tests.builders import month
from tests.e2e.browser import Page, chromium
from tests.serving.client import serving
from tests.serving.conftest import N_MONTHS
from tests.serving.process import Process, served
from tests.serving.test_review import leave_unscored

# A clone on a machine without a browser still has its other integration tests; `.ci/run` brings Chromium.
IN_CHROMIUM = pytest.mark.skipif(not shutil.which("chromium"), reason="it needs Chromium")


def test_the_page_takes_nothing_from_elsewhere_and_needs_no_token(own: Settings) -> None:
    from serving.tokens import add_token

    add_token("front end", ["score"], own)
    with serving(own) as (client, _):
        assert client.post("/v1/score", json={}).status_code == 401
        for path in ("/", "/review", "/common.js", "/page.js", "/review.js", "/page.css"):
            found = client.get(path)
            assert found.status_code == 200
            assert "default-src 'none'; script-src 'self'" in found.headers["Content-Security-Policy"]
            assert "://" not in found.text
        assert "<script>" not in client.get("/").text
        assert "Application" in client.get("/form.json").json()["components"]["schemas"]


@pytest.fixture
def address(process: tuple[str, Process]) -> str:
    """Where `vintage serve` listens."""
    return process[0]


@pytest.fixture
def process(own: Settings) -> Generator[tuple[str, Process]]:
    """Where `vintage serve` listens, and its process."""
    with served(own) as found:
        yield found


@pytest.mark.integration
def test_what_is_in_flight_is_answered_before_the_process_ends(
    own: Settings, process: tuple[str, Process]
) -> None:
    address, server = process
    body = b'{"customer_id": "CUS_0x1"}'
    head = f"POST /v1/score HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2].strip("/")))) as caller:
        caller.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body[:5])
        assert "vintage_ready 1.0" in httpx.get(f"{address}metrics").text  # the head is read by now
        server.terminate()
        caller.sendall(body[5:])
        assert caller.recv(100).startswith(b"HTTP/1.1 200")
    assert server.wait(timeout=60) == 0
    assert len(read_log(own)) == 1


def press_tab_to(page: Page, name: str) -> None:
    """Go by the Tab key to a field, or the button, as somebody without a mouse does."""
    for _ in range(100):
        if page.look("document.activeElement.id || document.activeElement.textContent") == name:
            return
        for kind in ("keyDown", "keyUp"):
            page.ask("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
    raise AssertionError(f"{name} cannot be reached by the Tab key")


@pytest.mark.integration
@IN_CHROMIUM
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_underwriter_enters_an_application_by_keyboard_and_reads_why(
    own: Settings, address: str, scheme: str, tmp_path: Path
) -> None:
    customer = tables.read("gold.predictions", own, on=month(N_MONTHS - 1))["customer_id"][0]
    with chromium(tmp_path / "browser") as page:
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        page.ask("Emulation.setEmulatedMedia", features=media)
        page.open(address)
        page.wait_for_text("annual income")
        press_tab_to(page, ".customer_id")
        page.ask("Input.insertText", text=customer)
        press_tab_to(page, "attributes.age")
        page.ask("Input.insertText", text="41")
        page.picture(tmp_path / f"form_{scheme}.png")
        press_tab_to(page, "Score")
        page.press_enter()
        page.wait_for_text("Probability of default")
        page.picture(tmp_path / f"answer_{scheme}.png")
        (line,) = read_log(own)
        said = line["answer"]
        assert line["asked"] == {"attributes": {"age": 41}}
        text = page.text()
        assert f"Grade\n{said['grade']}" in text or f"Grade {said['grade']}" in text
        assert [one["text"] for one in said["reasons"] if one["text"] not in text] == []
        assert said["request_id"] in text
        ground = page.look("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 29)"}[scheme]
        page.wait_for_text("each alone")
        page.picture(tmp_path / f"changes_{scheme}.png")
        press_tab_to(page, ".customer_id")
        page.look("document.activeElement.value = 'somebody'")
        page.press_enter()
        page.wait_for_text("customer_id: ")
    assert len(read_log(own)) == 1


@pytest.mark.integration
@IN_CHROMIUM
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_underwriter_decides_on_the_review_list_by_keyboard_and_by_name(
    own: Settings, address: str, scheme: str, tmp_path: Path
) -> None:
    day = month(N_MONTHS - 1)
    leave_unscored(own, day)
    with chromium(tmp_path / "browser") as page:
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        page.ask("Emulation.setEmulatedMedia", features=media)
        page.open(f"{address}review")
        for name, text in (("month", f"{day:%Y-%m}"), ("by", "Ann Lee")):
            press_tab_to(page, name)
            page.ask("Input.insertText", text=text)
        press_tab_to(page, "Show")
        page.press_enter()
        page.wait_for_text("need a person.")
        page.wait_for_text("Decline")
        press_tab_to(page, "Decline")
        page.press_enter()
        page.wait_for_text("decline by Ann Lee")
        page.picture(tmp_path / f"review_{scheme}.png")
    (decided,) = read_reviews(day, own).values()
    assert (decided["decision"], decided["by"]) == ("decline", "Ann Lee")
