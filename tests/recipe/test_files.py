"""What is no recipe at all is refused at once, by name, and never read whole."""

from __future__ import annotations

import os
import resource
import threading
from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import Problem, RecipeError
from cosmos_recipes.recipe.files import LARGEST_FILE_BYTES, Lines, read_text
from cosmos_recipes.recipe.located import read_located


def refused(path: Path) -> Problem:
    with pytest.raises(RecipeError) as raised:
        read_located(path)
    [problem] = raised.value.problems
    assert problem.place is not None
    assert problem.place.file == str(path)
    return problem


def test_a_file_of_50_mb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    problem = refused(path)
    assert (problem.code, problem.found) == ("CR103", "50.0 MB")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "full.yaml"
    path.write_text("a: 1\n".ljust(LARGEST_FILE_BYTES, "#"), encoding="utf-8")
    assert len(read_text(path)) == LARGEST_FILE_BYTES


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"a: 1\n\0", bytes(range(256))])
def test_a_binary_file_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    problem = refused(path)
    assert (problem.code, problem.found) == ("CR104", "a binary file")


def test_text_of_another_encoding_is_placed_at_the_first_byte_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes("a: 1\nü: größe\n".encode("latin-1"))
    problem = refused(path)
    assert (problem.code, problem.found) == ("CR104", "the byte 0xfc")
    assert problem.place is not None
    assert (problem.place.line, problem.place.column) == (2, 1)


def test_utf_16_is_named(tmp_path: Path) -> None:
    path = tmp_path / "wide.yaml"
    path.write_text("a: 1\n", encoding="utf-16")
    assert refused(path).found == "UTF-16"


def test_a_byte_order_mark_does_not_shift_places(tmp_path: Path) -> None:
    path = tmp_path / "mark.yaml"
    path.write_text("a: 1\nb: 2\n", encoding="utf-8-sig")
    located = read_located(path)
    assert located.tree == {"a": 1, "b": 2}
    assert located.keys["a",].column == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_count_alike(end: str, tmp_path: Path) -> None:
    path = tmp_path / "ends.yaml"
    path.write_bytes(end.join(["a: 1", "", "b:", "  c: x", ""]).encode())
    located = read_located(path)
    place = located.values["b", "c"]
    assert (located.tree, place.line, place.column) == ({"a": 1, "b": {"c": "x"}}, 4, 6)


def test_a_missing_file_a_folder_a_device_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refused(tmp_path / "gone.yaml").code == "CR100"
    assert refused(tmp_path).found == "a folder"
    assert refused(Path(os.devnull)).found == "a device or a pipe"
    answers: list[Problem] = []
    reader = threading.Thread(target=lambda: answers.append(refused(tmp_path / "pipe")), daemon=True)
    reader.start()
    reader.join(10)
    assert [problem.code for problem in answers] == ["CR101"]


def test_a_file_that_the_system_refuses_is_said_to_be_unreadable(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    assert refused(loop).code == "CR102"
    assert refused(tmp_path / ("x" * 300)).code == "CR102"
    assert refused(Path("a\0b")).code == "CR102"


def test_a_file_without_permission_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text("a: 1\n", encoding="utf-8")
    path.chmod(0)
    tmp_path.chmod(0o755)
    child = os.fork()
    if child == 0:
        os.chdir(tmp_path)
        if os.getuid() == 0:
            os.setuid(65534)
        try:
            read_text(Path(path.name))
        except RecipeError as error:
            os._exit(0 if error.problems[0].code == "CR102" else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_places_count_characters_not_bytes() -> None:
    place = Lines("x", "é: ü\nb").place(3, 4)
    assert (place.line, place.column, place.length) == (1, 4, 1)
