"""A client of the real yaml-language-server, over stdio, as an editor speaks to it."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

WAITED_S = 180
SETTINGS = {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}


class Server:
    """One server; files are opened with the text that an editor would hold, which need not be saved."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.number = 0
        self.messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self.diagnosed: dict[str, list[dict[str, Any]]] = {}
        threading.Thread(target=self._read, daemon=True).start()
        self.request("initialize", processId=None, rootUri=None, capabilities={"workspace": {"configuration": True}})
        self.notify("initialized")
        self.notify("workspace/didChangeConfiguration", settings={"yaml": SETTINGS})

    def problems(self, path: Path, text: str | None = None) -> list[str]:
        """Open a file and return what is underlined in it."""
        uri = self.open(path, text)
        while uri not in self.diagnosed:
            self._take()
        return [f"{each['range']['start']['line'] + 1}: {each['message']}" for each in self.diagnosed[uri]]

    def completions(self, path: Path, text: str) -> dict[str, str]:
        """Return what is offered where `|` stands in a text, and what is said of each."""
        uri, place = self._placed(path, text)
        found = self.request("textDocument/completion", textDocument={"uri": uri}, position=place)
        items = found["items"] if isinstance(found, dict) else found or []
        return {item["label"]: _words(item.get("documentation", "")) for item in items}

    def hover(self, path: Path, text: str) -> str:
        """Return what is said of the word in which `|` stands."""
        uri, place = self._placed(path, text)
        found = self.request("textDocument/hover", textDocument={"uri": uri}, position=place)
        return _words(found["contents"]) if found else ""

    def open(self, path: Path, text: str | None = None) -> str:
        """Open a file under an address of its own in its folder, as it was never open before, and return the address."""
        self.number += 1
        uri = path.resolve().with_name(f"{path.stem}-{self.number}{path.suffix}").as_uri()
        said = path.read_text(encoding="utf-8") if text is None else text
        document = {"uri": uri, "languageId": "yaml", "version": self.number, "text": said}
        self.notify("textDocument/didOpen", textDocument=document)
        return uri

    def notify(self, method: str, **params: Any) -> None:
        """Send what has no answer."""
        self._send({"method": method, "params": params})

    def request(self, method: str, **params: Any) -> Any:
        """Send a question and return its answer."""
        self.number += 1
        number = self.number
        self._send({"id": number, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == number and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def _placed(self, path: Path, text: str) -> tuple[str, dict[str, int]]:
        before, _, after = text.partition("|")
        place = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
        return self.open(path, before + after), place

    def _take(self) -> dict[str, Any]:
        """Return the next message, and answer the questions of the server itself."""
        message = self.messages.get(timeout=WAITED_S)
        if message.get("method") == "textDocument/publishDiagnostics":
            self.diagnosed[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "method" in message and "id" in message:
            asked = message.get("params") or {}
            settings = [SETTINGS if item.get("section") == "yaml" else {} for item in asked.get("items", [])]
            answer = settings if message["method"] == "workspace/configuration" else None
            self._send({"id": message["id"], "result": answer})
        return message

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream
        while head := stream.readline():
            length = int(head.split(b":")[1])
            while stream.readline().strip():
                pass
            self.messages.put(json.loads(stream.read(length)))


@contextmanager
def running(command: list[str]) -> Iterator[Server]:
    """Yield a server, which ends with the block."""
    server = Server(command)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def _words(contents: Any) -> str:
    return contents["value"] if isinstance(contents, dict) else str(contents)
