"""Networks that other code builds: a user's file, an installed module, a library, or a running program."""

import copy
import inspect
import pickle
import re
import traceback
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from resbench.errors import ResbenchError, show_traceback
from resbench.nets import importing
from resbench.nets.isolation import undisturbed
from resbench.zoo.places import arguments_of, with_argument
from resbench.zoo.spec import Elsewhere, Variant

_LIBRARIES = {"timm": ("timm", "create_model"), "torchvision": ("torchvision.models", "get_model")}
_CLASSES = ("num_classes", "classes", "n_classes", "num_labels")  # what builders call their number of classes


def build_elsewhere(spec: Elsewhere, device: str | torch.device = "cpu") -> nn.Module:
    """Return the network as its builder makes it, in float32 and eval mode, on `device`.

    Raises ResbenchError, naming the place, when it cannot be built.
    """
    module = _built(spec, torch.device(device))
    if not any(True for _ in module.parameters()):
        raise ResbenchError(f"{spec}: has no parameters, so there is nothing to measure; return the whole network")
    if spec.output is not None:
        module.register_forward_hook(lambda _module, _inputs, outputs: outputs[spec.output])
    return module.float().eval()


def _built(spec: Elsewhere, device: torch.device) -> nn.Module:
    if spec.module is not None:
        return _copied(spec.module, spec).to(device)
    with importing.reachable(spec):
        make = maker(spec)
        if isinstance(make, nn.Module):
            return _copied(make, spec).to(device)
        if device.type == "meta":
            try:
                return _called(make, spec, device)
            except ResbenchError:  # some builders read values of tensors, which meta tensors do not have
                return _called(make, spec, torch.device("cpu")).to(device)
        return _called(make, spec, torch.device("cpu")).to(device)


def _copied(module: nn.Module, spec: Elsewhere) -> nn.Module:
    try:
        return copy.deepcopy(module)
    except Exception as error:
        raise ResbenchError(f"{spec}: cannot be copied ({_reason(error)}); name a function that builds it") from None


def _called(make: Callable[..., Any], spec: Elsewhere, device: torch.device) -> nn.Module:
    positional, named = _arguments(make, spec)
    with undisturbed(f"{spec}: building it"):
        try:
            with device:
                module = make(*positional, **named)
        except (Exception, SystemExit) as error:
            show_traceback(error)
            raise ResbenchError(f"{spec}: {_failure(error, spec)}") from None
    if not isinstance(module, nn.Module):
        raise ResbenchError(f"{spec}: builds {_a(module)}, not a torch.nn.Module; return the module")
    return module


def maker(spec: Elsewhere) -> Any:
    """Return what `spec` names, and import what that takes: this runs the code of its file or module.

    Raises ResbenchError when there is no such thing.
    """
    if library := _LIBRARIES.get(spec.place):
        try:
            return getattr(import_module(library[0]), library[1])
        except ImportError:
            raise ResbenchError(f"{spec}: {spec.place} is not installed; run `pip install {spec.place}`") from None
    with undisturbed(f"{spec}: importing it"):
        try:
            owner: Any = importing.imported_from(spec)
        except ResbenchError:
            raise
        except (Exception, SystemExit) as error:
            show_traceback(error)
            raise ResbenchError(f"{spec}: importing {spec.place} failed: {_failure(error, spec)}") from None
    for part in spec.name.split("."):
        known = [name for name, value in vars(owner).items() if callable(value) and not name.startswith("_")]
        owner = getattr(owner, part, None)
        if owner is None:
            raise ResbenchError(f"{spec}: {spec.place} has no {part!r}; it has {', '.join(known[:8]) or 'none'}")
    if not callable(owner):
        raise ResbenchError(f"{spec}: {spec.name} is {_a(owner)}; name a function or class that builds the network")
    return owner


def _arguments(make: Callable[..., Any], spec: Elsewhere) -> tuple[list[Any], dict[str, Any]]:
    positional, named = arguments_of(spec)
    if spec.place in _LIBRARIES:
        return [spec.name, *positional], named
    try:
        signature = inspect.signature(make)
    except (TypeError, ValueError):  # of what is written in C
        return positional, named
    try:
        signature.bind(*positional, **named)
    except TypeError as error:
        place = f"{spec.place}:{spec.name}"
        raise ResbenchError(f"{spec}: {error}; give its arguments: '{place}({_wanted(signature)})'") from None
    return positional, named


def _wanted(signature: inspect.Signature) -> str:
    needed = [name for name, one in signature.parameters.items() if one.default is one.empty and one.kind < 2]
    return ", ".join(f"{name}=..." for name in needed) or ", ".join(f"{name}=..." for name in signature.parameters)


def with_classes(variant: Variant, classes: int) -> Variant:
    """Return `variant` with a head of so many classes. Raises ResbenchError where its builder takes no such number."""
    spec = variant.spec
    if not isinstance(spec, Elsewhere) or classes == variant.classes:
        return replace(variant, classes=classes)
    word = "num_classes" if spec.place in _LIBRARIES else _class_argument(spec)
    if word is None:
        raise ResbenchError(
            f"{variant.name}: has {variant.classes} classes, not {classes}, and its builder takes none of "
            f"{', '.join(_CLASSES)}; give it one of these arguments"
        )
    return replace(variant, classes=classes, spec=replace(spec, **with_argument(spec, **{word: classes})))  # type: ignore[arg-type]


def _class_argument(spec: Elsewhere) -> str | None:
    if spec.module is not None:
        return None
    with importing.reachable(spec):
        try:
            known = inspect.signature(maker(spec)).parameters
        except (TypeError, ValueError):
            return None
    return next((word for word in _CLASSES if word in known), None)


def portable(variant: Variant) -> bool:
    """Tell whether another process can have the network: a module travels only if its classes can be imported there."""
    spec = variant.spec
    if not isinstance(spec, Elsewhere) or spec.module is None:
        return True
    if any(type(part).__module__ == "__main__" for part in spec.module.modules()):
        return False
    try:
        pickle.dumps(spec.module)
    except Exception:  # of a lambda, a lock, an open file, ...
        return False
    return True


def source_of(spec: Elsewhere, module: nn.Module) -> Path | None:
    """Return the file whose code builds `module`; None where there is none, as for a class typed into a prompt."""
    if spec.place.endswith(".py"):
        return importing.file_of(spec)
    with importing.reachable(spec):
        made_by = maker(spec) if spec.place and spec.place not in _LIBRARIES else type(module)
        try:
            return Path(inspect.getsourcefile(made_by) or "")
        except TypeError:
            return None


def _failure(error: BaseException, spec: Elsewhere) -> str:
    """Say what the user's code raised, and in which line of it."""
    if spec.place in _LIBRARIES and isinstance(error, RuntimeError | ValueError):  # theirs for an unknown name
        return _reason(error)
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"needs the module {error.name}, which is not installed"
    own = [line for line in traceback.extract_tb(error.__traceback__) if not _is_ours(line.filename)]
    where = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    return f"raised {type(error).__name__}: {_reason(error)}{where}; RESBENCH_TRACEBACK=1 shows all of it"


def _is_ours(file: str) -> bool:
    inside = Path(__file__).parent.parent
    return Path(file).is_relative_to(inside) or file.startswith("<frozen")


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["it says no more"])[0][:300]


def _a(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if re.match('[AEIOUaeiou]', name) else 'a'} {name}"
