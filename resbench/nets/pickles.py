"""A reader of the pickles that torch.save writes which runs nothing that they name.

It knows tensors and plain values. Tensors become descriptions of where their elements lie; what training programs also
keep (arguments, NumPy scalars) becomes `OPAQUE`; any other class or function is refused by name.
"""

import pickletools
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import prod
from typing import Any

MAX_OPCODES = 1_000_000  # the pickles of real training checkpoints have up to some 300,000

# What damaged pickles raise here: wrong opcodes and arguments, empty stacks, missing memos, wrong operands.
DAMAGE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, EOFError)

_STORAGES = {
    "Double": "float64", "Float": "float32", "Half": "float16", "BFloat16": "bfloat16", "Long": "int64",
    "Int": "int32", "Short": "int16", "Char": "int8", "Byte": "uint8", "Bool": "bool",
}  # fmt: skip
_DTYPES = frozenset((*_STORAGES.values(), "float8_e4m3fn", "float8_e5m2"))
_REBUILDS = {"_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"}
_HARMLESS = re.compile(
    r"collections\.(OrderedDict|defaultdict|Counter)|argparse\.Namespace|_codecs\.encode"
    r"|(builtins|__builtin__)\.(set|frozenset|dict|list|bytearray|complex|int|float|str|bool)"
    r"|numpy\.(dtype|ndarray|dtypes\.\w+|_?core\.multiarray\.(scalar|_reconstruct))"
    r"|torch\.(Size|device|Tensor|\w*Storage|(b?float|u?int|q?u?int|bool|complex|per_|strided|sparse)\w*"
    r"|nn\.parameter\.Parameter|storage\.\w+Storage"
    r"|serialization\._get_layout|_utils\._rebuild_\w+|_tensor\._rebuild_from_type_v2)"
)


