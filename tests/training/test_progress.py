"""If these fail, a person sees NeMo's banners, misses the progress, or cannot find what a library complained about."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

from cosmos_recipes.training.progress import Line, Pace

NOISY = """
import os, sys
from pathlib import Path
from cosmos_recipes.training.progress import Quiet
try:
    with Quiet(Path(sys.argv[1])) as quiet:
        os.write(1, b"from C\\n")
        print("from Python", file=sys.stderr)
        with quiet.loud():
            print("step 1")
        os.system("echo from a child")
        raise KeyError
except KeyError:
    print("after")
"""


def test_output_of_libraries_goes_to_the_file_and_ours_to_the_console(tmp_path: Path) -> None:
    file = tmp_path / "train" / "nemo.log"
    ended = subprocess.run([sys.executable, "-c", NOISY, str(file)], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("step 1\nafter\n", "")
    assert file.read_text() == "from C\nfrom Python\nfrom a child\n"


def test_piped_lines_are_plain_and_few_but_the_last_one_is_shown() -> None:
    stream = io.StringIO()
    line = Line(stream)
    for step in range(1, 101):
        line("loss 1, step", step, 100)
    assert stream.getvalue() == "train  loss 1, step 1/100\ntrain  loss 1, step 100/100\n"


def test_terminal_has_one_line_that_fits() -> None:
    master, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream:
        line = Line(stream)
        line.every_s = 0.0
        line("x" * 500, 1, 2)
        line("loss 1, step", 2, 2)
        shown = ""
        while "2/2\r\n" not in shown:
            shown += os.read(master, 4096).decode()
    os.close(master)
    first, last = shown.split("\r\x1b[2K")[1:]
    assert "\n" not in first and len(first) < 200
    assert last == "train  loss 1, step 2/2\r\n"


def test_time_left_and_wait_are_said() -> None:
    pace = Pace(first_step=10, steps=1000)
    pace.time_s -= 20
    words = pace.words(20, loss=0.5, wait_s=10.0)
    assert words == "loss 0.5000, 2 s/step, data wait 50%, 32 min 40 s left, step"
