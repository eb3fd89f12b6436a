"""A small Hub on 127.0.0.1 that speaks the protocol of huggingface_hub, keeps a log of requests, and fails on demand."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from hub_store import LARGE, Blob, Refused, Repo, Store, User

TOKEN = "hf_" + "Writer" * 6
READER = "hf_" + "Reader" * 6
PAGE = 7
"""Entries of a tree in one answer, few enough that a package needs several."""

_REPO = r"/api/(?:models|datasets)/(?P<repo>[^/]+/[^/]+)"
ROUTES = {
    ("GET", r"/api/whoami-v2"): "whoami",
    ("POST", r"/api/repos/create"): "create",
    ("POST", r"/api/validate-yaml"): "validate",
    ("GET", rf"{_REPO}(/revision/(?P<rev>[^/]+))?"): "info",
    ("GET", rf"{_REPO}/auth-check(?P<write>/write)?"): "auth_check",
    ("GET", rf"{_REPO}/xet-write-token/(?P<rev>[^/]+)"): "xet_token",
    ("POST", rf"{_REPO}/preupload/(?P<rev>[^/]+)"): "preupload",
    ("GET", rf"{_REPO}/tree/(?P<rev>[^/]+)(/(?P<folder>.+))?"): "tree",
    ("POST", rf"{_REPO}/paths-info/(?P<rev>[^/]+)"): "paths",
    ("GET", rf"{_REPO}/refs"): "refs",
    ("POST", rf"{_REPO}/commit/(?P<rev>[^/]+)"): "commit",
    ("POST", rf"{_REPO}/tag/(?P<rev>[^/]+)"): "tag",
    ("PUT", rf"{_REPO}/settings"): "settings",
    ("GET", rf"{_REPO}/discussions"): "requests",
    ("POST", rf"{_REPO}/discussions"): "open_request",
    ("GET", rf"{_REPO}/discussions/(?P<num>[0-9]+)"): "request",
    ("GET", r"/stored/(?P<sha>[0-9a-f]{64})"): "stored",
    ("POST", r"/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch"): "large_batch",
    ("PUT", r"/large/(?P<sha>[0-9a-f]{64})"): "large_put",
    ("POST", r"/(?P<repo>[^/]+/[^/]+)/large/verify"): "large_verify",
    ("(?:HEAD|GET)", r"/(?:datasets/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)"): "resolve",
}
Answer = tuple[int, Any, dict[str, str]]


Kind = int | Literal["drop", "lose", "hang", "corrupt", "strange", "expire"]
HEAVY_BYTES = 64 << 20


@dataclass
class Fault:
    """Strikes the next `times` calls of one kind.

    Before the work: a status; `drop`, the connection goes; `expire`, the token is not known any more. After it: `lose`,
    the answer is lost; `hang`, it never comes, and the client has to give up; `corrupt`, half of it comes; `strange`, it is of another form.
    """

    call: str
    kind: Kind
    times: int = 1
    struck: threading.Event = field(default_factory=threading.Event)
    given_up: threading.Event = field(default_factory=threading.Event)


class HubServer:
    """The server; use it as a context. `calls` lists the kinds of requests that came, in order."""

    def __init__(self) -> None:
        self.store = Store()
        self.store.users |= {TOKEN: User("ada", organisations=("lab",)), READER: User("ada", role="read")}
        self.calls: list[str] = []
        self.faults: list[Fault] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.storage = f"http://localhost:{self._http.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[HubServer]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def forget(self) -> None:
        """Be a Hub without repositories."""
        self.store.repos.clear()
        self.store.large.clear()
        self.calls.clear()
        self.faults.clear()
        self.store.users |= {TOKEN: User("ada", organisations=("lab",)), READER: User("ada", role="read")}

    def fail(self, call: str, kind: Kind, times: int = 1) -> Fault:
        fault = Fault(call, kind, times)
        self.faults.append(fault)
        return fault

    def take_fault(self, call: str) -> Fault | None:
        with self.store.lock:
            for fault in self.faults:
                if fault.call == call and fault.times:
                    fault.times -= 1
                    return fault
        return None

    def count(self, *calls: str) -> int:
        return sum(call in calls for call in self.calls)


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    # An answer is one packet: in two, the second waits for the client's receipt of the first.
    wbufsize = -1

    def handle_one_request(self) -> None:
        with suppress(ConnectionError):
            super().handle_one_request()

    def log_message(self, *_: object) -> None:
        """The log is `hub.calls`."""

    def _serve(self) -> None:
        body = self._read()
        url = urlsplit(self.path)
        call, arguments = _route(self.command, url.path)
        self.hub.calls.append(call)
        fault = self.hub.take_fault(call)
        if fault is not None and fault.kind == "expire":
            self.hub.store.users.pop(TOKEN)
            fault.struck.set()
        if fault is not None and fault.kind == "drop":
            return self._hang_up(fault)
        if fault is not None and isinstance(fault.kind, int):
            fault.struck.set()
            return self._answer((fault.kind, {"error": "not now"}, {"Retry-After": "0"} if fault.kind == 429 else {}))
        answer = self._work(call, arguments, body, parse_qs(url.query))
        if fault is not None and fault.kind in ("lose", "hang"):
            return self._hang_up(fault)
        if fault is not None and fault.kind in ("corrupt", "strange"):
            fault.struck.set()
            answer = (answer[0], _spoilt(answer[1], fault.kind), answer[2])
        return self._answer(answer)

    def _read(self) -> bytes | Blob:
        """Return what was sent; of a heavy file only its hash and size are kept."""
        left = int(self.headers.get("Content-Length", 0))
        if left < HEAVY_BYTES:
            return self.rfile.read(left)
        digest, size = sha256(), left
        while left:
            piece = self.rfile.read(min(left, 1 << 20))
            digest.update(piece)
            left -= len(piece)
        return Blob(b"", large=True, heavy=(digest.hexdigest(), size))

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    def _work(self, call: str, arguments: dict[str, str], body: Any, query: dict[str, list[str]]) -> Answer:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            with self.hub.store.lock:
                return getattr(_Calls(self.hub, token, query), call)(body, **arguments)
        except Refused as refused:
            code = {"X-Error-Code": refused.code} if refused.code else {}
            return refused.status, {"error": refused.text}, {"X-Error-Message": refused.text, **code}

    def _answer(self, answer: Answer) -> None:
        status, value, headers = answer
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _hang_up(self, fault: Fault) -> None:
        fault.struck.set()
        if fault.kind == "hang":
            # Until the client is gone; one that waits forever fails its test, and does not stop all of them.
            self.connection.settimeout(60)
            with suppress(TimeoutError):
                self.connection.recv(1)
                fault.given_up.set()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class _Calls:
    """What each call does; the lock is held."""

    def __init__(self, hub: HubServer, token: str, query: dict[str, list[str]]) -> None:
        self.hub, self.store, self.token, self.query = hub, hub.store, token, query

    def whoami(self, _: bytes) -> Answer:
        user = self.store.user(self.token)
        if user is None:
            raise Refused(401, "Invalid username or password.")
        organisations = [{"name": name} for name in user.organisations]
        rights = {"fineGrained": user.rights} if user.rights is not None else {}
        access = {"accessToken": {"role": user.role, "displayName": "a token", **rights}}
        return 200, {"type": "user", "name": user.name, "orgs": organisations, "auth": access}, {}

    def create(self, body: bytes) -> Answer:
        asked = json.loads(body)
        private = asked.get("visibility") == "private"
        status, repo = self.store.create(asked.get("organization"), asked["name"], self.token, private=private)
        return status, {"url": f"{self.hub.url}/{repo.name}"}, {}

    def validate(self, body: bytes) -> Answer:
        head = json.loads(body)["content"].split("---\n")[1]
        wrong = [] if "license" in yaml.safe_load(head) else [{"message": '"license" is required'}]
        return (400 if wrong else 200), {"errors": wrong, "warnings": []}, {}

    def info(self, _: bytes, repo: str, rev: str | None) -> Answer:
        found = self.store.repo(repo, self.token)
        commit = found.at(rev or "main")
        siblings = [{"rfilename": path, "size": blob.size} for path, blob in commit.tree.items()]
        state = {"id": repo, "sha": commit.oid, "private": found.private, "gated": found.gated, "siblings": siblings}
        return 200, state, {}

    def auth_check(self, _: bytes, repo: str, write: str | None) -> Answer:
        self.store.repo(repo, self.token, write=bool(write))
        return 200, {}, {}

    def preupload(self, body: bytes, repo: str, rev: str) -> Answer:
        found, asked = self.store.repo(repo, self.token, write=True, branch=rev), json.loads(body)
        ignored = () if "gitIgnore" in asked else found.ignored
        modes = [self._mode(found, rev, file["path"], file["path"] in ignored) for file in asked["files"]]
        return 200, {"files": modes}, {}

    def _mode(self, repo: Repo, rev: str, path: str, ignored: bool) -> dict[str, object]:
        there, large = repo.at(rev).tree.get(path), path.endswith(LARGE)
        oid = None if there is None else there.sha256 if there.large else there.oid
        return {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": ignored, "oid": oid}

    def xet_token(self, _: bytes, repo: str, rev: str) -> Answer:
        raise Refused(503, f"{repo} takes no large files now")

    def large_batch(self, body: bytes, repo: str) -> Answer:
        asked = json.loads(body)
        self.store.repo(repo, self.token, write=True, branch=asked.get("ref", {}).get("name", "main"))
        objects = [self._object(repo, each["oid"], each["size"]) for each in asked["objects"]]
        return 200, {"transfer": "basic", "objects": objects}, {}

    def _object(self, repo: str, oid: str, size: int) -> dict[str, object]:
        upload, verify = {"href": f"{self.hub.url}/large/{oid}"}, {"href": f"{self.hub.url}/{repo}/large/verify"}
        actions = {} if oid in self.store.large else {"actions": {"upload": upload, "verify": verify}}
        return {"oid": oid, "size": size, **actions}

    def large_put(self, body: bytes | Blob, sha: str) -> Answer:
        if self.token:
            raise Refused(400, "a signed address takes no token")
        blob = body if isinstance(body, Blob) else Blob(body, large=True)
        if blob.sha256 != sha:
            raise Refused(400, "other content than announced")
        self.store.large[sha] = blob
        return 200, b"", {}

    def stored(self, _: bytes, sha: str) -> Answer:
        if self.token:
            raise Refused(400, "a signed address takes no token")
        return 200, self.store.stored(sha).content, {}

    def large_verify(self, body: bytes, repo: str) -> Answer:
        self.store.repo(repo, self.token)
        asked = json.loads(body)
        stored = self.store.large.get(asked["oid"])
        if stored is None or stored.size != asked["size"]:
            raise Refused(404, "no such large file")
        return 200, {}, {}

    def commit(self, body: bytes, repo: str, rev: str) -> Answer:
        found = self.store.repo(repo, self.token, write=True, branch=rev)
        commit = self.store.commit(found, [json.loads(line) for line in body.splitlines()], rev)
        return 200, {"commitUrl": f"{self.hub.url}/{repo}/commit/{commit.oid}", "commitOid": commit.oid}, {}

    def tree(self, _: bytes, repo: str, rev: str, folder: str | None = None) -> Answer:
        below = f"{folder}/" if folder else ""
        whole = self.store.repo(repo, self.token).at(rev).tree
        found = [blob.entry(path) for path, blob in sorted(whole.items()) if path.startswith(below)]
        if self.query.get("recursive", [""])[0].lower() != "true":
            found = _of_folder(found, below)
        start = int(self.query.get("cursor", ["0"])[0])
        more = f'<{self.hub.url}/api/models/{repo}/tree/{rev}?recursive=true&cursor={start + PAGE}>; rel="next"'
        return 200, found[start : start + PAGE], {"Link": more} if start + PAGE < len(found) else {}

    def paths(self, body: bytes, repo: str, rev: str) -> Answer:
        tree = self.store.repo(repo, self.token).at(rev).tree
        asked = parse_qs(body.decode())["paths"]
        files = [tree[path].entry(path) for path in asked if path in tree]
        folders = [path for path in asked if any(each.startswith(f"{path}/") for each in tree)]
        return 200, [*files, *map(_directory, folders)], {}

    def refs(self, _: bytes, repo: str) -> Answer:
        found = self.store.repo(repo, self.token)
        tags = [{"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid} for name, oid in found.tags.items()]
        branches = [{"name": "main", "ref": "refs/heads/main", "targetCommit": found.head.oid}]
        return 200, {"branches": branches, "tags": tags, "converts": []}, {}

    def tag(self, body: bytes, repo: str, rev: str) -> Answer:
        found, name = self.store.repo(repo, self.token, write=True), json.loads(body)["tag"]
        if name in found.tags:
            raise Refused(409, "Tag reference exists already")
        found.tags[name] = found.at(rev).oid
        return 200, {}, {}

    def requests(self, _: bytes, repo: str) -> Answer:
        author = self.query.get("author", [""])[0]
        found = [each.told(repo) for each in self.store.repo(repo, self.token).requests if each.author == author]
        start = int(self.query["p"][0])
        return 200, {"count": len(found), "start": start, "discussions": found[start : start + 1]}, {}

    def open_request(self, body: bytes, repo: str) -> Answer:
        found, user, asked = self.store.repo(repo, self.token), self.store.user(self.token), json.loads(body)
        if user is None or not user.may_write or not asked["pullRequest"]:
            raise Refused(403, "You don't have the rights to open a pull request")
        return 200, {"num": found.open_request(asked["title"], user.name).num}, {}

    def request(self, _: bytes, repo: str, num: str) -> Answer:
        return 200, self.store.repo(repo, self.token).requests[int(num) - 1].told(repo), {}

    def settings(self, body: bytes, repo: str) -> Answer:
        self.store.repo(repo, self.token, write=True).private = json.loads(body)["visibility"] == "private"
        return 200, {}, {}

    def resolve(self, _: bytes, repo: str, rev: str, path: str) -> Answer:
        commit = self.store.repo(repo, self.token).at(rev)
        blob: Blob | None = commit.tree.get(path)
        if blob is None:
            raise Refused(404, "Entry not found", "EntryNotFound")
        etag = blob.sha256 if blob.large else blob.oid
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": commit.oid}
        if not blob.large:
            return 200, blob.content, headers
        # Large files lie on another host, which must not see the token.
        linked = {"X-Linked-Etag": f'"{etag}"', "X-Linked-Size": str(blob.size)}
        return 302, b"", {**headers, **linked, "Location": f"{self.hub.storage}/stored/{blob.sha256}"}


def _of_folder(files: list[dict[str, Any]], below: str) -> list[dict[str, Any]]:
    """Return the files that lie right in a folder, and the folders in it."""
    rest = {each["path"]: each["path"].removeprefix(below).split("/") for each in files}
    folders = {below + parts[0] for parts in rest.values() if len(parts) > 1}
    return [*(each for each in files if len(rest[each["path"]]) == 1), *map(_directory, sorted(folders))]


def _directory(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": "0" * 40}


def _spoilt(value: Any, kind: str) -> Any:
    """Return another answer: half of it, or one of another form."""
    if kind == "strange":
        return ["another", "form"] if isinstance(value, dict) else {"another": "form"}
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return content[: len(content) // 2] + b"\0"


def _route(method: str, path: str) -> tuple[str, dict[str, str]]:
    for (methods, pattern), call in ROUTES.items():
        match = re.fullmatch(pattern, path)
        if match and re.fullmatch(methods, method):
            return call, {name: unquote(value) if value else value for name, value in match.groupdict().items()}
    raise AssertionError(f"the client made a call that this Hub does not know: {method} {path}")
