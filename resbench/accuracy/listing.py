"""Which files lie in a folder or a container, and which of them are left out."""

import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from resbench.accuracy import forms, splits
from resbench.accuracy.braces import expanded
from resbench.accuracy.dataset import LEFT_OUT, Contents, File, Symptom, printable_name
from resbench.accuracy.remote import RemotePath, place_at
from resbench.errors import ResbenchError

# Folders that systems and file servers make: thumbnails, wastebaskets, snapshots.
_SYSTEM_FOLDERS = re.compile(
    r"@eadir|@tmp|@recycle|@recently-snapshot|#recycle|#snapshot|\$recycle\.bin|__macosx|lost\+found"
    r"|system volume information|_?thumbs|thumb|thumbnails?|__pycache__",
    re.IGNORECASE,
)
_OF_DATASETS = ("state.json", "dataset_info.json", "dataset_dict.json")  # what `datasets` writes beside Arrow files
_SPECIAL = {stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files at a place, by name."""

    files: tuple[File, ...]
    left_out: tuple[Symptom, ...] = ()
    form: str = ""  # "a zip archive", "tar archives"; empty for a folder of files
    classes: tuple[str, ...] = ()  # the names of the classes, where a container states them
    notes: tuple[str, ...] = ()
    images: tuple[File, ...] = field(init=False)  # the files with the name of an image

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", tuple(file for file in self.files if file.is_image))


def listing(path: Path) -> Listing:
    """Return every file at `path`; hidden ones, system folders and special files are left out.

    That is a folder, or a container of images (`forms`), or a folder of such containers, or several by braces. Of
    containers of several parts, as train and val, one part is opened.
    Raises ResbenchError when `path` is none of these, for a folder that cannot be read, for a container that is
    damaged, and for several sets side by side.
    """
    if "{" in str(path) and not path.exists():
        return _of_containers(path, [_file(place) for place in expanded(str(path))])
    mode = _mode(path)
    if special := _special(mode):
        raise ResbenchError(f"{path}: a {special}; give a folder of images or an archive of them")
    if not stat.S_ISDIR(mode):
        form = forms.form_at(path)
        return _listing(form.members(path), form.what)
    listed = _Listed()
    if isinstance(path, RemotePath):
        _ask(path, listed)
    else:
        _walk(path, listed)
    left_out = _omitted(listed)
    places = [file for file in listed.files if forms.form_named(file.base)]
    if not places or any(file.is_image for file in listed.files):
        return Listing(files=_by_name(listed.files), left_out=left_out)
    within = _of_containers(path, places)
    beside = [file for file in listed.files if file not in places and file.base not in _OF_DATASETS]
    return replace(within, files=_by_name([*within.files, *beside]), left_out=(*within.left_out, *left_out))


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        raise ResbenchError(f"{path}: no such folder; give the folder of the validation images") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ResbenchError(f"{path}: {reason}; give the folder of the validation images") from None


def _file(place: str) -> File:
    path = place_at(Path(place))
    if not path.is_file():
        raise ResbenchError(f"{path}: no such file; give those that are there, or their folder")
    return File(name=printable_name(path.name), path=path, size_bytes=path.stat().st_size)


def _of_containers(path: Path, places: list[File]) -> Listing:
    """Open the containers of one part of a set."""
    kinds = {form.several: form for place in places if (form := forms.form_named(place.base))}
    if len(kinds) > 1:
        raise ResbenchError(f"{path}: images in {' and '.join(sorted(kinds))}; give one kind of them alone")
    roots = {place: forms.set_of(place.name) for place in places}
    chosen = splits.choose_split(path, roots, all_belong=True, noun="file")
    splits.one_root(path, {place: roots[place] for place in chosen.files}, noun="file")
    names = [place.name for place in chosen.files]
    within = _listing(forms.open_containers(chosen.files), next((kind for kind in kinds), "tar archives"))
    left_out = [*chosen.left_out, *within.left_out]
    if missing := forms.missing_shards(names):
        what = f"{len(missing):,} of {len(missing) + len(names):,} shards are not there"
        left_out.append(
            Symptom(what=what, files=missing, remedy="the accuracy is that of a part; fetch the others too")
        )
    return replace(within, left_out=tuple(left_out), notes=chosen.notes)


def _listing(contents: Contents, form: str) -> Listing:
    listed = _Listed()
    for file in contents.files:
        hidden = _hidden_part(file.name)
        if hidden is None:
            listed.files.append(file)
        else:
            listed.hide(hidden)
    left_out = (*contents.left_out, *_omitted(listed))
    return Listing(files=_by_name(listed.files), left_out=left_out, form=form, classes=contents.classes)


def _omitted(listed: "_Listed") -> tuple[Symptom, ...]:
    kinds = {"pipes, sockets and devices": listed.special, "hidden files and system folders": listed.hidden}
    return tuple(
        Symptom(what=what, files=tuple(sorted(set(names))), remedy=LEFT_OUT) for what, names in kinds.items() if names
    )


def _by_name(files: Iterable[File]) -> tuple[File, ...]:
    return tuple(sorted(files, key=lambda file: file.name))


@dataclass(frozen=True, slots=True)
class _Listed:
    files: list[File] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)  # folders, with a slash behind, and images
    special: list[str] = field(default_factory=list)

    def hide(self, name: str) -> None:
        """Note what is left out for its name; of hidden files only images are worth a word."""
        if name.endswith("/") or File(name=name, path=Path(name), size_bytes=0).is_image:
            self.hidden.append(name)


def _ask(root: RemotePath, listed: _Listed) -> None:
    for name, size in root.files().items():
        hidden = _hidden_part(name)
        if hidden is None:
            listed.files.append(File(name=printable_name(name), path=root / name, size_bytes=size))
        else:
            listed.hide(hidden)


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