class RefusedError(Exception):
    """A pickle that asks for what is not read; the text says for what."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A run of elements in the file; `start` is where a view of it begins, in elements."""

    key: str
    dtype: str | None  # None: the tensor says it
    elements: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor as the file describes it: elements of a storage, by offset, shape and strides."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def elements(self) -> int:
        """How many elements of the storage it reaches over, from its offset on."""
        return (
            1 + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)) if prod(self.shape) else 0
        )


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something that is neither a tensor nor a plain value."""

    what: str


@dataclass(frozen=True, slots=True)
class _Global:
    name: str


class _Mark:
    pass


def load_pickle(stream: BytesIO, storages: dict[str, Storage] | None = None) -> Any:
    """Return what the pickle at the position of `stream` describes, and leave the position behind it.

    The storages that it names are added to `storages`. Raises RefusedError for what would run code or is too long, and
    any of DAMAGE for what is no pickle.
    """
    machine = _Machine({} if storages is None else storages)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # on odd escapes in text, which Python 2 wrote
        return _run(stream, machine)


def _run(stream: BytesIO, machine: "_Machine") -> Any:
    for number, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if number > MAX_OPCODES:
            raise RefusedError(f"its pickle has more than {MAX_OPCODES:,} instructions; save its state dict alone")
        if opcode.name == "STOP":
            return machine.stack.pop()
        machine.run(opcode.name, argument)
    raise EOFError("the pickle does not end")


class _Machine:
    """The stack and memo of a pickle."""

    def __init__(self, storages: dict[str, Storage]) -> None:
        self.storages = storages
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, name: str, argument: Any) -> None:
        if name in _PUSHES:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _MAKERS:
            self.stack.append(_MAKERS[name]())
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        else:
            raise RefusedError(f"its pickle uses the instruction {name}, which torch.save does not write")

    def pop(self, count: int) -> list[Any]:
        items = self.stack[-count:]
        if len(items) < count or any(item is _Mark for item in items):
            raise IndexError("the stack is too short")
        del self.stack[-count:]
        return items

    def pop_to_mark(self) -> list[Any]:
        at = len(self.stack) - 1
        while at >= 0 and self.stack[at] is not _Mark:
            at -= 1
        if at < 0:
            raise IndexError("the stack has no mark")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    def tuple_of(self, count: int | None) -> None:
        self.stack.append(tuple(self.pop_to_mark() if count is None else self.pop(count)))

    def extend(self, items: list[Any]) -> None:
        if isinstance(target := self.stack[-1], list):
            target.extend(items)

    def set(self, items: list[Any]) -> None:
        if isinstance(target := self.stack[-1], dict):
            target.update((_key(key), value) for key, value in zip(items[::2], items[1::2], strict=True))

    def dict_(self) -> None:
        items = self.pop_to_mark()
        self.stack.append({})
        self.set(items)

    def get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def put(self, index: int | None) -> None:
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def global_(self, name: str) -> None:
        self.stack.append(_known(name))

    def storage(self) -> None:
        described = _storage(*self.pop(1))
        self.storages[described.key] = described
        self.stack.append(described)

    def call(self) -> None:
        function, arguments = self.pop(2)
        self.stack.append(_called(function, arguments))


_PUSHES = frozenset(
    opcode.name
    for opcode in pickletools.opcodes
    if re.fullmatch(r"(BIN)?INT[12]?|LONG[14]?|(SHORT_)?(BIN)?(FLOAT|STRING|UNICODE|BYTES)8?|BYTEARRAY8", opcode.name)
)
_CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "MARK": _Mark}
# Sets become lists: what is not hashed cannot take long to hash.
_MAKERS: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_SET": list,
    "EMPTY_TUPLE": tuple,
}
_ACTIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "PROTO": lambda _, __: None,
    "FRAME": lambda _, __: None,
    "POP": lambda machine, _: machine.stack.pop(),
    "POP_MARK": lambda machine, _: machine.pop_to_mark(),
    "DUP": lambda machine, _: machine.stack.append(machine.stack[-1]),
    "TUPLE": lambda machine, _: machine.tuple_of(None),
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": lambda machine, _: machine.stack.append(machine.pop_to_mark()),
    "DICT": lambda machine, _: machine.dict_(),
    "APPEND": lambda machine, _: machine.extend(machine.pop(1)),
    "APPENDS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "ADDITEMS": lambda machine, _: machine.extend(machine.pop_to_mark()),
    "FROZENSET": lambda machine, _: machine.stack.append(machine.pop_to_mark()),
    "SETITEM": lambda machine, _: machine.set(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.set(machine.pop_to_mark()),
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "GLOBAL": lambda machine, name: machine.global_(name.replace(" ", ".", 1)),
    "STACK_GLOBAL": lambda machine, _: machine.global_(".".join(machine.pop(2))),
    "REDUCE": lambda machine, _: machine.call(),
    "NEWOBJ": lambda machine, _: machine.call(),
    "BUILD": lambda machine, _: machine.pop(1),  # the attributes of what was made: none that a state dict needs
    "BINPERSID": lambda machine, _: machine.storage(),
}


def printable(name: str) -> str:
    """Return a name from a file as it may stand in a message: short, on one line, without control characters."""
    short = name if len(name) <= 80 else f"{name[:77]}..."
    return short if short.isprintable() else ascii(short)


def _key(key: Any) -> Any:
    """Return a key of a dict as it is when it is plain; others may take for ever to hash or to print."""
    return key if isinstance(key, str | bytes | int | float | None) else f"<{type(key).__name__}>"


def _known(name: str) -> _Global:
    if not _HARMLESS.fullmatch(name):
        shown = printable(name.removeprefix("builtins.").removeprefix("__builtin__."))
        raise RefusedError(f"reading it would run code ({shown}); save its state dict alone, or as safetensors")
    return _Global(name)


def _called(function: Any, arguments: Any) -> Any:
    """Return what calling `function` would give, for the few that are known; nothing is called."""
    if not isinstance(function, _Global) or not isinstance(arguments, tuple):
        raise TypeError("a call of what is no function")
    match function.name.rpartition(".")[2], arguments:
        case "OrderedDict" | "dict" | "defaultdict" | "Counter", _:
            pairs = arguments[0] if arguments and isinstance(arguments[0], list) else []
            return {_key(pair[0]): pair[1] for pair in pairs}
        case "set" | "frozenset" | "list", _:
            return []
        case "Size", (tuple() as size,):
            return size
        case (("_rebuild_parameter" | "_rebuild_parameter_with_state"), (tensor, *_)):
            return tensor
        case "_rebuild_from_type_v2", (called, _, inner, *_):
            return _called(called, inner)
        case name, _ if name in _REBUILDS:
            return _tensor(*arguments)
    kind = re.search(r"_rebuild_(\w+?)_?tensor", function.name)
    return Opaque(f"{kind[1]} tensors" if kind else function.name)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *more: Any) -> Stored:
    dtype = storage.dtype or _dtype(more[2] if len(more) > 2 else None)
    numbers = (offset, *shape, *strides)
    if any(not isinstance(number, int) or number < 0 for number in numbers) or not len(shape) == len(strides) <= 8:
        raise ValueError("a tensor of impossible shape")
    return Stored(storage, dtype, storage.start + offset, tuple(shape), tuple(strides))


def _dtype(value: Any) -> str:
    """Return the name of a type of elements. Raises RefusedError for one that no weights have here."""
    name = value.name.rpartition(".")[2] if isinstance(value, _Global) else ""
    known = _STORAGES.get(name.removesuffix("Storage"), name)
    if known not in _DTYPES:
        raise RefusedError(f"its tensors are of a type that is not read ({name or 'none'}); save them as float32")
    return known


def _storage(identity: Any) -> Storage:
    kind, type_, key, _, elements, *view = identity
    if kind not in ("storage", b"storage") or not isinstance(key, str | int) or elements < 0:
        raise ValueError("a storage of impossible size")
    untyped = isinstance(type_, _Global) and type_.name.endswith("UntypedStorage")
    start = view[0][1] if view and view[0] else 0  # (key of the view, offset, elements), by PyTorch before 0.4
    return Storage(str(key), None if untyped else _dtype(type_), elements, start)
