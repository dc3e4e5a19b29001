"""Which files lie in a folder or a tar archive, and which of them are left out."""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from resbench.accuracy import archives
from resbench.accuracy.dataset import LEFT_OUT, File, Symptom, printable_name
from resbench.errors import ResbenchError

# Folders that systems and file servers make: thumbnails, wastebaskets, snapshots.
_SYSTEM_FOLDERS = re.compile(
    r"@eadir|@tmp|@recycle|@recently-snapshot|#recycle|#snapshot|\$recycle\.bin|__macosx|lost\+found"
    r"|system volume information|_?thumbs|thumb|thumbnails?|__pycache__",
    re.IGNORECASE,
)
_SPECIAL = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files at a place, by name."""

    files: tuple[File, ...]
    left_out: tuple[Symptom, ...]
    images: tuple[File, ...] = field(init=False)  # the files with the name of an image

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", tuple(file for file in self.files if file.is_image))


def listing(path: Path) -> Listing:
    """Return every file in a folder or a tar archive; hidden ones, system folders and special files are left out.

    Raises ResbenchError when `path` is neither, for a folder that cannot be read, and for an archive that is damaged.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ResbenchError(f"{path}: no such folder; give the folder of the validation images") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResbenchError(f"{path}: {reason}; give the folder of the validation images") from None
    if special := _special(mode):
        raise ResbenchError(f"{path}: a {special}; give a folder of images or an uncompressed .tar")
    listed = _Listed()
    if stat.S_ISDIR(mode):
        left_out: list[Symptom] = []
        _walk(path, listed)
    else:
        files, left_out = archives.members(path)
        for file in files:
            hidden = _hidden_part(file.name)
            if hidden is None:
                listed.files.append(file)
            else:
                listed.hide(hidden)
    for what, names in (
        ("pipes, sockets and devices", listed.special),
        ("hidden files and system folders", listed.hidden),
    ):
        if names:
            left_out.append(Symptom(what=what, files=tuple(sorted(set(names))), remedy=LEFT_OUT))
    return Listing(files=tuple(sorted(listed.files, key=lambda file: file.name)), left_out=tuple(left_out))


@dataclass(frozen=True, slots=True)
class _Listed:
    files: list[File] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)  # folders, with a slash behind, and images
    special: list[str] = field(default_factory=list)

    def hide(self, name: str) -> None:
        """Note what is left out for its name; of hidden files only images are worth a word."""
        if name.endswith("/") or File(name=name, path=Path(name), size_bytes=0).is_image:
            self.hidden.append(name)


def _walk(root: Path, listed: _Listed) -> None:
    for folder, below, names in os.walk(root, followlinks=True, onerror=_refuse):
        place = Path(folder)
        inside = "" if place == root else f"{printable_name(place.relative_to(root).as_posix())}/"
        for name in list(below):
            if _is_hidden(name):
                listed.hide(f"{inside}{printable_name(name)}/")
            if _is_hidden(name) or _leads_back(place / name):
                below.remove(name)
        for name in names:
            if _is_hidden(name):
                listed.hide(f"{inside}{printable_name(name)}")
            else:
                _add(place / name, f"{inside}{printable_name(name)}", listed)


def _add(path: Path, name: str, listed: _Listed) -> None:
    try:
        about = path.stat()
    except OSError:  # a link to nothing, or to what must not be looked at: unreadable later
        listed.files.append(File(name=name, path=path, size_bytes=0))
        return
    if special := _special(about.st_mode):
        listed.special.append(f"{name} ({special})")
    else:
        listed.files.append(File(name=name, path=path, size_bytes=about.st_size))


def _special(mode: int) -> str | None:
    return _SPECIAL.get(stat.S_IFMT(mode))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or bool(_SYSTEM_FOLDERS.fullmatch(name))


def _hidden_part(name: str) -> str | None:
    """Return the outermost hidden folder of a member, or the member itself where only its own name is hidden."""
    parts = PurePosixPath(name).parts
    place = next((place for place, part in enumerate(parts) if _is_hidden(part)), None)
    if place is None:
        return None
    return "/".join(parts[: place + 1]) + ("/" if place + 1 < len(parts) else "")


def _leads_back(path: Path) -> bool:
    """Tell whether a folder is a link to one that it lies in, below which every image would be met again and again."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def _refuse(error: OSError) -> None:
    raise ResbenchError(f"{error.filename}: {error.strerror}; make the folder readable, or move it away") from None
