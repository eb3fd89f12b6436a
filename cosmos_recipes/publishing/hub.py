"""Publish to the Hub in one commit that is there once, whole and checked, whatever fails on the way.

The loop compares what the repository holds, by the server's own hashes, with the package, and commits where they differ.
Whatever happens to a commit - refused as somebody was faster, answered by an error, its answer lost - the next thing is
to compare again: a commit that went through is recognised by its content, and never made twice. The loop ends only when
nothing differs, so that its end is the verification.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NoReturn

from cosmos_recipes.data.hub_files import interruptible
from cosmos_recipes.diagnostics import fail
from cosmos_recipes.publishing import hub_access
from cosmos_recipes.publishing.files import MANIFEST
from cosmos_recipes.publishing.hub_connection import Connection, Head, Patience, is_content_of, quiet
from cosmos_recipes.publishing.hub_errors import StrangeAnswer
from cosmos_recipes.publishing.hub_readback import read_back
from cosmos_recipes.publishing.package import LARGEST_MANIFEST_BYTES, Package, manifest_files
from cosmos_recipes.publishing.receipt import Receipt, Verified

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationDelete


def preflight(
    repo: str, *, public: bool, base: str | None = None, create_pr: bool = False, patience: Patience | None = None
) -> None:
    """Make sure that `repo` can be published to, making it if there is none, and that the base model may be read.

    Raises:
        RecipeError: CR730 to CR745.
    """
    with quiet():
        check = hub_access.prepare_proposal if create_pr else hub_access.prepare
        check(Connection(repo, patience=patience), public=public, base=base)


def publish_to_hub(
    package: Package,
    repo: str,
    *,
    public: bool = False,
    verify: Verified = "hashes",
    patience: Patience | None = None,
) -> Receipt:
    """Make `repo` hold the package, in one commit, tagged with the run; private unless `public`.

    With `verify="download"` every file is read back as well, and its sha256 compared.

    Raises:
        RecipeError: CR730 to CR744.
    """
    with quiet():
        hub = Connection(repo, patience=patience)
        hub_access.prepare(hub, public=public)
        branch = Branch(hub, public=public)
        head = hub.repeat("publishing the files", lambda: branch.converge(package))
        commit = branch.tag(head, package)
        if verify == "download":
            read_back(hub, commit, package)
        if public and head.private:
            hub.repeat("making the repository public", branch.make_public)
        return Receipt(
            target="hub",
            repo=repo,
            where=f"{hub.api.endpoint}/{repo}",
            commit=commit,
            tag=package.tag,
            manifest_sha256=package.manifest.sha256,
            files=len(package.everything),
            size_bytes=package.size_bytes,
            private=not public,
            changed=branch.changed,
            verified=verify,
        )


class Branch:
    """A branch of the repository, which is made to hold a package."""

    def __init__(self, hub: Connection, *, public: bool, revision: str = "main") -> None:
        self.hub, self.public, self.revision = hub, public, revision
        self.changed = False

    def converge(self, package: Package) -> Head | None:
        """Compare, commit what differs, and compare again; return the commit that holds the package."""
        head = self.hub.head(self.revision)
        if head.holds(package):
            return head
        hub_access.check_ours(self.hub.repo, head, public=self.public)
        # Another publisher may be next at once: what is looked at is our own commit, not the newest.
        ours = self.hub.head(self._commit(head, package))
        if missing := ours.lacking(package):
            # The server left files out of our own commit: another try would end the same.
            _left_out(self.hub.repo, missing)
        return ours

    def tag(self, head: Head, package: Package) -> str:
        """Return the commit that the tag of the run names, making the tag if there is none; it is never moved."""
        hub = self.hub
        commit = hub.repeat("tagging the commit", lambda: self._tagged(head, package.tag))
        files = head.files if commit == head.commit else hub.repeat("reading the tag", lambda: hub.files(commit))
        if not Head(commit=commit, private=True, files=files).holds(package):
            fail(
                "CR739",
                f"the tag {package.tag} of {hub.repo} names something else",
                found=f"commit {commit}",
                expected=f"commit {head.commit}",
                hint="delete the tag on the Hub and publish again; a tag is never moved from here",
            )
        return commit

    def make_public(self) -> bool | None:
        """Return True if the repository is public; otherwise make it so and return None, to look again."""
        api = self.hub.api
        if not self.hub.info().private:
            return True
        self.changed = True
        api.update_repo_settings(self.hub.repo, private=False)
        return None

    def _commit(self, head: Head, package: Package) -> str:
        """Send one commit of what differs from `head`; the server refuses it if the head is another by now."""
        from huggingface_hub import CommitOperationAdd

        api, repo = self.hub.api, self.hub.repo
        additions = []
        for entry in package.everything:
            addition = CommitOperationAdd(entry.path, package.folder / entry.path)
            addition.upload_info.sha256 = bytes.fromhex(entry.sha256)
            additions.append(addition)
        self.changed = True
        # Large files go up before there is a commit, invisibly; a rerun does not send them again. An empty .gitignore
        # keeps one in the repository from leaving out files.
        preupload = partial(api.preupload_lfs_files, repo, additions, free_memory=False, gitignore_content="")
        interruptible(partial(preupload, revision=self.revision))
        commit = api.create_commit(
            repo,
            [*additions, *self._stale(head, package)],
            commit_message=f"Publish {package.run}",
            commit_description=f"Manifest sha256 {package.manifest.sha256}",
            revision=self.revision,
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
        entry = head.files.get(MANIFEST)
        if entry is None or entry.size > LARGEST_MANIFEST_BYTES:
            return set()
        content = b"".join(self.hub.stream(MANIFEST, head.commit))
        if not is_content_of(entry, content):
            raise StrangeAnswer(f"another {MANIFEST} than the repository lists")
        try:
            return set(manifest_files(content.decode("utf-8")))
        except ValueError:
            return set()

    def _tagged(self, head: Head, tag: str) -> str | None:
        """Return the commit that a tag names; if there is no such tag, make it and return None, to look again."""
        api, repo = self.hub.api, self.hub.repo
        found = {ref.name: ref.target_commit for ref in api.list_repo_refs(repo).tags}
        if tag not in found:
            self.changed = True
            api.create_tag(repo, tag=tag, revision=head.commit)
        return found.get(tag)


def _left_out(repo: str, missing: list[str]) -> NoReturn:
    fail(
        "CR741",
        f"{repo} does not hold what was sent",
        found=f"{len(missing)} files missing or different, such as {missing[0]}",
        expected="every file of the package, by the server's own hashes",
        hint="look for these names in the .gitignore of the repository, then publish again",
    )
