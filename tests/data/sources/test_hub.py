"""If these fail, a data set that the library datasets loads is read as other recordings, or its absence is not told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, Video
from videos import write_video

from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.data.sources import source_class
from cosmos_recipes.data.sources.hub import HubSource
from cosmos_recipes.data.sources.recognise import recognise
from cosmos_recipes.diagnostics import Problem, RecipeError

# The Hub of the publishing tests imports its parts by name.
sys.path.insert(0, str(Path(__file__).parents[2] / "publishing"))

from hub_server import TOKEN, HubServer
from hub_store import Blob

ROWS = 5
COMMIT = "0123456789abcdef0123456789abcdef01234567"
both_ways = pytest.mark.parametrize("stream", [False, True])


def video_folder(root: Path, *splits: str) -> Path:
    """Write videos of 4 to 8 frames with their captions and actions, as the library's `videofolder` has them."""
    for split in splits:
        lines = []
        for row in range(ROWS):
            write_video(root / split / f"{row}.mp4", frames=4 + row)
            action = [[float(row), float(frame)] for frame in range(4 + row)]
            lines.append(json.dumps({"file_name": f"{row}.mp4", "caption": f"{split} {row}", "action": action}))
        (root / split / "metadata.jsonl").write_text("\n".join(lines))
    return root


def tables(root: Path, made: Path, *splits: str) -> Path:
    """Write Parquet files that hold the videos, as the library itself writes them for the Hub."""
    for split in splits:
        videos = [write_video(made / f"{row}.mp4", frames=4 + row) for row in range(ROWS)]
        rows = {
            "clip": [{"path": video.name, "bytes": video.read_bytes()} for video in videos],
            "caption": [f"{split} {row}" for row in range(ROWS)],
            "action": [[[float(row), float(frame)] for frame in range(4 + row)] for row in range(ROWS)],
        }
        path = root / "data" / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        Dataset.from_dict(rows).cast_column("clip", Video(decode=False)).to_parquet(path)
    return root


def read(root: Path, **settings: Any) -> list[Recording]:
    source = HubSource(path=str(root), **settings)
    return list(source.recordings(root.with_name("made"), lambda *_: None))


def refusal(root: Path, **settings: Any) -> Problem:
    with pytest.raises(RecipeError) as refused:
        read(root, **settings)
    (problem,) = refused.value.problems
    return problem


def require_whole(found: list[Recording], view: str) -> None:
    kinds = {"train": "train", "validation": "held-out"}
    assert [recording.name for recording in found] == [f"{split}:{row}" for split in kinds for row in range(ROWS)]
    for recording in found:
        split, _, number = recording.name.partition(":")
        row = int(number)
        assert recording.split == kinds[split]
        assert recording.values["caption"] == f"{split} {row}"
        assert len(probe(recording.views[view].path).pts) == 4 + row
        np.testing.assert_array_equal(recording.values["action"], [[row, frame] for frame in range(4 + row)])


@both_ways
def test_a_folder_of_videos_is_read(tmp_path: Path, stream: bool) -> None:
    root = video_folder(tmp_path / "set", "train", "validation")
    require_whole(read(root, stream=stream), "video")
    description = HubSource(path=str(root), stream=stream).describe()
    assert (description.codecs, description.recordings) == ({"h264": 2}, 10)


@both_ways
def test_videos_inside_tables_become_files_once(tmp_path: Path, stream: bool) -> None:
    root = tables(tmp_path / "set", tmp_path / "videos", "train", "validation")
    found = read(root, stream=stream)
    require_whole(found, "clip")
    assert len(list((tmp_path / "made" / "videos").iterdir())) == ROWS
    assert HubSource(path=str(root), limit=3).describe().recordings == 6


@both_ways
def test_videos_inside_an_archive_become_files(tmp_path: Path, stream: bool) -> None:
    folder = video_folder(tmp_path / "folder", "train")
    (tmp_path / "set").mkdir()
    with zipfile.ZipFile(tmp_path / "set" / "train.zip", "w") as archive:
        for file in (folder / "train").iterdir():
            archive.write(file, file.name)
    found = read(tmp_path / "set", stream=stream)
    assert [len(probe(recording.media.path).pts) for recording in found] == [4, 5, 6, 7, 8]
    assert {recording.split for recording in found} == {None}


@both_ways
def test_some_rows_of_some_splits_can_be_chosen(tmp_path: Path, stream: bool) -> None:
    root = video_folder(tmp_path / "set", "train", "test")
    found = read(root, stream=stream, limit=2, splits={"test": "train", "train": "held-out"}, id="caption")
    names = [(recording.name, recording.split) for recording in found]
    assert names == [("test 0", "train"), ("test 1", "train"), ("train 0", "held-out"), ("train 1", "held-out")]
    assert {recording.split for recording in read(root, stream=stream, splits={"test": "train"})} == {None}


def test_paths_in_a_table_start_from_the_data_set(tmp_path: Path) -> None:
    write_video(tmp_path / "set" / "videos" / "a.mp4", frames=4)
    (tmp_path / "set" / "train.jsonl").write_text('{"file": "videos/a.mp4", "caption": "one"}\n')
    (recording,) = read(tmp_path / "set", videos=["file"])
    assert recording.views["file"].path == tmp_path / "set" / "videos" / "a.mp4"
    assert refusal(tmp_path / "set").code == "CR535"
    assert refusal(tmp_path / "set", videos=["flie"]).code == "CR535"


