"""Propose a package as a draft pull request, to a repository that one may not write.

The request is found by its title, which names the content: the same package never opens a second one, and a request
that was opened and left without files, as its publisher was killed, is filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmos_recipes.diagnostics import fail
from cosmos_recipes.publishing import hub_access
from cosmos_recipes.publishing.hub import Branch
from cosmos_recipes.publishing.hub_connection import Connection, Head, Patience, quiet
from cosmos_recipes.publishing.hub_readback import read_back
from cosmos_recipes.publishing.package import Package
from cosmos_recipes.publishing.receipt import Receipt, Verified

if TYPE_CHECKING:
    from huggingface_hub import Discussion

_OPEN = ("draft", "open")


def propose_to_hub(
    package: Package,
    repo: str,
    *,
    public: bool = False,
    verify: Verified = "hashes",
    patience: Patience | None = None,
) -> Receipt:
    """Make one pull request in `repo` that holds the package, unless the repository itself holds it already.

    Raises:
        RecipeError: CR730 to CR745; its owners have closed the request (CR746).
    """
    with quiet():
        hub = Connection(repo, patience=patience)
        me = hub_access.prepare_proposal(hub, public=public)
        proposal = _Proposal(hub, package, author=me)
        head, where, changed = proposal.make(public=public)
        if verify == "download":
            read_back(hub, head.commit, package)
        return Receipt(
            target="hub",
            repo=repo,
            where=f"{hub.api.endpoint}/{repo}",
            commit=str(head.commit),
            tag=None,
            manifest_sha256=package.manifest.sha256,
            files=len(package.everything),
            size_bytes=package.size_bytes,
            private=head.private,
            changed=changed,
            verified=verify,
            pull_request=where,
        )


class _Proposal:
    """The pull request of one package."""

    def __init__(self, hub: Connection, package: Package, *, author: str) -> None:
        self.hub, self.package, self.author = hub, package, author
        self.title = f"Publish {package.tag}"
        self.opened = False

    def make(self, *, public: bool) -> tuple[Head, str | None, bool]:
        """Return the commit that holds the package, the request's address, and whether anything was sent."""
        hub = self.hub
        main = hub.repeat("reading the repository", hub.head)
        if main.holds(self.package):
            return main, None, False
        request = hub.repeat("opening the pull request", self._find_or_open)
        branch = Branch(hub, public=public, revision=f"refs/pr/{request.num}")
        head = hub.repeat("publishing the files", lambda: branch.converge(self.package))
        return head, request.url, self.opened or branch.changed

    def _find_or_open(self) -> Discussion | None:
        """Return the request of this package; if there is none, open it and return None, to look again."""
        api, repo = self.hub.api, self.hub.repo
        asked = api.get_repo_discussions(repo, author=self.author, discussion_type="pull_request")
        found = {each.status: each for each in sorted(asked, key=lambda each: -each.num) if each.title == self.title}
        for status in _OPEN:
            if status in found:
                return found[status]
        if "closed" in found:
            fail(
                "CR746",
                f"the pull request of this package in {repo} was closed",
                found=found["closed"].url,
                expected="a draft, or an open one",
                hint="ask its owners, and open it again there; or publish to a name of your own without --create-pr",
            )
        self.opened = True
        api.create_pull_request(repo, title=self.title, description=self._description())
        return None

    def _description(self) -> str:
        lines = (
            f"Run {self.package.run}, published with cosmos-recipes.",
            f"Manifest sha256 {self.package.manifest.sha256}.",
        )
        return "\n\n".join(lines)
