"""`cosmos-recipe publish`: a package of a run to the Hub, or to a local folder."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cosmos_recipes.cli import complete

if TYPE_CHECKING:
    from cosmos_recipes.publishing.package import Package
    from cosmos_recipes.publishing.publish import Target
    from cosmos_recipes.publishing.receipt import Receipt
    from cosmos_recipes.run.publish import Publication


class Verify(StrEnum):
    """How it is made sure that all is there."""

    hashes = "hashes"
    download = "download"


def publish(
    package: Annotated[
        str,
        typer.Argument(
            metavar="RUN_OR_PACKAGE",
            help="A recipe's name (its newest run), the folder of a run, or that of a package.",
            autocompletion=complete.models,
        ),
    ],
    repo: Annotated[
        str | None, typer.Option("--repo", help="owner/name on the Hub, or local; what the recipe says by default.")
    ] = None,
    public: Annotated[
        bool, typer.Option("--public", help="Make the repository public; it is private otherwise.")
    ] = False,
    create_pr: Annotated[
        bool,
        typer.Option("--create-pr", help="Open a draft pull request, in a repository that you may not write to."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent and what is refused; no network is used.")
    ] = False,
    verify: Annotated[
        Verify,
        typer.Option("--verify", help="By the Hub's own hashes, or by reading every file back as well."),
    ] = Verify.hashes,
    runs: Annotated[Path, typer.Option("--runs", help="The folder of the runs.")] = Path("runs"),
) -> None:
    """Publish what a run made, whole or not at all; the same again sends nothing.

    Everything is sent in one commit, private unless --public says otherwise, and tagged with the run. Interrupted or
    killed, the same command goes on where it stopped. A model that its gate refused is not published. Log in with
    `hf auth login`, or set HF_TOKEN.

    \b
    Examples:
      cosmos-recipe publish factory --dry-run
      cosmos-recipe publish factory --repo ada/factory
      cosmos-recipe publish runs/arm-actions/base-1a2b3c4d --repo ada/arm --public --verify download
      cosmos-recipe publish factory --repo robots/factory --create-pr
    """
    from cosmos_recipes.run.publish import Asked, find_publication, look_at, publish_package

    asked = Asked(repo=repo, public=public, create_pr=create_pr, verify=verify.value)
    publication = find_publication(package, asked, runs=runs)
    if create_pr and publication.target.repo == "local":
        raise typer.BadParameter(
            "a folder has no pull requests; name a repository with --repo", param_hint="--create-pr"
        )
    if not dry_run:
        typer.echo("\n".join(summary(publication, publish_package(publication))))
        return
    looked_at, refused = look_at(publication)
    typer.echo("\n".join(listing(looked_at, publication.target)))
    if refused:
        from cosmos_recipes.diagnostics import RecipeError

        raise RecipeError(*refused)
    typer.echo("Nothing is refused, nothing was sent, and nobody was asked.")


def listing(package: Package, target: Target) -> list[str]:
    """Return the plan of a publication: every file with its size and sha256, and where all of it would go."""
    from cosmos_recipes.diagnostics import visible

    width = max(len(f"{entry.size_bytes:,}") for entry in package.everything)
    rows = [f"{entry.sha256}  {entry.size_bytes:>{width},}  {visible(entry.path)}" for entry in package.everything]
    to = f"{target.root}/local/{target.name}" if target.repo == "local" else f"{target.repo} on the Hub"
    how = "public" if target.public else "private"
    tagged = "as a draft pull request" if target.create_pr else f"{how}, tagged {package.tag}"
    size = f"{len(rows)} files, {package.size_bytes / 1e6:,.1f} MB"
    head = f"{'sha256':<64}  {'bytes':>{width}}  file"
    return [f"From {visible(str(package.folder))}", f"To   {visible(to)}, {tagged}", "", head, *rows, "", size]


def summary(publication: Publication, receipt: Receipt) -> list[str]:
    """Return what a publication came to, and how to go on."""
    from cosmos_recipes.run.publish import how_to_sample

    size = f"{receipt.files} files, {receipt.size_bytes / 1e6:,.1f} MB"
    how = "private" if receipt.private else "public"
    sent = "sent" if receipt.changed else "all there already, nothing was sent"
    checked = "; every file was read back" if receipt.verified == "download" else ""
    at = f"tag {receipt.tag}, commit {receipt.commit}" if receipt.tag else f"commit {receipt.commit}"
    lines = [f"Published {receipt.where} ({how}; {size}, {sent}{checked})", f"  at       {at}"]
    if receipt.pull_request:
        lines[0] = f"Proposed in {receipt.pull_request} ({size}, {sent}{checked})"
        lines.append("  next     it is a draft: open it for review on its page")
    if publication.receipt_file:
        lines.append(f"  receipt  {publication.receipt_file}")
    lines.append(f"  sample   {how_to_sample(publication, receipt)}")
    return [*lines, *([f"note: {publication.note}"] if publication.note else [])]
