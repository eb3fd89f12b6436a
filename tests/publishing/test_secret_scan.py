"""If these fail, a token of whoever trains is published with the model, or a scan of a large file takes all memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from cosmos_recipes.publishing.secret_scan import check_secrets

SECRETS = {
    "Hugging Face token": "hf_" + "abcDEF" * 6,
    "AWS access key": "AKIA" + "ABCD1234" * 2,
    "AWS secret key": "aws_secret_access_key = " + "abcd/+12EF" * 4,
    "GitHub token": "ghp_" + "abcD12" * 6,
    "GitLab token": "glpat-" + "abcD1" * 4,
    "Google key": "AIza" + "abcde" * 7,
    "NVIDIA key": "nvapi-" + "abcde" * 10,
    "OpenAI or Anthropic key": "sk-proj-" + "abcD1234" * 5,
    "Slack token": "xoxb-" + "1234567890" * 3,
    "Weights & Biases key": "WANDB_API_KEY: " + "0123456789abcdef0123" * 2,
    "password in an address": "postgres://ada:correct-horse-battery@" + "example.com/x",
    "private key": "-----BEGIN OPENSSH PRIVATE KEY-----",
}
PIECE = 1 << 20


def found(path: Path) -> list[tuple[str, str]]:
    problems = list(check_secrets(path.parent, path.name))
    assert {problem.code for problem in problems} <= {"CR708"}
    assert not any(secret[-12:] in f"{problem}" for problem in problems for secret in SECRETS.values())
    return [
        (problem.message.rpartition(", ")[2], problem.found.removeprefix("a ").partition(" of ")[0])
        for problem in problems
    ]


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("form", ["text", "json", "metadata"])
def test_each_kind_is_found_wherever_it_stands(tmp_path: Path, kind: str, form: str) -> None:
    path = tmp_path / {"text": "recipe.yaml", "json": "plan.json", "metadata": "model.safetensors"}[form]
    if form == "metadata":
        save_file({}, path, metadata={"note": SECRETS[kind]})
    else:
        path.write_text(json.dumps({"note": SECRETS[kind]}) if form == "json" else f"# a note\nnote: {SECRETS[kind]}\n")
    assert [name for _, name in found(path)] == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "revision: " + "0123456789abcdef0123" * 2,
        "logger: wandb\nrevision: " + "0123456789abcdef0123" * 2,
        "hf_short",
        "half_" + "abcDEF" * 6,
        "task-" + "abcdef" * 8,
        "-----BEGIN CERTIFICATE-----",
        '<img src="data:image/png;base64,' + "AKIA" + "ABCD1234" * 2 + "/" + "A" * 3 * PIECE + '">',
    ],
)
def test_what_only_looks_alike_is_let_through(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.html").write_text(text)
    assert found(tmp_path / "report.html") == []


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(SECRETS)),
    offset=st.integers(-100, 5),
    lines=st.integers(0, 50),
    embedded=st.booleans(),
    pieces=st.integers(1, 2),
)
def test_found_once_on_its_line_across_pieces(
    tmp_path_factory: pytest.TempPathFactory, kind: str, offset: int, lines: int, embedded: bool, pieces: int
) -> None:
    path = tmp_path_factory.mktemp("scan") / "report.html"
    start = pieces * PIECE + offset
    before = "\n" * lines + ("base64," if embedded else "")
    filler = ("A" if embedded else ".") * (start - len(before) - 1)
    path.write_text(f"{before}{filler} {SECRETS[kind]}\nthe end")
    assert found(path) == [(f"line {lines + 1}", kind)]
