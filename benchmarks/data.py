"""Random windows of H.264 videos: frames per second of processor time, ours against other decoders, in one run.

    python benchmarks/data.py [--clips 8] [--hd-clips 4] [--windows 4] [--rounds 5] [--write]

Every decoder opens the file, goes to the window and gives its frames as RGB at 256x256, on one thread; decoders that are
not installed are named and left out. Each round takes every decoder once over the same windows, so that whatever else the
machine does falls on all of them. Ratios are medians over rounds, the spread is their least and largest. `ceiling` is
FFmpeg's own decoder on the same windows, the file opened as cheaply as can be and the frames thrown away; it decodes every
frame from the key frame on, where ours leaves out those that no other needs.
`--write` keeps the figures in results/data.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import av
import torch

from cosmos_recipes.data.decode.frames import read_frames
from cosmos_recipes.data.decode.transcode import transcode
from cosmos_recipes.data.probe import Probe, probe

RESULT = Path(__file__).parent / "results" / "data.json"
SIDE_PX, RATE_HZ, FRAMES = 256, 24, 121
LENGTHS = (16, 33)
PICTURES = (
    "testsrc2=s={size}:r=24,noise=alls=8:allf=t",
    "mandelbrot=s={size}:r=24,noise=alls=6:allf=t",
    "life=s={size}:r=24:mold=10:ratio=0.1:death_color=#C83232:life_color=#00ff00,noise=alls=6:allf=t",
    "cellauto=s={size}:r=24,noise=alls=6:allf=t",
)
TARGETS = {"ours_over_fastest_peer": 1.0, "ours_over_ceiling": 0.85, "transcoded_over_original": 10.0}


@dataclass(frozen=True)
class Window:
    """Frames from `start` to before `stop` of a video."""

    path: Path
    found: Probe
    start: int
    stop: int

    @property
    def key(self) -> int:
        """Time of the key frame that decoding starts from."""
        key = self.found.key_before(self.start)
        assert key is not None
        return key


def ours(window: Window) -> Any:
    """The CPU back-end, by way of the interface."""
    frames = range(window.start, window.stop)
    return read_frames(window.path, window.found, frames, height_px=SIDE_PX, width_px=SIDE_PX, backends={})


def with_torchcodec(window: Window) -> Any:
    """The torchcodec library; it seeks by the average rate, its fastest way, and resizes inside."""
    from torchcodec.decoders import VideoDecoder
    from torchcodec.transforms import Resize

    small = (window.found.height_px, window.found.width_px) == (SIDE_PX, SIDE_PX)
    transforms = None if small else [Resize((SIDE_PX, SIDE_PX))]
    decoder = VideoDecoder(window.path, seek_mode="approximate", num_ffmpeg_threads=1, transforms=transforms)
    return decoder.get_frames_in_range(window.start, window.stop).data


def with_pyav(window: Window) -> Any:
    """PyAV as its documentation shows it."""
    import numpy as np

    frames = [frame.to_ndarray(format="rgb24", width=SIDE_PX, height=SIDE_PX) for frame in pyav_frames(window)]
    return np.stack(frames)


def pyav_frames(window: Window) -> Iterator[Any]:
    """Frames of a window, decoded one by one."""
    with av.open(str(window.path)) as container:
        container.streams.video[0].thread_type = "NONE"
        yield from decoded(container, window)


def decoded(container: Any, window: Window) -> Iterator[Any]:
    """Frames of a window of an open file."""
    wanted = window.found.pts[window.start : window.stop]
    container.seek(window.key, stream=container.streams.video[0], backward=True)
    for frame in container.decode(video=0):
        if frame.pts >= wanted[0]:
            yield frame
        if frame.pts == wanted[-1]:
            return


def with_decord(window: Window) -> Any:
    """The decord library."""
    import decord

    reader = decord.VideoReader(str(window.path), num_threads=1, width=SIDE_PX, height=SIDE_PX)
    return reader.get_batch(range(window.start, window.stop)).asnumpy()


def with_opencv(window: Window) -> Any:
    """OpenCV's bundled FFmpeg."""
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(window.path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    capture.set(cv2.CAP_PROP_POS_FRAMES, window.start)
    frames = [cv2.cvtColor(capture.read()[1], cv2.COLOR_BGR2RGB) for _ in range(window.start, window.stop)]
    if frames[0].shape[0] != SIDE_PX:
        frames = [cv2.resize(frame, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack(frames)


def ceiling(window: Window) -> Any:
    """FFmpeg's decoder alone, on a file that is opened without looking at what is in it."""
    with av.open(str(window.path), options={"skip_frame": "all", "probesize": "4096"}) as container:
        container.streams.video[0].thread_type = "NONE"
        return [frame.pts for frame in decoded(container, window)]


PEERS: dict[str, tuple[str, Callable[[Window], Any]]] = {
    "torchcodec": ("torchcodec", with_torchcodec),
    "pyav": ("av", with_pyav),
    "decord": ("decord", with_decord),
    "opencv": ("opencv-python-headless", with_opencv),
}


def write_clip(path: Path, picture: str, size: str, gop: int, crf: int) -> Path:
    """Encode a picture that moves, as people's encoders do: x264, B-frames, a key frame every `gop` frames."""
    graph = av.filter.Graph()
    parts = [part.partition("=") for part in picture.format(size=size).split(",")]
    nodes = [graph.add(name, words) for name, _, words in (*parts, ("format", "", "yuv420p"), ("buffersink", "", None))]
    graph.link_nodes(*nodes).configure()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"preset": "veryfast", "crf": str(crf)})
        stream.width, stream.height = map(int, size.split("x"))
        stream.pix_fmt, stream.codec_context.gop_size = "yuv420p", gop
        for number in range(FRAMES):
            frame = graph.vpull()
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, RATE_HZ), 0
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def windows(paths: list[Path], length: int, each: int) -> list[Window]:
    """The same random windows for every decoder."""
    chance, found = random.Random(length), {path: probe(path) for path in paths}
    starts = ((path, chance.randrange(FRAMES - length + 1)) for path in paths for _ in range(each))
    return [Window(path, found[path], start, start + length) for path, start in starts]


