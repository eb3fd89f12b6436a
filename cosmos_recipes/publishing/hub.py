"""Publish to the Hub in one commit that is there once, whole and checked, whatever fails on the way.

The loop compares what the repository holds, by the server's own hashes, with the package, and commits where they differ.
Whatever happens to a commit - refused as somebody was faster, answered by an error, its answer lost - the next thing is
to compare again: a commit that went through is recognised by its content, and never made twice. The loop ends only when
nothing differs, so that its end is the verification.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, TypeVar
from urllib.parse import urlsplit

from cosmos_recipes import __version__
from cosmos_recipes.diagnostics import Problem, RecipeError, fail
from cosmos_recipes.publishing import hub_errors
from cosmos_recipes.publishing.files import MANIFEST, FileEntry, git_sha1
from cosmos_recipes.publishing.package import Package, manifest_files
from cosmos_recipes.publishing.receipt import Receipt

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationDelete, HfApi
    from huggingface_hub.hf_api import RepoFile

T = TypeVar("T")
_OWN_FILES = frozenset({".gitattributes", "README.md", "LICENSE"})
"""What a repository may hold before anything was published to it: its page on the Hub can make these."""
_LARGEST_MANIFEST_BYTES = 10_000_000


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a call that can be repeated is tried, and how long to wait in between and for an answer."""

    attempts: int = 6
    first_pause_s: float = 1.0
    longest_pause_s: float = 120.0
    longest_silence_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Head:
    """What the repository holds now: its newest commit and every file of it."""

    commit: str | None
    private: bool
    files: dict[str, RepoFile]

    def holds(self, package: Package) -> bool:
        """Return whether every file of the package is there, by the server's hashes."""
        return all(_same(self.files.get(entry.path), entry, package) for entry in package.everything)


def preflight(repo: str, *, public: bool, base: str | None = None, patience: Patience | None = None) -> None:
    """Make sure that `repo` can be published to, making it if there is none, and that the base model may be read.

    Raises:
        RecipeError: CR730 to CR740.
    """
    with _quiet():
        _Hub(repo, public=public, patience=patience or Patience()).prepare(base)


def publish_to_hub(package: Package, repo: str, *, public: bool = False, patience: Patience | None = None) -> Receipt:
    """Make `repo` hold the package, in one commit, tagged with the run; private unless `public`.

    Raises:
        RecipeError: CR730 to CR742.
    """
    with _quiet():
        hub = _Hub(repo, public=public, patience=patience or Patience())
        hub.prepare()
        return hub.publish(package)


