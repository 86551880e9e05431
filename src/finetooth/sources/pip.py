"""The one door to pip: a wheel from the configured package index, its hash required."""

import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from finetooth.errors import SourceError
from finetooth.files import sha256_file
from finetooth.progress import Progress, Step

OFFLINE_WAYS = (
    "Without the index: run `finetooth fetch RECIPE` where it is reached and carry its cache folder over "
    "(FINETOOTH_CACHE names it), or put the wheel file into a folder and set PIP_FIND_LINKS to it and PIP_NO_INDEX=1."
)
_GOT = re.compile(r"Expected sha256\s+([0-9a-f]{64}).*?Got\s+([0-9a-f]{64})", re.DOTALL)
_COUNT = re.compile(r"Progress (\d+) of (\d+)", re.MULTILINE)
_SECRET = re.compile(r"//[^/@\s]*@")
_UNREACHABLE = ("connection broken", "connection error", "Max retries exceeded", "Failed to establish", "HTTP error 5",
                "timed out", "Could not fetch URL", "Name or service not known", "SSLError", "ProxyError")  # fmt: skip


def download(name: str, version: str, digest: str, *, folder: Path, progress: Progress) -> Path:
    """The wheel file, downloaded to `folder` as the user's pip configuration says, with sha256 `digest`.

    Raises: SourceError saying what stopped it: no pip, index not reached, unknown version, other hash, full disk.
    """
    if not sys.executable or importlib.util.find_spec("pip") is None:
        raise SourceError(
            f"wheel:{name}=={version}: wheels are fetched with pip, which this Python lacks. "
            f"Install it (python -m ensurepip), or fill the cache elsewhere. {OFFLINE_WAYS}"
        )
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{name}=={version} --hash=sha256:{digest}\n", encoding="utf-8")
    command = [
        # -P: a pip.py in the working directory is not taken for pip.
        sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
        "--no-input", "--disable-pip-version-check", "--progress-bar", _bar(), "-r", str(requirements),
        "-d", str(folder),
    ]  # fmt: skip
    with progress.step(f"fetch {name} {version} with pip", unit="bytes") as step:
        code, said = _run(command, step)
    if code != 0:
        raise SourceError(_explain(said, f"wheel:{name}=={version}", digest=digest, folder=folder))
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise SourceError(f"wheel:{name}=={version}: pip ended well but left {len(wheels)} wheels in {folder}.")
    # pip has checked it too; this holds whatever pip is installed.
    found = sha256_file(wheels[0])
    if found != digest:
        raise SourceError(_hash_message(f"wheel:{name}=={version}", expected=digest, found=found))
    return wheels[0]


def _bar() -> str:
    version = [int(part) for part in re.findall(r"\d+", importlib.metadata.version("pip"))[:2]]
    return "raw" if version >= [24, 1] else "off"  # raw: lines `Progress DONE of TOTAL`, since pip 24.1


def _run(command: list[str], step: Step) -> tuple[int, str]:
    """Exit status and everything pip said; killed if we are interrupted."""
    lines: list[str] = []
    done = 0
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            text=True, encoding="utf-8", errors="replace",
        ) as process,
    ):  # fmt: skip
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
        errors.seek(0)
        return code, "".join(lines) + errors.read()


def _explain(said: str, source: str, *, digest: str, folder: Path) -> str:
    if mismatch := _GOT.search(said):
        return _hash_message(source, expected=digest, found=mismatch[2])
    if "No space left on device" in said:
        size = _COUNT.search(said)
        needed = f"{int(size[2]):,} bytes are needed" if size else "room for the wheel is needed"
        return (
            f"{source}: the disk is full: {needed} in pip's temporary folder and again in {folder.parent}. "
            f"Free some space, or set TMPDIR and FINETOOTH_CACHE to folders on a larger disk."
        )
    if "No module named pip" in said:
        return f"{source}: {sys.executable} -m pip does not start. Install pip (python -m ensurepip). {OFFLINE_WAYS}"
    offered = re.search(r"from versions: ([^)]*)\)", said)
    if offered and offered[1] != "none":
        return f"{source}: the configured package index has no such version; it offers {offered[1]}."
    if any(sign in said for sign in _UNREACHABLE):
        return f"{source}: the package index cannot be reached. {OFFLINE_WAYS}"
    if "No matching distribution" in said:
        return (
            f"{source}: the configured package index gave no wheel of that name: "
            f"it has none for this Python, or cannot be reached. {OFFLINE_WAYS}"
        )
    errors = [line.removeprefix("ERROR:").strip() for line in said.splitlines() if line.startswith("ERROR:")]
    last = errors[-1] if errors else (said.strip().splitlines() or ["it gave no reason"])[-1]
    return f"{source}: pip could not fetch it: {_SECRET.sub('//', last)} {OFFLINE_WAYS}"


def _hash_message(source: str, *, expected: str, found: str) -> str:
    return (
        f"{source}: the wheel is not the one the recipe names: "
        f"expected sha256 {expected}, found {found}. "
        f"It is damaged or was replaced; write the new hash into the recipe only if you know why it changed."
    )
