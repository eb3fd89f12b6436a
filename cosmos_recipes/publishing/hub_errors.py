"""What can go wrong between here and the Hub: which errors pass by themselves, and what to tell a person of the others.

A token never gets into a message: every text that comes from a library or a server goes through `Words.of`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.diagnostics import Problem, visible

_TOKEN = re.compile(r"hf_[A-Za-z0-9]{8,}|Bearer\s+\S+", re.IGNORECASE)
_PASSING = frozenset({408, 409, 412, 423, 425, 429})
"""Statuses below 500 that another try can end differently: somebody else was first, or the server has no time."""
_LONGEST_TEXT = 300


@dataclass(frozen=True)
class Words:
    """Takes the secret out of texts."""

    secret: str

    def of(self, error: BaseException) -> str:
        """Return what an error says: the server's own words if there are any; no token, no line ends, not too long."""
        text = getattr(error, "server_message", None) or str(error) or type(error).__name__
        if self.secret:
            text = text.replace(self.secret, "***")
        text = visible(" ".join(_TOKEN.sub("***", text).split()))
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def http_error() -> type[Exception]:
    """Return the base of all errors of the HTTP library that huggingface_hub uses (httpx or httpx2, by its version)."""
    from huggingface_hub.errors import HfHubHTTPError

    return next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")


def failures() -> tuple[type[Exception], ...]:
    """Return everything that a call of huggingface_hub raises when a server, a network, a file or a token is at fault."""
    from huggingface_hub.errors import OIDCError

    # RuntimeError wraps a failed upload; ValueError is an answer that is no JSON, or a card that was refused.
    return (http_error(), OIDCError, OSError, RuntimeError, ValueError)


class StrangeAnswer(ValueError):
    """An answer of another form than the client expects, such as a list where it looks for a name."""


@contextmanager
def of_strange_answers() -> Iterator[None]:
    """Let an answer that the client trips over be a failure of the server, and a slip of our own code one of ours."""
    try:
        yield
    except (AttributeError, LookupError, TypeError) as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = str(place.tb_frame.f_globals.get("__name__", "")) if place else ""
        if not where.startswith("huggingface_hub"):
            raise
        raise StrangeAnswer(f"an answer of another form ({type(error).__name__} {error})") from None


def cause_of(error: Exception) -> Exception:
    """Return what lies behind a failed upload, which the client wraps."""
    cause = error.__cause__
    return cause_of(cause) if isinstance(error, RuntimeError) and isinstance(cause, Exception) else error


def status_of(error: Exception) -> int | None:
    """Return the status of the answer that an error stands for, None if there was no answer."""
    response: Any = getattr(error, "response", None)
    return None if response is None else int(response.status_code)


