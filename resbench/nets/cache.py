"""Where checkpoints lie on this machine: torch.hub's folder, so that what users already have is found."""

import os
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

from resbench.errors import ResbenchError
from resbench.zoo.spec import Weights


def folder() -> Path:
    """Return torch.hub's folder of checkpoints, by its own rule, without importing torch for it."""
    if "torch" in sys.modules:
        return Path(sys.modules["torch"].hub.get_dir()) / "checkpoints"
    caches = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", f"{caches}/torch")
    return Path(home).expanduser() / "hub" / "checkpoints"


def path_of(weights: Weights) -> Path:
    """Return the path that `weights` has, or would have, on this machine."""
    return folder() / PurePosixPath(urlparse(weights.url).path).name


def cached(weights: Weights) -> Path:
    """Return the path of `weights` on this machine. Raises ResbenchError when it is not here."""
    path = path_of(weights)
    if not path.exists():
        raise ResbenchError(
            f"{weights.name}: not on this machine; run `resbench weights fetch {weights.name}`, "
            f"or put {path.name} from {weights.url} into {path.parent}"
        )
    return path
