"""What a small Hub keeps: users, repositories with their commits and tags, large files by hash."""

from __future__ import annotations

import base64
import hashlib
import threading
from dataclasses import dataclass, field

LARGE = (".safetensors", ".mp4", ".png")


class Refused(Exception):
    """An answer that is not a success: status, text and the code that the client reads."""

    def __init__(self, status: int, text: str, code: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.code = status, text, code


@dataclass(frozen=True)
class User:
    name: str
    role: str = "write"
    organisations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Blob:
    content: bytes
    large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def oid(self) -> str:
        content = b"pointer to " + self.sha256.encode() if self.large else self.content
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def entry(self, path: str) -> dict[str, object]:
        size = len(self.content)
        large = {"lfs": {"oid": self.sha256, "size": size, "pointerSize": 134}} if self.large else {}
        return {"type": "file", "path": path, "size": size, "oid": self.oid, **large}


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    tree: dict[str, Blob]


@dataclass
class Repo:
    name: str
    private: bool
    gated: bool = False
    ignored: tuple[str, ...] = ()
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.add_commit("initial commit", {".gitattributes": Blob(b"*.safetensors filter=lfs\n", large=False)})

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def add_commit(self, title: str, tree: dict[str, Blob]) -> Commit:
        seed = f"{self.name} {len(self.commits)} {title} {sorted((path, blob.oid) for path, blob in tree.items())}"
        self.commits.append(Commit(hashlib.sha1(seed.encode()).hexdigest(), title, tree))
        return self.head

    def at(self, revision: str) -> Commit:
        revision = self.tags.get(revision, self.head.oid if revision == "main" else revision)
        for commit in self.commits:
            if commit.oid == revision:
                return commit
        raise Refused(404, "Revision Not Found", "RevisionNotFound")


class Store:
    """All of it, behind one lock: a request sees and leaves a whole state."""

    def __init__(self) -> None:
        self.users: dict[str, User] = {}
        self.repos: dict[str, Repo] = {}
        self.large: dict[str, bytes] = {}
        self.lock = threading.RLock()

    def user(self, token: str) -> User | None:
        if token and token not in self.users:
            raise Refused(401, "Invalid credentials in Authorization header")
        return self.users.get(token)

    def repo(self, name: str, token: str, *, write: bool = False) -> Repo:
        user, repo = self.user(token), self.repos.get(name)
        mine = user is not None and name.split("/")[0] in (user.name, *user.organisations)
        if repo is None or (repo.private and not mine):
            raise Refused(404, "Repository Not Found", "RepoNotFound")
        if repo.gated and not mine:
            raise Refused(403, "Access to this model is restricted", "GatedRepo")
        if write and not (mine and user is not None and user.role == "write"):
            raise Refused(403, "You don't have the rights to write to it")
        return repo

    def create(self, owner: str | None, name: str, token: str, *, private: bool) -> tuple[int, Repo]:
        user = self.user(token)
        if user is None:
            raise Refused(401, "Invalid username or password.")
        full = f"{owner or user.name}/{name}"
        if full in self.repos:
            return 409, self.repos[full]
        if user.role != "write" or full.split("/")[0] not in (user.name, *user.organisations):
            raise Refused(403, "You don't have the rights to create a model under this namespace")
        self.repos[full] = Repo(full, private)
        return 200, self.repos[full]

    def commit(self, repo: Repo, lines: list[dict]) -> Commit:
        header, *operations = lines
        parent = header["value"].get("parentCommit")
        if parent not in (None, repo.head.oid):
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(repo.head.tree)
        for operation in operations:
            self._apply(operation["key"], operation["value"], tree)
        return repo.add_commit(header["value"]["summary"], tree)

    def _apply(self, key: str, value: dict, tree: dict[str, Blob]) -> None:
        path = value["path"]
        if key == "file":
            tree[path] = Blob(base64.b64decode(value["content"], validate=True), large=False)
        elif key == "lfsFile":
            if len(self.large.get(value["oid"], b"")) != value["size"]:
                raise Refused(400, f"the large file of {path} was never sent")
            tree[path] = Blob(self.large[value["oid"]], large=True)
        elif key == "deletedFile":
            if tree.pop(path, None) is None:
                raise Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        else:
            raise Refused(400, f"unknown operation {key}")