def test_what_cannot_be_loaded_is_told(tmp_path: Path) -> None:
    root = tables(tmp_path / "tables", tmp_path / "videos", "train", "extra")
    assert refusal(root).code == "CR538"
    assert refusal(root, splits={"trian": "train"}).code == "CR538"
    assert len(read(root, splits={"extra": "train"})) == ROWS
    assert refusal(root, config="small").code == "CR537"
    assert refusal(tmp_path / "gone").code == "CR500"
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty").code == "CR537"
    damaged = video_folder(tmp_path / "damaged", "train")
    (damaged / "train" / "metadata.jsonl").write_text("{")
    assert refusal(damaged).code == "CR537"
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "train.zip").write_bytes(b"PK\3\4 cut off")
    for stream in (False, True):
        assert refusal(tmp_path / "archive", stream=stream).code == "CR537"


def test_a_folder_is_told_from_a_name_on_the_hub(tmp_path: Path) -> None:
    (tmp_path / "owner" / "name").mkdir(parents=True)
    hub = source_class("hub")
    assert hub(path="owner/name").absolute(tmp_path) == HubSource(path=str(tmp_path / "owner" / "name"))
    assert hub(path="owner/other").absolute(tmp_path) == HubSource(path="owner/other")
    assert hub(path="./other").absolute(tmp_path) == HubSource(path=str(tmp_path / "other"))


def test_the_fingerprint_of_a_folder_follows_its_files(tmp_path: Path) -> None:
    root = video_folder(tmp_path / "set", "train")
    source = HubSource(path=str(root))
    before = source.fingerprint()
    assert source.fingerprint() == before
    write_video(root / "train" / "1.mp4", frames=30)
    assert source.fingerprint() != before


@pytest.fixture
def hub() -> Iterator[str]:
    """Answer as the Hub does when it is asked which commit a revision is; nothing else is there."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = self.path in ("/api/datasets/owner/name", "/api/datasets/owner/name/revision/main")
            body = json.dumps({"id": "owner/name", "sha": COMMIT} if known else {"error": "no such data set"}).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Length", str(len(body)))
            if not known:
                self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def asked(endpoint: str, home: Path, act: str, **settings: Any) -> str:
    """Return what another process, which knows the Hub by that address, says or is refused with."""
    code = f"""
from cosmos_recipes.data.sources.hub import HubSource
from cosmos_recipes.data.sources.recognise import recognise
from cosmos_recipes.diagnostics import RecipeError
try:
    print(HubSource(**{settings!r}).{act}())
except RecipeError as error:
    print(error.problems[0].code, error.problems[0].found, error.problems[0].hint)
"""
    around = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=around, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def test_the_fingerprint_of_a_data_set_on_the_hub_is_its_commit(hub: str, tmp_path: Path) -> None:
    assert asked(hub, tmp_path, "fingerprint", path="owner/name", revision="main") == COMMIT
    assert asked(hub, tmp_path, "describe", path="owner/nmae").startswith("CR537")


FETCH = """
import json, sys, tempfile
from pathlib import Path
from cosmos_recipes.data.sources.hub import HubSource
from cosmos_recipes.diagnostics import RecipeError
told = []
for said in json.load(sys.stdin):
    try:
        told.append(str(len(HubSource(**said).recordings(Path(tempfile.mkdtemp()), lambda *_: None))))
    except RecipeError as error:
        told.append(error.problems[0].code)
print(json.dumps(told))
"""


def test_what_there_is_no_room_for_or_what_is_larger_than_said_is_not_taken(tmp_path: Path) -> None:
    """Two terabytes are not begun, and a table that the Hub says is small ends when more comes."""
    root = tables(tmp_path / "set", tmp_path, "train")
    table = (root / "data" / "train-00000-of-00001.parquet").read_bytes()
    blobs = {
        "whole": Blob(table, large=True),
        "huge": Blob(table, large=True, heavy=("ab" * 32, 2 * 10**12)),
        "liar": Blob(bytes(30_000_000), large=True, heavy=("cd" * 32, len(table))),
    }
    with HubServer().running() as hub:
        for name, blob in blobs.items():
            repo = hub.store.create("lab", name, TOKEN, private=False)[1]
            repo.add_commit("a data set", {"data/train-00000-of-00001.parquet": blob})
            hub.store.large[blob.sha256] = blob
        settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        limited = {"path": "lab/huge", "stream": True}
        asked = [*({"path": f"lab/{name}"} for name in blobs), limited]
        done = subprocess.run(
            [sys.executable, "-c", FETCH],
            input=json.dumps(asked),
            env={**os.environ, **settings, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert json.loads(done.stdout) == [str(ROWS), "CR626", "CR537", "CR626"]
    assert sum(path.stat().st_size for path in (tmp_path / "home").rglob("*") if path.is_file()) < 20_000_000


def test_without_network_a_data_set_on_the_hub_is_refused_in_time(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9"
    told = asked(nobody, tmp_path, "describe", path="owner/name")
    assert told == "CR537 no answer from the Hub connect to the network, or download it and name its folder"
    assert asked(nobody, tmp_path, "fingerprint", path="owner/name", revision="v1") == "unresolved v1"
    assert asked(nobody, tmp_path, "fingerprint", path="owner/name", revision=COMMIT) == COMMIT
    known = tmp_path / "hub" / "datasets--owner--name" / "refs" / "v1"
    known.parent.mkdir(parents=True)
    known.write_text(COMMIT)
    assert asked(nobody, tmp_path, "fingerprint", path="owner/name", revision="v1") == COMMIT


def test_tables_named_as_the_library_does_are_recognised_with_their_videos(tmp_path: Path) -> None:
    found = recognise(tables(tmp_path / "data", tmp_path / "made", "train", "test"))
    assert [(each.kind, each.views) for each in found] == [("hub", ("clip",)), ("parquet", ("clip",))]
    assert {"caption", "action"} <= found[0].values.keys()
