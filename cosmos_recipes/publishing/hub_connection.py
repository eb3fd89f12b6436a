"""A repository on the Hub and the way to talk to it: every call bounded in time, repeated where that can help."""

from __future__ import annotations

import hashlib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from cosmos_recipes import __version__
from cosmos_recipes.diagnostics import Problem, RecipeError, fail
from cosmos_recipes.publishing import hub_errors
from cosmos_recipes.publishing.files import FileEntry, git_name, git_sha1
from cosmos_recipes.publishing.package import Package

if TYPE_CHECKING:
    from huggingface_hub import HfApi, ModelInfo
    from huggingface_hub.hf_api import RepoFile

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a call that can be repeated is tried, and how long to wait in between and for an answer."""

    attempts: int = 6
    first_pause_s: float = 1.0
    longest_pause_s: float = 120.0
    longest_silence_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Head:
    """What a revision of the repository holds: its commit and every file of it."""

    commit: str | None
    private: bool
    files: dict[str, RepoFile]

    def holds(self, package: Package) -> bool:
        """Return whether every file of the package is there, by the server's hashes."""
        return not self.lacking(package)

    def lacking(self, package: Package) -> list[str]:
        """Return the files of the package that are missing or different, by the server's hashes."""
        return [entry.path for entry in package.everything if not _same(self.files.get(entry.path), entry, package)]


class Connection:
    """A repository, the token of this machine, and calls that go on after faults."""

    def __init__(self, repo: str, *, patience: Patience | None = None) -> None:
        self.repo, self.patience = repo, patience or Patience()
        self.words = hub_errors.Words("")
        token = self.repeat("reading the token", _token)
        self.words = hub_errors.Words(token)
        self.api = _api(token)

    def repeat(self, doing: str, step: Callable[[], T | None], *, about: str = "") -> T:
        """Return what `step` returns, repeating it while it returns None or fails in a way that passes.

        `step` must be safe to repeat.

        Raises:
            RecipeError: what ended it, or that nothing helped (CR711, CR730 to CR740).
        """
        error: Exception | None = None
        for attempt in range(1, self.patience.attempts + 1):
            if error or attempt > 2:
                pause = hub_errors.wait_s(
                    error, attempt - 1, first_s=self.patience.first_pause_s, longest_s=self.patience.longest_pause_s
                )
                time.sleep(pause)
            try:
                with _bounded_silence(self.patience.longest_silence_s), hub_errors.of_strange_answers():
                    result = step()
                if result is not None:
                    return result
                error = None
            except hub_errors.failures() as caught:
                error = hub_errors.cause_of(caught)
                if not hub_errors.passes(error):
                    break
        raise RecipeError(self._why(error, doing, about or self.repo)) from None

    def head(self, revision: str = "main") -> Head:
        """Ask for the commit of a revision, and its files."""
        info = self.info(revision)
        return Head(commit=info.sha, private=bool(info.private), files=self.files(info.sha))

    def info(self, revision: str = "main") -> ModelInfo:
        """Ask what is known of the repository."""
        return self.api.model_info(self.repo, revision=revision)

    def files(self, revision: str | None) -> dict[str, RepoFile]:
        """Ask for all files of a revision, by path."""
        from huggingface_hub.hf_api import RepoFile

        entries = self.api.list_repo_tree(self.repo, recursive=True, revision=revision)
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}

    def may(self, repo: str, *, write: bool) -> bool:
        """Return True if the token may read, or write; the client raises otherwise."""
        self.api.auth_check(repo, write=write)
        return True

    def stream(self, path: str, commit: str | None) -> Iterator[bytes]:
        """Yield the content of a file in pieces, as the Hub gives it to anybody; nothing is kept on this machine."""
        from huggingface_hub import get_session, hf_hub_url, hf_raise_for_status

        url = hf_hub_url(self.repo, path, revision=commit, endpoint=self.api.endpoint)
        # A redirection to another host, as for large files, is followed without the token.
        with get_session().stream("GET", url, headers={"authorization": f"Bearer {self.api.token}"}) as response:
            hf_raise_for_status(response)
            yield from response.iter_bytes()

    def _why(self, error: Exception | None, doing: str, about: str) -> Problem:
        if error is None:
            return hub_errors.unreachable(doing, about, "answers, but another state each time")
        return hub_errors.explain(error, doing=doing, repo=about, words=self.words)


def is_content_of(there: RepoFile, content: bytes) -> bool:
    """Return whether this is what a file of the repository holds, by the server's own hash."""
    if there.lfs is not None:
        return hashlib.sha256(content).hexdigest() == there.lfs.sha256
    return git_name(content) == there.blob_id


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the client's warnings off the screen, and its bars unless it is a terminal.

    The warnings name signed addresses, and what matters is said by us.
    """
    from huggingface_hub.utils import logging as hub_logging
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    verbosity, hide_bars = hub_logging.get_verbosity(), not (sys.stderr.isatty() or are_progress_bars_disabled())
    hub_logging.set_verbosity(logging.ERROR)
    if hide_bars:
        disable_progress_bars()
    try:
        yield
    finally:
        hub_logging.set_verbosity(verbosity)
        if hide_bars:
            enable_progress_bars()


def _token() -> str:
    """Return the token of this machine's login; raises RecipeError CR730 or CR731, and CR742 for a wrong HF_ENDPOINT."""
    from huggingface_hub import constants, get_token

    endpoint = urlsplit(constants.ENDPOINT)
    if endpoint.scheme not in ("http", "https") or not endpoint.hostname or endpoint.username:
        fail(
            "CR742",
            "the address of the Hub is not one",
            found="HF_ENDPOINT without http(s) and a host, or with a user",
            expected="https://host",
            hint="unset HF_ENDPOINT, or set it to the address of your Hub",
        )
    token = get_token()
    if not token:
        raise RecipeError(hub_errors.no_token())
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise RecipeError(hub_errors.refused_token("a token with characters that no token has"))
    return token


def _api(token: str) -> HfApi:
    from huggingface_hub import HfApi

    return HfApi(token=token, library_name="cosmos-recipes", library_version=__version__)


def _same(there: RepoFile | None, entry: FileEntry, package: Package) -> bool:
    """Return whether the server has the file: by sha256 for one that is stored apart, else by the name that git gives."""
    if there is None or there.size != entry.size_bytes:
        return False
    if there.lfs is not None:
        return there.lfs.sha256 == entry.sha256
    return there.blob_id == git_sha1(package.folder / entry.path)


@contextmanager
def _bounded_silence(longest_s: float) -> Iterator[None]:
    """Let no call wait forever for a server that went silent.

    The client has no limit, and asks for none in some calls, so each request is given one as it leaves.
    """
    from huggingface_hub import get_session

    def limit(request: Any) -> None:
        limits = request.extensions.get("timeout") or {}
        kinds = ("connect", "read", "write", "pool")
        request.extensions["timeout"] = {kind: limits.get(kind) or longest_s for kind in kinds}

    hooks = get_session().event_hooks["request"]
    hooks.append(limit)
    try:
        yield
    finally:
        hooks.remove(limit)