def cpu_s(decode: Callable[[Window], Any], chosen: list[Window]) -> float:
    """Seconds of processor time, of all threads."""
    began = time.process_time()
    for window in chosen:
        decode(window)
    return time.process_time() - began


def ratios(over: list[float], under: list[float]) -> dict[str, float]:
    """Median, least and largest of the rounds' ratios of speed."""
    each = [slow / fast for fast, slow in zip(over, under, strict=True)]
    return {"median": round(statistics.median(each), 3), "least": round(min(each), 3), "most": round(max(each), 3)}


def column(decoders: dict[str, Callable[[Window], Any]], chosen: list[Window], rounds: int) -> dict[str, Any]:
    """Speed of every decoder on these windows, and ours against them; a first round fills the caches."""
    cpu_s_of: dict[str, list[float]] = {name: [] for name in decoders}
    for number in range(rounds + 1):
        for name, decode in decoders.items():
            took_s = cpu_s(decode, chosen[: None if number else 2])
            if number:
                cpu_s_of[name].append(took_s)
    frames = sum(window.stop - window.start for window in chosen)
    speed = {name: round(frames / statistics.median(took), 1) for name, took in cpu_s_of.items()}
    peers = {name: speed[name] for name in speed if name in PEERS}
    fastest = max(peers, key=lambda name: peers[name])
    return {
        "frames_per_cpu_s": speed,
        "fastest_peer": fastest,
        "ours_over_fastest_peer": ratios(cpu_s_of["ours"], cpu_s_of[fastest]),
        "ours_over_ceiling": ratios(cpu_s_of["ours"], cpu_s_of["ceiling"]),
    }


def transcoded(chosen: list[Window], folder: Path, rounds: int) -> dict[str, Any]:
    """Speed of our decoder on the same windows of the videos at the target size, against the originals."""
    small: dict[Path, Probe] = {}
    for window in chosen:
        path = folder / f"small-{window.path.name}"
        if path not in small:
            transcode(window.path, window.found, path, height_px=SIDE_PX, width_px=SIDE_PX)
            small[path] = probe(path)
    again = [Window(path := folder / f"small-{w.path.name}", small[path], w.start, w.stop) for w in chosen]
    pairs = [(cpu_s(ours, again), cpu_s(ours, chosen)) for _ in range(rounds)]
    before, after = (sum(path.stat().st_size for path in {w.path for w in own}) for own in (chosen, again))
    return {
        "transcoded_over_original": ratios([pair[0] for pair in pairs], [pair[1] for pair in pairs]),
        "bytes_over_original": round(after / before, 3),
    }


def installed() -> tuple[dict[str, str], list[str]]:
    """Versions of the peers that can be imported, and the names of those that cannot."""
    found, missing = {}, []
    for name, (package, _) in PEERS.items():
        try:
            __import__({"pyav": "av", "opencv": "cv2", "torchcodec": "torchcodec.decoders"}.get(name, name))
            found[name] = version(package)
        except (ImportError, OSError, RuntimeError, PackageNotFoundError) as error:
            missing.append(name)
            print(f"{name} is left out: {str(error).splitlines()[0]}")
    return found, missing


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "cpus": os.cpu_count(),
        "threads": 1,
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def main() -> int:
    """Measure, print and write the figures; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--hd-clips", type=int, default=4)
    parser.add_argument("--windows", type=int, default=4, help="windows of a clip")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    versions, missing = installed()
    decoders = {"ours": ours, "ceiling": ceiling} | {name: PEERS[name][1] for name in versions}
    columns: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, size, count, gop, crf in (
            ("256", "256x256", given.clips, 24, 20),
            ("720p", "1280x704", given.hd_clips, 48, 23),
        ):
            paths = [
                write_clip(folder / f"{kind}-{number}.mp4", PICTURES[number % len(PICTURES)], size, gop, crf)
                for number in range(count)
            ]
            each = given.windows if kind == "256" else max(1, given.windows // 2)
            for length in LENGTHS:
                chosen = windows(paths, length, each)
                columns[f"{kind}, {length} frames"] = found = column(decoders, chosen, given.rounds)
                if kind == "720p":
                    found |= transcoded(chosen, folder, given.rounds)
                print(f"{kind}, {length} frames:", json.dumps(found, indent=2))
    document = {
        "machine": machine(),
        "clips": {
            "256": f"{given.clips} of 256x256, GOP 24, {given.windows} windows each",
            "720p": f"{given.hd_clips} of 1280x704, GOP 48, {max(1, given.windows // 2)} windows each",
        },
        "rounds": given.rounds,
        "peers": versions,
        "not_installed": missing,
        "targets": TARGETS,
        "columns": columns,
    }
    if given.write:
        RESULT.write_text(json.dumps(document, indent=2) + "\n")
    met = [
        found[what]["most"] >= target for found in columns.values() for what, target in TARGETS.items() if what in found
    ]
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
