"""A headless Chromium, driven over its debugging protocol: open, type, wait for text, take a picture."""

import base64
import itertools
import json
import re
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.e2e.waiting import wait_until

PATIENCE = 120


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        """Take a connected tab."""
        self._socket = socket
        self._numbers = itertools.count()

    def ask(self, method: str, **params: Any) -> Any:
        """One command of the protocol, and its result: nothing where the page is just going away."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv(timeout=PATIENCE))).get("id") != number:
            pass
        return answer.get("result", {})

    def look(self, script: str) -> Any:
        """The value of a script in the page."""
        return self.ask("Runtime.evaluate", expression=script).get("result", {}).get("value")

    def open(self, address: str) -> None:
        """Go to an address."""
        self.ask("Page.navigate", url=address)

    def type(self, selector: str, text: str) -> None:
        """Click into a field, once it is there, and type."""
        self.wait(f"!!document.querySelector({selector!r})")
        self.look(f"document.querySelector({selector!r}).focus()")
        self.ask("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Press the mouse's button on what the selector finds, once it is there and no longer moves."""
        self.wait(f"!!document.querySelector({selector!r})")
        self.look(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        found = f"document.querySelector({selector!r}).getBoundingClientRect()"
        script = f"(box => JSON.stringify([box.x + box.width / 2, box.y + box.height / 2]))({found})"
        seen = [self.look(script)]

        def rests() -> bool:
            seen.append(self.look(script))
            return seen[-1] == seen[-2]

        wait_until(rests, lambda: f"{selector} never stood still: {seen}", seconds=PATIENCE)
        x, y = json.loads(seen[-1])
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press_enter(self) -> None:
        """Send the form of the field that was typed into."""
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key="Enter", windowsVirtualKeyCode=13, text="\r")

    def wait(self, script: str) -> None:
        """Wait until the script's value is true."""
        wait_until(
            lambda: self.look(script),
            lambda: f"{script} never came true; the page says: {self.text()[:500]}",
            seconds=PATIENCE,
        )

    def text(self) -> str:
        """What a person reads on the page."""
        return self.look("document.body ? document.body.innerText : ''") or ""

    def wait_for_text(self, text: str) -> None:
        """Wait until the page says so."""
        self.wait(f"document.body && document.body.innerText.includes({text!r})")

    def picture(self, path: Path) -> None:
        """Save what is seen as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def chromium(home: Path) -> Generator[Page]:
    """A browser with nothing remembered, closed at the end."""
    words = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    size = ["--window-size=1400,900", f"--user-data-dir={home}", "about:blank"]
    browser = subprocess.Popen([*words, *size], stderr=subprocess.PIPE, text=True)
    assert browser.stderr is not None
    try:
        said = next(line for line in browser.stderr if "DevTools listening" in line)
        port = re.search(r":(\d+)/", said)
        assert port, said
        tabs = httpx.get(f"http://127.0.0.1:{port[1]}/json/list").json()
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        with connect(address, max_size=None) as socket:
            yield Page(socket)
    finally:
        browser.terminate()
        browser.communicate()