class _Hub:
    """A repository on the Hub and the way to talk to it."""

    def __init__(self, repo: str, *, public: bool, patience: Patience) -> None:
        self.repo, self.public, self.patience = repo, public, patience
        self.changed = False
        self.words = hub_errors.Words("")
        token = self.repeat("reading the token", _token)
        self.words = hub_errors.Words(token)
        self.api = _api(token)

    def repeat(self, doing: str, step: Callable[[], T | None], *, about: str = "") -> T:
        """Return what `step` returns, repeating it while it returns None or fails in a way that passes.

        `step` must be safe to repeat.
        """
        error: Exception | None = None
        for attempt in range(1, self.patience.attempts + 1):
            if error or attempt > 2:
                pause = hub_errors.wait_s(
                    error, attempt - 1, first_s=self.patience.first_pause_s, longest_s=self.patience.longest_pause_s
                )
                time.sleep(pause)
            try:
                with _bounded_silence(self.patience.longest_silence_s):
                    result = step()
                if result is not None:
                    return result
                error = None
            except hub_errors.failures() as caught:
                error = hub_errors.cause_of(caught)
                if not hub_errors.passes(error):
                    break
        raise RecipeError(self._why(error, doing, about or self.repo)) from None

    def prepare(self, base: str | None = None) -> None:
        """Make sure of the token, the repository and the right to write to it."""
        user = self.repeat("checking the token", lambda: self.api.whoami())
        owners = (str(user.get("name")), *(str(each.get("name")) for each in user.get("orgs", ())))
        owner = self.repo.split("/")[0]
        if owner.lower() not in {name.lower() for name in owners}:
            raise RecipeError(hub_errors.not_ours(self.repo, f"you are {owners[0]}", owners=owners))
        if (user.get("auth", {}).get("accessToken") or {}).get("role") == "read":
            raise RecipeError(hub_errors.no_write(self.repo, "a token with the role read"))
        self.repeat("making the repository", lambda: self.api.create_repo(self.repo, private=True, exist_ok=True))
        self.repeat("checking the right to write", lambda: self._may(self.repo, write=True))
        self._check_ours(self.repeat("reading the repository", self.head))
        if base:
            self.repeat("reading the base model", lambda: self._may(base, write=False), about=base)

    def publish(self, package: Package) -> Receipt:
        """Commit, tag, and make public if that was asked for, each only where it is not so already."""
        head = self.repeat("publishing the files", lambda: self._converge(package))
        commit = self._tag(head, package)
        if self.public and head.private:
            self.repeat("making the repository public", self._make_public)
        return Receipt(
            target="hub",
            repo=self.repo,
            where=f"{self.api.endpoint}/{self.repo}",
            commit=commit,
            tag=package.tag,
            manifest_sha256=package.manifest.sha256,
            files=len(package.everything),
            size_bytes=package.size_bytes,
            private=not self.public,
            changed=self.changed,
        )

    def head(self) -> Head:
        """Ask for the newest commit and its files."""
        info = self.api.model_info(self.repo)
        return Head(commit=info.sha, private=bool(info.private), files=self._files(info.sha))

    def _may(self, repo: str, *, write: bool) -> bool:
        """Return True if the token may read, or write; the client raises otherwise."""
        self.api.auth_check(repo, write=write)
        return True

    def _files(self, revision: str | None) -> dict[str, RepoFile]:
        from huggingface_hub.hf_api import RepoFile

        entries = self.api.list_repo_tree(self.repo, recursive=True, revision=revision)
        return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}

    def _converge(self, package: Package) -> Head | None:
        """Compare, commit what differs, and compare again; return the head, or None if it changed meanwhile."""
        head = self.head()
        if head.holds(package):
            return head
        self._check_ours(head)
        commit = self._commit(head, package)
        after = self.head()
        if after.holds(package):
            return after
        if after.commit == commit:
            # The server left files out of our own commit: another try would end the same.
            self._left_out(after, package)
        return None

    def _commit(self, head: Head, package: Package) -> str:
        """Send one commit of what differs from `head`; the server refuses it if the head is another by now."""
        from huggingface_hub import CommitOperationAdd

        additions = []
        for entry in package.everything:
            addition = CommitOperationAdd(entry.path, package.folder / entry.path)
            addition.upload_info.sha256 = bytes.fromhex(entry.sha256)
            additions.append(addition)
        self.changed = True
        # Large files go up before there is a commit, invisibly; a rerun does not send them again. An empty .gitignore
        # keeps one in the repository from leaving out files.
        self.api.preupload_lfs_files(self.repo, additions, free_memory=False, gitignore_content="")
        commit = self.api.create_commit(
            self.repo,
            [*additions, *self._stale(head, package)],
            commit_message=f"Publish {package.run}",
            commit_description=f"Manifest sha256 {package.manifest.sha256}",
            parent_commit=head.commit,
        )
        return commit.oid

    def _stale(self, head: Head, package: Package) -> list[CommitOperationDelete]:
        """Return what removes the files that an earlier package had and this one has not; others' files stay."""
        from huggingface_hub import CommitOperationDelete

        paths = self._published_before(head) & head.files.keys() - {entry.path for entry in package.everything}
        return [CommitOperationDelete(path) for path in sorted(paths)]

    def _published_before(self, head: Head) -> set[str]:
        """Return the files that the manifest at `head` lists: what was published before."""
        from huggingface_hub import get_session, hf_hub_url, hf_raise_for_status

        entry = head.files.get(MANIFEST)
        if entry is None or entry.size > _LARGEST_MANIFEST_BYTES:
            return set()
        url = hf_hub_url(self.repo, MANIFEST, revision=head.commit, endpoint=self.api.endpoint)
        response = get_session().get(url, headers={"authorization": f"Bearer {self.api.token}"})
        hf_raise_for_status(response)
        try:
            return set(manifest_files(response.text))
        except ValueError:
            return set()

    def _check_ours(self, head: Head) -> None:
        """Refuse a repository that holds something else (CR734), or that is public when the model shall not be (CR735)."""
        others = head.files.keys() - _OWN_FILES
        if others and MANIFEST not in head.files:
            fail(
                "CR734",
                f"{self.repo} already holds something else",
                found=f"{len(others)} files, such as {min(others)}",
                expected="a new name, or a repository that a recipe was published to before",
                hint="choose another name in publish.repo",
            )
        if not head.private and not self.public:
            fail(
                "CR735",
                f"{self.repo} is public, and the recipe says private",
                found="a public repository",
                expected="a private one",
                hint="make it private in its settings on the Hub, or say publish.public: true",
            )

    def _tag(self, head: Head, package: Package) -> str:
        """Return the commit that the tag of the run names, making the tag if there is none; it is never moved."""
        commit = self.repeat("tagging the commit", lambda: self._tagged(head, package.tag))
        files = head.files if commit == head.commit else self.repeat("reading the tag", lambda: self._files(commit))
        if not Head(commit=commit, private=True, files=files).holds(package):
            fail(
                "CR739",
                f"the tag {package.tag} of {self.repo} names something else",
                found=f"commit {commit}",
                expected=f"commit {head.commit}",
                hint="delete the tag on the Hub and publish again; a tag is never moved from here",
            )
        return commit

    def _tagged(self, head: Head, tag: str) -> str | None:
        """Return the commit that a tag names; if there is no such tag, make it and return None, to look again."""
        found = {ref.name: ref.target_commit for ref in self.api.list_repo_refs(self.repo).tags}
        if tag not in found:
            self.changed = True
            self.api.create_tag(self.repo, tag=tag, revision=head.commit)
        return found.get(tag)

    def _make_public(self) -> bool | None:
        """Return True if the repository is public; otherwise make it so and return None, to look again."""
        if not self.api.model_info(self.repo).private:
            return True
        self.changed = True
        self.api.update_repo_settings(self.repo, private=False)
        return None

    def _left_out(self, head: Head, package: Package) -> NoReturn:
        missing = [entry.path for entry in package.everything if not _same(head.files.get(entry.path), entry, package)]
        fail(
            "CR741",
            f"{self.repo} does not hold what was sent",
            found=f"{len(missing)} files missing or different, such as {missing[0]}",
            expected="every file of the package, by the server's own hashes",
            hint="look for these names in the .gitignore of the repository, then publish again",
        )

    def _why(self, error: Exception | None, doing: str, about: str) -> Problem:
        if error is None:
            return hub_errors.unreachable(doing, about, "answers, but another state each time")
        return hub_errors.explain(error, doing=doing, repo=about, words=self.words)


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
    """Let no call wait forever for a server that went silent: the client itself has no limit."""
    from huggingface_hub import get_session

    session = get_session()
    before, session.timeout = session.timeout, longest_s
    try:
        yield
    finally:
        session.timeout = before


@contextmanager
def _quiet() -> Iterator[None]:
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
