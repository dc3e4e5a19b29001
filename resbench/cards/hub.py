"""Uploading the card of one checkpoint to a repository of the Hugging Face hub, in one commit."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from resbench import __version__
from resbench.cards import facts, huggingface
from resbench.cards.templating import SIGNATURE
from resbench.errors import ResbenchError, first_line
from resbench.records import store
from resbench.records.files import read_exactly
from resbench.zoo.find import checkpoints, find, find_weights


def checkpoint_files(names: Sequence[str], results: Path, convention: str) -> dict[str, str]:
    """Return the text of the files of the one checkpoint that `names` names, by path in its repository.

    Raises ResbenchError when that is no checkpoint, or one of several.
    """
    if len(names) != 1:
        raise ResbenchError("--push uploads the card of one checkpoint; name it, as `resbench weights list` shows it")
    weights, variant = find_weights(names[0]), find(names[0])
    held = (weights,) if weights else checkpoints(variant.name)
    if len(held) != 1:
        among = ", ".join(row.name for row in held) or "none is known"
        raise ResbenchError(f"{names[0]}: --push uploads the card of one checkpoint; name one of its own: {among}")
    card = facts.gather(variant, store.stored_records(results), convention)
    pages = huggingface.huggingface_pages([replace(card, weights=held)])
    return {path.partition("/")[2]: text for path, text in pages.items()}


def push(repository: str, pages: Mapping[str, str]) -> str:
    """Upload `pages` (text by path) to `repository`; return the address of the commit.

    The token and HF_ENDPOINT are those that huggingface_hub uses. Raises ResbenchError when it is not installed, when
    the hub refuses, and when the repository has a README.md that somebody else wrote.
    """
    hub = _library()
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    with _refusals(hub, repository):
        readme = _readme(hub, api, repository)
        if readme is not None and SIGNATURE not in readme:
            raise ResbenchError(f"{repository}: its README.md was not written by resbench; remove it there first")
        operations = [
            hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=text.encode()) for path, text in pages.items()
        ]
        message = f"Model card by resbench {__version__}"
        return str(api.create_commit(repo_id=repository, operations=operations, commit_message=message).commit_url)


def _library() -> Any:
    try:
        import huggingface_hub
    except ModuleNotFoundError:
        raise ResbenchError("--push needs huggingface_hub; install it with `pip install huggingface_hub`") from None
    return huggingface_hub


def _readme(hub: Any, api: Any, repository: str) -> str | None:
    """Return the README.md that `repository` has now; None where it has none."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            path = api.hf_hub_download(repo_id=repository, filename="README.md", local_dir=folder)
        except hub.errors.EntryNotFoundError:
            return None
        return read_exactly(Path(path))


@contextmanager
def _refusals(hub: Any, repository: str) -> Iterator[None]:
    """Turn what the hub and the network refuse into one line with the next step."""
    errors = hub.errors
    try:
        yield
    except errors.RepositoryNotFoundError:
        raise ResbenchError(
            f"{repository}: no such repository on the hub, or no right to write to it; create it with "
            f"`hf repos create {repository}`, and log in with `hf auth login`"
        ) from None
    except errors.HFValidationError as error:
        raise ResbenchError(f"--push {repository}: {first_line(error)}; give USER/NAME") from None
    except (errors.HfHubHTTPError, errors.HTTPError, OSError) as error:
        raise ResbenchError(f"{repository}: the hub refused: {first_line(error)}; try `hf auth whoami`") from None
