"""One viewer of the dashboard without a browser: it speaks Streamlit's protocol over a WebSocket.

It keeps what a browser keeps (widget states, the URL's query, the session) and sends what a
browser sends when somebody chooses a period, narrows the cases, resets or goes to another page.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

OF_KEY: Final = re.compile(r"\$\$ID-[0-9a-f]{32}-(.+)")
HEADLINE: Final = re.compile(r'<h1 class="headline">(.*?)</h1>', re.DOTALL)
SENTENCE: Final = re.compile(r'id="filter-sentence">(.*?)</div>', re.DOTALL)
CONTROLS: Final = ("text_input", "selectbox", "multiselect", "date_input", "button", "button_group")


class Failed(Exception):
    """The server has answered with an error, or not at all."""


@dataclass
class Screen:
    """What one run of the script has sent."""

    page: str = ""
    query: str = ""
    headline: str = ""
    sentence: str = ""
    said: str = ""
    """A sentence where figures would stand: the filter leaves no case."""
    errors: list[str] = field(default_factory=list)
    size: int = 0
    marks: int = 0
    """Charts, tables and figures among the elements."""
    seconds: float = 0.0
    """From sending until the script has finished and everything it sent has arrived."""


class Viewer:
    """A session. `async with Viewer(base) as viewer`, then `await viewer.open(page, query)`."""

    def __init__(self, base: str, headers: dict[str, str] | None = None) -> None:
        parts = urlsplit(base)
        self.base, self.headers = base, headers or {}
        secure = "wss" if parts.scheme == "https" else "ws"
        self.address = f"{secure}://{parts.netloc}{parts.path.rstrip('/')}/_stcore/stream"
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.session = ""
        self.pages: dict[str, str] = {}
        self.page = self.query = self.hash = ""
        self.controls: dict[str, Any] = {}
        self.states: dict[str, WidgetState] = {}
        self.known: dict[str, ForwardMsg] = {}
        self.socket: ClientConnection | None = None
        self.answered_by = ""

    async def __aenter__(self) -> Viewer:
        await self.connect()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self.socket:
            await self.socket.close()

    async def connect(self) -> None:
        """Connect; with a session known, ask for it again as a browser does."""
        protocols: list[Any] = ["streamlit", "no-token", *([self.session] if self.session else [])]
        self.socket = await connect(
            self.address,
            subprotocols=protocols,
            origin=self.origin,  # type: ignore[arg-type]
            additional_headers=self.headers,
            max_size=None,
            open_timeout=30,
            compression=None,
        )
        answer = self.socket.response
        self.answered_by = answer.headers.get("X-Answered-By", "") if answer else ""

    async def open(self, page: str, query: str = "", timeout: float = 120) -> Screen:
        """Open a page by its link, as the first thing a session does."""
        self.page, self.query = page, query
        message = BackMsg()
        message.rerun_script.page_name = page
        return await self._run(message, timeout)

    async def go_to(self, page: str, timeout: float = 120) -> Screen:
        """Another page from the navigation, with the filters kept."""
        self.page, self.hash = page, self.pages[page]
        return await self._run(self._rerun(), timeout)

    async def choose(self, name: str, words: Sequence[str], timeout: float = 120) -> Screen:
        """The control of `name` set to `words`, as they stand on the screen."""
        kind, control = self.controls[f"choice_{name}"]
        state = WidgetState(id=control.id)
        if kind == "selectbox":
            state.string_value = words[0]
        else:
            state.string_array_value.data.extend(words)
        self.states[control.id] = state
        return await self._run(self._rerun(), timeout)

    async def press(self, key: str, timeout: float = 120) -> Screen:
        """A button."""
        _, control = self.controls[key]
        message = self._rerun()
        message.rerun_script.widget_states.widgets.append(WidgetState(id=control.id, trigger_value=True))
        return await self._run(message, timeout)

    def options(self, name: str) -> list[str]:
        """What can be chosen in the control of `name`; nothing where it is not on the screen."""
        _, control = self.controls.get(f"choice_{name}", ("", None))
        return list(control.options) if control is not None else []

    def _rerun(self) -> BackMsg:
        message = BackMsg()
        message.rerun_script.page_script_hash = self.hash
        message.rerun_script.widget_states.widgets.extend(self.states.values())
        return message

    async def _run(self, message: BackMsg, timeout: float) -> Screen:
        if self.socket is None:
            raise Failed("not connected")
        message.rerun_script.query_string = self.query
        message.rerun_script.cached_message_hashes.extend(self.known)
        message.rerun_script.context_info.url = f"{self.base}/{self.page}"
        message.rerun_script.context_info.timezone = "Asia/Shanghai"
        screen, began = Screen(self.page), time.perf_counter()
        await self.socket.send(message.SerializeToString())
        started = False
        while True:
            left = timeout - (time.perf_counter() - began)
            if left <= 0:
                raise Failed(f"no answer within {timeout:.0f} s")
            data = await self._received(left)
            screen.size += len(data)
            found = ForwardMsg()
            found.ParseFromString(data)
            kind = found.WhichOneof("type")
            if kind == "ref_hash":
                found, kind = self.known[found.ref_hash], "delta"
            elif found.metadata.cacheable and found.hash:
                self.known[found.hash] = found
            if kind == "new_session":
                started, self.controls = True, {}
                self.session = found.new_session.initialize.session_id
                self.hash = found.new_session.page_script_hash or self.hash
            elif kind == "navigation":
                self.pages = {page.url_pathname: page.page_script_hash for page in found.navigation.app_pages}
                self.hash = found.navigation.page_script_hash
            elif kind == "page_info_changed":
                self.query = found.page_info_changed.query_string
            elif kind == "page_not_found":
                screen.errors.append("page not found")
            elif kind == "delta" and found.delta.WhichOneof("type") == "new_element":
                self._seen(found.delta.new_element, screen)
            elif kind == "script_finished" and started:
                if found.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    screen.errors, screen.headline = [], ""
                    continue
                if found.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                    screen.errors.append(f"script finished with status {found.script_finished}")
                break
        screen.seconds, screen.query = time.perf_counter() - began, self.query
        self.states = {state: kept for state, kept in self.states.items() if state in self._ids()}
        return screen

    async def _received(self, timeout: float) -> bytes:
        import asyncio

        assert self.socket is not None
        try:
            data = await asyncio.wait_for(self.socket.recv(), timeout)
        except TimeoutError:
            raise Failed(f"no answer within {timeout:.0f} s") from None
        return data if isinstance(data, bytes) else data.encode()

    def _ids(self) -> set[str]:
        return {control.id for _, control in self.controls.values()}

    def _seen(self, element: Any, screen: Screen) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            screen.errors.append(f"{element.exception.type}: {element.exception.message}")
        elif kind == "alert" and element.alert.format == Alert.ERROR:
            screen.errors.append(element.alert.body)
        elif kind == "alert":
            screen.said = element.alert.body
        elif kind == "html":
            for pattern, name in ((HEADLINE, "headline"), (SENTENCE, "sentence")):
                said = pattern.search(element.html.body)
                if said:
                    setattr(screen, name, unescape(said[1]))
        elif kind in CONTROLS:
            self._control(kind, getattr(element, kind))
        elif kind in ("vega_lite_chart", "arrow_data_frame", "metric"):
            screen.marks += 1

    def _control(self, kind: str, control: Any) -> None:
        key = OF_KEY.match(control.id)
        if not key:
            return
        self.controls[key[1]] = (kind, control)
        # What the server sets, the browser keeps and sends back, and what is bound it writes into the URL.
        if kind == "text_input":
            value = control.value if control.set_value else control.default
            kept = self.states.get(control.id)
            if control.set_value or kept is None:
                self.states[control.id] = WidgetState(id=control.id, string_value=value)
            if control.query_param_key and control.set_value:
                self.query = _with(self.query, control.query_param_key, value)
        elif kind == "selectbox" and control.set_value:
            self.states[control.id] = WidgetState(id=control.id, string_value=control.raw_value)
        elif kind in ("multiselect", "date_input") and control.set_value:
            values = control.raw_values if kind == "multiselect" else control.value
            state = WidgetState(id=control.id)
            state.string_array_value.data.extend(values)
            self.states[control.id] = state


def _with(query: str, name: str, value: str) -> str:
    from urllib.parse import parse_qsl, urlencode

    kept = [(key, found) for key, found in parse_qsl(query) if key != name]
    return urlencode([*kept, (name, value)] if value else kept)
