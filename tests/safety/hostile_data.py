"""Data as a stranger might publish it: each lays out a folder `data` and says with which settings it would be read."""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cosmos_recipes.worlds.video import write_video
from tests.safety.attacks import CANARY

SPARSE_BYTES = 5_000_000_000
Maker = Callable[[Path, str], str]
MAKERS: dict[str, Maker] = {}


def attack(make: Maker) -> Maker:
    """Note a function that lays data out in a folder, given the host that nobody may ask, and returns its source."""
    MAKERS[make.__name__] = make
    return make


def clip(path: Path) -> Path:
    """Write a real little video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames_THWC = np.random.default_rng(0).integers(0, 255, (8, 32, 32, 3), np.uint8)
    write_video(path, frames_THWC, rate_hz=5.0, codec="mjpeg")
    return path


def sparse(path: Path) -> None:
    """Write a file of 5 GB that takes no room."""
    with path.open("wb") as file:
        file.truncate(SPARSE_BYTES)


@attack
def playlists_with_the_names_of_videos(data: Path, host: str) -> str:
    for number, there in enumerate(
        (f"http://{host}/a.ts", "../../outside/canary.mp4", "file:/etc/passwd", "concat:/etc/passwd|/etc/passwd")
    ):
        (data / f"hls{number}.mp4").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{there}\n#EXT-X-ENDLIST\n"
        )
        (data / f"concat{number}.mp4").write_text(f"ffconcat version 1.0\nfile '{there}'\n")
        (data / f"dash{number}.mkv").write_text(f'<?xml version="1.0"?><MPD><BaseURL>{there}</BaseURL></MPD>')
        (data / f"sdp{number}.avi").write_text(
            f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video {host.rpartition(':')[2]} RTP/AVP 96\n"
        )
    clip(data / "real.mp4")
    return "{kind: folder, path: data}"


@attack
def names_that_steer_a_terminal(data: Path, host: str) -> str:
    for name in (
        "\x1b[2J\x1b]0;x\x07.mp4",
        "\u202egnp.mp4",
        "a\nb: forged\n.mp4",
        "\u200b.mp4",
        "-rf.mp4",
        os.fsdecode(b"\xff\xfe.mp4"),
        "<script>.mp4",
    ):
        clip(data / name)
    (data / "broken\x1b[31m.mp4").write_bytes(b"no video")
    return "{kind: folder, path: data}"


@attack
def captions_that_steer_a_terminal(data: Path, host: str) -> str:
    for name in ("a", "b", "c"):
        clip(data / f"{name}.mp4")
    (data / "a.txt").write_text("A caption.\x1b[2J\x07\u202e\u200b<script>alert(1)</script>\r\n\x00")
    (data / "b.json").write_text(json.dumps({"caption": "\x1b]52;c;eA==\x07"}))
    return "{kind: folder, path: data}"


@attack
def captions_that_are_huge(data: Path, host: str) -> str:
    clip(data / "a.mp4")
    sparse(data / "a.txt")
    return "{kind: folder, path: data}"


@attack
def a_table_of_captions_that_is_nested_deeply(data: Path, host: str) -> str:
    clip(data / "a.mp4")
    (data / "captions.jsonl").write_text('{"file_name": "a.mp4", "caption": ' + "[" * 100_000 + "\n")
    return "{kind: folder, path: data}"


@attack
def devices_and_links_beside_videos(data: Path, host: str) -> str:
    clip(data / "a.mp4")
    os.mkfifo(data / "a.txt")
    os.mkfifo(data / "b.mp4")
    (data / "c.mp4").symlink_to("c.mp4")
    (data / "d.mp4").symlink_to("/dev/zero")
    (data / "down").symlink_to(".")
    return "{kind: folder, path: data}"


@attack
def a_video_of_absurd_size(data: Path, host: str) -> str:
    content = bytearray(clip(data / "a.mp4").read_bytes())
    at = content.find(b"stsd") + 44
    content[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    (data / "a.mp4").write_bytes(content)
    return "{kind: folder, path: data}"


def tar(data: Path, members: dict[str, bytes], *headers: tarfile.TarInfo) -> str:
    """Write a shard with these members, after headers without content; return the settings that read it."""
    with tarfile.open(data / "train-000.tar", "w") as file:
        for header in headers:
            file.addfile(header)
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
    return "{kind: webdataset, path: data}"


def a_clip(data: Path) -> bytes:
    """Return the bytes of a video."""
    content = clip(data / "clip.mp4").read_bytes()
    (data / "clip.mp4").unlink()
    return content


@attack
def members_of_a_shard_that_lead_out(data: Path, host: str) -> str:
    links = []
    for name, kind in (
        ("link.mp4", tarfile.SYMTYPE),
        ("hard.mp4", tarfile.LNKTYPE),
        ("pipe.mp4", tarfile.FIFOTYPE),
        ("zero.mp4", tarfile.CHRTYPE),
    ):
        link = tarfile.TarInfo(name)
        link.type, link.linkname = kind, "../../outside/canary.mp4"
        links.append(link)
    return tar(
        data,
        {"../../outside/made.mp4": a_clip(data), "/tmp/made.mp4": b"x", "a.mp4": a_clip(data), "a.txt": b"\x1b[2J"},
        *links,
    )


@attack
def a_shard_with_a_name_of_gigabytes(data: Path, host: str) -> str:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, SPARSE_BYTES - 1024
    with (data / "train-000.tar").open("wb") as file:
        file.write(header.tobuf(tarfile.GNU_FORMAT))
        file.truncate(SPARSE_BYTES)
    return "{kind: webdataset, path: data}"


@attack
def arrays_of_a_shard_that_are_bombs(data: Path, host: str) -> str:
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    objects = io.BytesIO()
    np.save(objects, np.array([{"x": 1}], object), allow_pickle=True)
    zipped = io.BytesIO()
    with (
        zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file,
        file.open("zeros.npy", "w") as member,
    ):
        np.lib.format.write_array_header_1_0(member, {"descr": "|u1", "fortran_order": False, "shape": (400_000_000,)})
        for _ in range(400):
            member.write(bytes(1_000_000))
    bombs = {
        "large.npy": head.getvalue(),
        "pickle.npy": objects.getvalue(),
        "zip.npz": zipped.getvalue(),
        "deep.json": b'{"a":' * 5000,
        "cls.cls": b"9" * 5000,
    }
    video = a_clip(data)
    return tar(
        data,
        {
            f"{number}.{name}": content
            for number, each in enumerate(bombs.items())
            for name, content in (("mp4", video), (each[0].partition(".")[2], each[1]))
        },
    )


@attack
def a_table_of_addresses(data: Path, host: str) -> str:
    there = [
        f"http://{host}/a.mp4",
        "http://169.254.169.254/a.mp4",
        "file:///etc/passwd",
        "memory://a.mp4",
        f"simplecache::http://{host}/a.mp4",
    ]
    pq.write_table(pa.table({"video": there, "caption": ["\x1b[2J"] * 5}), data / "train-00000-of-00001.parquet")
    return "{kind: hub, path: ./data, videos: [video]}"


@attack
def a_table_of_odd_paths(data: Path, host: str) -> str:
    there = ["../../outside/canary.mp4", "/etc/passwd", "a\0b.mp4", "~nosuchuser/a.mp4", "\x1b[2J.mp4", "/dev/zero"]
    pq.write_table(pa.table({"video": there, "caption": ["\u202e"] * 6}), data / "rows.parquet")
    return "{kind: parquet, path: data}"


@attack
def a_table_of_very_many_rows(data: Path, host: str) -> str:
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(7_000_000, np.int8)), ["a.mp4"])
    with pq.ParquetWriter(data / "rows.parquet", pa.schema([("video", column.type)])) as file:
        for _ in range(3):
            file.write_table(pa.table({"video": column}))
    return "{kind: parquet, path: data}"


@attack
def a_card_that_names_files_elsewhere(data: Path, host: str) -> str:
    card = "---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: http://%s/x.parquet\n---\n"
    (data / "README.md").write_text(card % host)
    pq.write_table(pa.table({"video": ["a.mp4"]}), data / "train-00000-of-00001.parquet")
    return "{kind: hub, path: ./data}"


@attack
def a_card_that_is_a_bomb(data: Path, host: str) -> str:
    (data / "README.md").write_text("---\na: " + "[" * 50_000 + "\n---\n")
    clip(data / "a.mp4")
    return "{kind: folder, path: data}"


def tree(data: Path, **changes: object) -> str:
    """Write the description of a LeRobot tree, with some of it changed; return the settings that read it."""
    said = {
        "codebase_version": "v2.1",
        "fps": 5,
        "features": {"front": {"dtype": "video", "shape": [32, 32, 3]}},
        "data_path": "data/{episode_index:06d}.parquet",
        "video_path": "videos/{video_key}/{episode_index:06d}.mp4",
        **changes,
    }
    (data / "meta").mkdir(exist_ok=True)
    (data / "meta" / "info.json").write_text(json.dumps(said))
    (data / "meta" / "episodes.jsonl").write_text('{"episode_index": 0, "length": 8, "tasks": ["\\u001b[2J"]}\n')
    return "{kind: lerobot, path: data}"


@attack
def a_tree_whose_paths_are_formats(data: Path, host: str) -> str:
    return tree(data, video_path="{episode_index.__class__.__mro__}{video_key:>9999999999}{episode_index:99999999d}")


@attack
def a_tree_whose_paths_lead_out(data: Path, host: str) -> str:
    return tree(data, video_path="../../outside/canary.mp4", data_path="/etc/passwd")


@attack
def a_tree_of_impossible_numbers(data: Path, host: str) -> str:
    (data / "meta").mkdir()
    made = tree(data, fps=1e-300, chunks_size=10**30)
    (data / "meta" / "episodes.jsonl").write_text(
        '{"episode_index": 1e400, "length": -1}\n{"episode_index": ' + "9" * 5000 + "}\n"
    )
    return made


@attack
def a_tree_whose_description_is_huge(data: Path, host: str) -> str:
    made = tree(data)
    sparse(data / "meta" / "info.json")
    return made


def black_png(side_px: int) -> bytes:
    """Return a black picture, two colours a pixel, in the form of the PNG specification; Pillow takes seconds for a large one."""
    rows = zlib.compress(bytes((1 + side_px // 8) * side_px), 1)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", side_px, side_px, 1, 0, 0, 0, 0)), (b"IDAT", rows), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@attack
def pictures_that_are_bombs(data: Path, host: str) -> str:
    content = bytearray(black_png(30_000))
    (data / "bomb.png").write_bytes(content)
    content[16:24] = struct.pack(">II", 2**31 - 1, 2**31 - 1)
    (data / "larger.png").write_bytes(content)
    pose = np.eye(4).tolist()
    frames = [
        {"file_path": name, "transform_matrix": pose}
        for name in ("bomb.png", "larger.png", "../../outside/canary.txt", "/etc/passwd", "\x1b[2J.png")
    ]
    (data / "transforms.json").write_text(json.dumps({"fl_x": 1.0, "frames": frames}))
    return "{kind: nerfstudio, path: data, rate: 10 Hz}"


@attack
def a_scene_that_is_nested_deeply(data: Path, host: str) -> str:
    (data / "transforms.json").write_text('{"a":' * 900 + "1" + "}" * 900)
    return "{kind: nerfstudio, path: data, rate: 10 Hz}"


@attack
def rows_that_are_no_cameras(data: Path, host: str) -> str:
    clip(data / "a.mp4")
    (data / "a.txt").write_text("https://x\n" + "1e400 " * 19 + "\n\x1b[2J\n")
    return "{kind: realestate10k, path: data, videos: data}"


@attack
def windows_that_lead_out(data: Path, host: str) -> str:
    row = {
        "uuid": "x\x1b[2J",
        "vision_path": "../../outside/canary.mp4",
        "t2w_windows": [{"start_frame": 0, "end_frame": 10**18, "caption": CANARY[:0]}],
    }
    (data / "rows.jsonl").write_text(json.dumps(row) + "\n" + "[" * 50_000 + "\n")
    return "{kind: cosmos, path: data, layout: jsonl}"
