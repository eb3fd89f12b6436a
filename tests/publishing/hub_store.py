"""What a small Hub keeps: users, repositories with their commits and tags, large files by hash."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any

LARGE = (".safetensors", ".mp4", ".png")


class Refused(Exception):
    """An answer that is not a success: status, text and the code that the client reads."""

    def __init__(self, status: int, text: str, code: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.code = status, text, code


@dataclass(frozen=True)
class User:
    """`rights` are those of a fine-grained token, as the Hub tells them; `writes` whether the Hub lets it write."""

    name: str
    role: str = "write"
    organisations: tuple[str, ...] = ()
    rights: dict[str, Any] | None = None
    writes: tuple[str, ...] = ("write",)

    @property
    def may_write(self) -> bool:
        return self.role in self.writes


@dataclass(frozen=True)
class Blob:
    """A file. Of a `heavy` one only hash and size are kept."""

    content: bytes
    large: bool
    heavy: tuple[str, int] | None = None

    @property
    def size(self) -> int:
        return self.heavy[1] if self.heavy else len(self.content)

    @property
    def sha256(self) -> str:
        return self.heavy[0] if self.heavy else hashlib.sha256(self.content).hexdigest()

    @property
    def oid(self) -> str:
        content = b"pointer to " + self.sha256.encode() if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def entry(self, path: str) -> dict[str, object]:
        size = self.size
        large = {"lfs": {"oid": self.sha256, "size": size, "pointerSize": 134}} if self.large else {}
        return {"type": "file", "path": path, "size": size, "oid": self.oid, **large}


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    tree: dict[str, Blob]


@dataclass
class Request:
    """A pull request, with a branch of its own."""

    num: int
    title: str
    author: str
    status: str
    commits: list[Commit]

    def told(self, repo: str) -> dict[str, Any]:
        return {
            "num": self.num, "title": self.title, "author": {"name": self.author}, "status": self.status,
            "createdAt": "2026-11-26T12:00:00.000Z", "isPullRequest": True, "repo": {"name": repo, "type": "model"},
            "events": [], "filesWithConflicts": [], "changes": {"base": "refs/heads/main"},
        }  # fmt: skip


@dataclass
class Repo:
    name: str
    private: bool
    gated: bool = False
    ignored: tuple[str, ...] = ()
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.add_commit("initial commit", {".gitattributes": Blob(b"*.safetensors filter=lfs\n", large=False)})

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def add_commit(self, title: str, tree: dict[str, Blob], branch: str = "main") -> Commit:
        commits = self.branch(branch)
        seed = f"{self.name} {branch} {len(commits)} {title} {sorted((path, blob.oid) for path, blob in tree.items())}"
        commits.append(Commit(hashlib.sha1(seed.encode()).hexdigest(), title, tree))
        return commits[-1]

    def open_request(self, title: str, author: str) -> Request:
        # Those that a program opens are drafts.
        self.requests.append(Request(len(self.requests) + 1, title, author, "draft", [self.head]))
        return self.requests[-1]

    def branch(self, name: str) -> list[Commit]:
        if name == "main":
            return self.commits
        for request in self.requests:
            if name == f"refs/pr/{request.num}":
                return request.commits
        raise Refused(404, "Revision Not Found", "RevisionNotFound")

    def at(self, revision: str) -> Commit:
        if revision == "main" or revision.startswith("refs/pr/"):
            return self.branch(revision)[-1]
        revision = self.tags.get(revision, revision)
        for commit in [*self.commits, *(commit for request in self.requests for commit in request.commits)]:
            if commit.oid == revision:
                return commit
        raise Refused(404, "Revision Not Found", "RevisionNotFound")


class Store:
    """All of it, behind one lock: a request sees and leaves a whole state."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, Blob] = {}
        self.lock = threading.RLock()

    def user(self, token: str) -> User | None:
        if token and token not in self.users:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.users.get(token)

    def repo(self, name: str, token: str, *, write: bool = False, branch: str = "main") -> Repo:
        """Return a repository that may be read, or written: a pull request by whoever opened it."""
        user, repo = self.user(token), self.repos.get(name)
        mine = user is not None and name.split("/")[0] in (user.name, *user.organisations)
        if repo is None or (repo.private and not mine):
            raise Refused(404, "Repository Not Found", "RepoNotFound")
        if repo.gated and not mine:
            raise Refused(403, "Access to this model is restricted", "GatedRepo")
        proposed = user is not None and any(
            branch == f"refs/pr/{request.num}" and request.author == user.name for request in repo.requests
        )
        if write and not (user is not None and user.may_write and (mine or proposed)):
            raise Refused(403, "You don't have the rights to write to it")
        return repo

    def stored(self, sha256: str) -> Blob:
        """Return a large file: one that was sent, or that a test put into a commit."""
        trees = (commit.tree for repo in self.repos.values() for commit in repo.commits)
        held = (blob for tree in trees for blob in tree.values() if blob.large and blob.sha256 == sha256)
        return self.large.get(sha256) or next(held)

    def create(self, owner: str | None, name: str, token: str, *, private: bool) -> tuple[int, Repo]:
        user = self.user(token)
        if user is None:
            raise Refused(401, "Invalid username or password.")
        full = f"{owner or user.name}/{name}"
        if full in self.repos:
            return 409, self.repos[full]
        if not user.may_write or full.split("/")[0] not in (user.name, *user.organisations):
            raise Refused(403, "You don't have the rights to create a model under this namespace")
        self.repos[full] = Repo(full, private)
        return 200, self.repos[full]

    def commit(self, repo: Repo, lines: list[dict], branch: str = "main") -> Commit:
        header, *operations = lines
        parent, head = header["value"].get("parentCommit"), repo.branch(branch)[-1]
        if parent not in (None, head.oid):
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(head.tree)
        for operation in operations:
            self._apply(operation["key"], operation["value"], tree)
        return repo.add_commit(header["value"]["summary"], tree, branch)

    def _apply(self, key: str, value: dict, tree: dict[str, Blob]) -> None:
        path = value["path"]
        if key == "file":
            tree[path] = Blob(base64.b64decode(value["content"], validate=True), large=False)
        elif key == "lfsFile":
            stored = self.large.get(value["oid"])
            if stored is None or stored.size != value["size"]:
                raise Refused(400, f"the large file of {path} was never sent")
            tree[path] = stored
        elif key == "deletedFile":
            if tree.pop(path, None) is None:
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        else:
            raise Refused(400, f"unknown operation {key}")