def passes(error: Exception) -> bool:
    """Return whether trying again can help."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    status = status_of(error)
    if status is not None:
        return status in _PASSING or status >= 500
    if isinstance(error, OfflineModeIsEnabled):
        return False
    passing = (http_error(), ConnectionError, TimeoutError, RuntimeError, json.JSONDecodeError, UnicodeDecodeError)
    return isinstance(error, (*passing, StrangeAnswer))


def wait_s(error: Exception | None, attempt: int, *, first_s: float, longest_s: float) -> float:
    """Return how long to wait after an attempt (from 1): what the server asks for, or twice as long as before."""
    response: Any = getattr(error, "response", None)
    asked = _asked_s(response.status_code, response.headers) if response is not None else None
    return min(asked if asked is not None else first_s * 2.0 ** (attempt - 1), longest_s)


def _asked_s(status: int, headers: Mapping[str, str]) -> float | None:
    """Return how long a server asks to wait, in `Retry-After` or, with status 429, in `RateLimit`."""
    limit = re.search(r"\bt=(\d+)", headers.get("ratelimit", "")) if status == 429 else None
    after = limit[1] if limit else headers.get("retry-after", "")
    return float(after) + 1 if after.isdigit() else None


def explain(error: Exception, *, doing: str, repo: str, words: Words) -> Problem:
    """Return what a person should know about an error that ended the attempt to do something with a repository."""
    from huggingface_hub.errors import GatedRepoError, LocalTokenNotFoundError, OfflineModeIsEnabled, OIDCError

    found, status = words.of(error), status_of(error)
    if isinstance(error, (LocalTokenNotFoundError, OIDCError)):
        return no_token(found)
    if isinstance(error, OfflineModeIsEnabled):
        return offline()
    if isinstance(error, GatedRepoError):
        return gated(repo, found)
    if status == 401:
        return refused_token(found)
    if status == 403:
        return no_write(repo, found)
    if status == 404:
        return not_ours(repo, found)
    if passes(error):
        return unreachable(doing, repo, found)
    if isinstance(error, OSError) and status is None:
        return unreadable(found)
    return refused(doing, repo, found)


def no_token(found: str = "none") -> Problem:
    """There is nothing to log in with."""
    return Problem(
        code="CR730",
        message="publishing to the Hub needs a token",
        found=found,
        expected="a token in the environment variable HF_TOKEN, or a login of this machine",
        hint="log in with `hf auth login`, or publish to a folder with publish.repo: local",
    )


def refused_token(found: str) -> Problem:
    """The Hub does not know the token."""
    return Problem(
        code="CR731",
        message="the Hub does not accept the token",
        found=found,
        expected="a token that is valid and whole",
        hint="make a new one in the Hub's settings; HF_TOKEN wins over `hf auth login` where both are set",
    )


def no_write(repo: str, found: str, *, proposing: bool = False) -> Problem:
    """The token reads only."""
    what, right = ("open pull requests in", "the right to") if proposing else ("write to", "write access to")
    return Problem(
        code="CR732",
        message=f"the token may not {what} {repo}",
        found=found,
        expected=f"a token with the role write, or a fine-grained one with {right} "
        + ("open pull requests (`discussion.write`)" if proposing else "this repository (`repo.write`)"),
        hint="make such a token in the Hub's settings and log in with it",
    )


def not_ours(repo: str, found: str, *, owners: tuple[str, ...] = ()) -> Problem:
    """The name belongs to somebody else."""
    return Problem(
        code="CR733",
        message=f"{repo} is not yours to publish to",
        found=found,
        expected=f"an owner out of {', '.join(owners)}"
        if owners
        else "an owner that is you, or an organisation you are in",
        hint="change the owner in publish.repo, or propose it: `cosmos-recipe publish RUN --repo owner/name --create-pr`",
    )


def gated(repo: str, found: str) -> Problem:
    """The repository asks for an agreement first."""
    return Problem(
        code="CR736",
        message=f"{repo} is gated, and the token's owner has no access to it yet",
        found=found,
        expected="access, which its owners give to those who accept its terms",
        hint=f"open the page of {repo} on the Hub, accept the terms there, and run again; a fine-grained token also has to "
        "be allowed to read gated repositories",
    )


def refused(doing: str, repo: str, found: str) -> Problem:
    """The Hub does not want what it was sent."""
    return Problem(
        code="CR737",
        message=f"the Hub said no while {doing} ({repo})",
        found=found,
        expected="an answer that says yes",
        hint="mend what it names and publish again; nothing of this package is visible there yet",
    )


def unreadable(found: str) -> Problem:
    """A file of the package went away while it was being sent."""
    return Problem(
        code="CR711",
        message="a file of the package cannot be read any more",
        found=found,
        expected="a package that stays as it is while it is published",
        hint="publish again",
    )


def unreachable(doing: str, repo: str, found: str) -> Problem:
    """No answer, or only failing ones, for as long as was tried."""
    return Problem(
        code="CR738",
        message=f"the Hub did not answer, or kept failing, while {doing} ({repo})",
        found=found,
        expected="an answer after a few attempts",
        hint="publish again later: it goes on where it stopped, and never publishes twice",
    )


def offline() -> Problem:
    """The client was told to stay off the network."""
    return Problem(
        code="CR740",
        message="the Hub cannot be reached, as the client is set to stay offline",
        found="HF_HUB_OFFLINE is set",
        expected="a client that may use the network",
        hint="unset HF_HUB_OFFLINE, or publish to a folder with publish.repo: local",
    )
