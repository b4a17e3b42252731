"""The types that every room shares, and frozen dataclasses as plain values and back.

`to_plain` writes a frozen dataclass as the values that JSON knows, and `from_plain` reads and
checks them, driven by the annotations of the class alone. A field may be annotated as

    bool, int, float (finite), MaybeNaN, str, None, Literal, X | Y, another dataclass,
    tuple[X, ...], tuple[X, Y], Mapping[str, X], FloatArray, IntArray, Plain (any JSON values),
    MaybeNaNArray (of shape (n,)), TableColumn (numbers, or texts as objects, of shape (n,)).

A number that is not finite is written as null, and read as NaN where the field is a `MaybeNaN`,
or made of such.
A field with ``metadata={"written": False}`` and a default is neither written nor read.
A class may name its schema, ``SCHEMA: ClassVar[str]``, and properties that are written for people
and other programs but not read, ``DERIVED: ClassVar[tuple[str, ...]]``. A field that it does not
know is refused, unless it says ``OPEN: ClassVar[bool] = True``. A field with
``metadata={"key": …}`` has that key.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from math import isfinite
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import numpy as np
import numpy.typing as npt

from mplfit.errors import DataError, MplfitError

__all__ = [
    "BoolArray",
    "FloatArray",
    "FrozenMap",
    "IntArray",
    "MaybeNaN",
    "MaybeNaNArray",
    "Plain",
    "Record",
    "TableColumn",
    "from_plain",
    "to_plain",
]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

MaybeNaN: TypeAlias = Annotated[float, "NaN is null"]
"""A number that may be unknown: NaN in memory, null in JSON."""
MaybeNaNArray: TypeAlias = Annotated[FloatArray, "NaN is null"]
TableColumn: TypeAlias = Annotated[npt.NDArray[Any], "numbers or texts"]
"""Of a table: numbers as float64 (NaN is null), or texts as objects."""

Plain: TypeAlias = Annotated[object, "plain"]
"""What JSON knows: None, true, false, numbers, text, and lists and objects of these."""

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V", covariant=True)

_LARGEST = 2**63  # integers beyond this are no counts


class FrozenMap(Mapping[K, V]):
    """A mapping that cannot be changed, equal to any mapping with the same items.

    >>> from mplfit.types import FrozenMap
    >>> FrozenMap({"a": 1})
    {'a': 1}
    >>> FrozenMap({"a": 1})["a"] = 2
    Traceback (most recent call last):
    TypeError: 'FrozenMap' object does not support item assignment
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, V]) -> None:
        self._items: dict[K, V] = dict(items)

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)


class Record:
    """A frozen dataclass (with eq=False) whose contents cannot be changed, and equal by value.

    Mappings, lists and arrays that it is made with are copied into ones that are read-only.
    """

    SCHEMA: ClassVar[str] = ""
    DERIVED: ClassVar[tuple[str, ...]] = ()
    OPEN: ClassVar[bool] = False

    def __post_init__(self) -> None:
        cls: Any = type(self)
        for field in _fields(cls):
            object.__setattr__(self, field.name, _frozen(getattr(self, field.name)))

    def to_dict(self) -> dict[str, Any]:
        """The values that JSON knows; a number that is not finite is None."""
        return cast("dict[str, Any]", to_plain(self))

    @classmethod
    def from_dict(cls: type[T], values: object, where: str = "") -> T:
        """What `to_dict` wrote, checked; a DataError names the field that is wrong."""
        return from_plain(cls, values, where)

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        cls: Any = type(self)  # copies are made as the first was: arrays are read-only again
        return cls, tuple(getattr(self, field.name) for field in _fields(cls))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and to_plain(self) == to_plain(other)

    def __hash__(self) -> int:
        return hash((type(self), _frozen(to_plain(self))))


def to_plain(value: object) -> Any:
    """A dataclass, or what one may hold, as the values that JSON knows.

    >>> from dataclasses import dataclass
    >>> from mplfit.types import to_plain
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     at: tuple[float, ...]
    ...     name: str | None = None
    >>> to_plain(Point((1.0, float("nan"))))
    {'at': [1.0, None], 'name': None}
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): to_plain(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [to_plain(one) for one in value]
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if is_dataclass(value):
        cls: Any = type(value)
        made = {"schema": cls.SCHEMA} if getattr(cls, "SCHEMA", "") else {}
        made |= {_key(one): to_plain(getattr(value, one.name)) for one in _written(cls)}
        return made | {name: to_plain(getattr(value, name)) for name in getattr(cls, "DERIVED", ())}
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(cls: type[T], values: object, where: str = "") -> T:
    """The dataclass that `to_plain` wrote as these values.

    Parameters
    ----------
    cls : a dataclass.
    where : what the values are called in errors.

    Raises
    ------
    DataError
        If the schema is another one, or a field is missing, not known, or not of its type.

    >>> from dataclasses import dataclass
    >>> from mplfit.types import from_plain
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     at: tuple[float, ...]
    >>> from_plain(Point, {"at": [1, "x"]})
    Traceback (most recent call last):
    mplfit.errors.DataError: "at[1]" must be a finite number, got 'x'
    """
    made: T = _dataclass(cls, values, where)
    return made


def _read(kind: Any, value: object, where: str) -> Any:
    """A value of an annotated type."""
    origin, args = get_origin(kind), get_args(kind)
    if kind == MaybeNaN:
        return float("nan") if value is None else _number(value, where)
    if kind in (MaybeNaNArray, TableColumn):
        return _column(value, where, texts=kind == TableColumn)
    if kind == Plain:
        return _any(value, where)
    if kind is float:
        return _number(value, where)
    if origin in (Union, types.UnionType):
        return _union(args, value, where)
    if origin is Literal:
        if not isinstance(value, str | int) or value not in args:
            raise _wrong(where, " or ".join(map(repr, args)), value)
        return value
    if origin is tuple:
        return _tuple(args, value, where)
    if origin in (Mapping, FrozenMap):
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        read = {
            _text(key, where): _read(args[1], one, f"{where}.{key}") for key, one in value.items()
        }
        return FrozenMap(read)
    if origin is np.ndarray:
        return _array(value, where, whole=np.int64 in get_args(args[1]))
    if is_dataclass(kind):
        reader: Any = getattr(kind, "from_dict", None)  # a record may know earlier schemas
        return _dataclass(kind, value, where) if reader is None else reader(value, where)
    if kind is str:
        return _text(value, where)
    if kind is int and (type(value) is not int or abs(value) >= _LARGEST):
        raise _wrong(where, "a whole number", value)
    if kind is bool and type(value) is not bool:
        raise _wrong(where, "true or false", value)
    if kind in (type(None), None) and value is not None:
        raise _wrong(where, "null", value)
    if kind in (int, bool, type(None), None):
        return value
    raise TypeError(f"{where}: a field of type {kind} cannot be read")  # a fault of the class


def _dataclass(cls: Any, values: object, where: str) -> Any:
    name, schema = where or "this", getattr(cls, "SCHEMA", "")
    if not isinstance(values, Mapping):
        raise _wrong(where, "an object", values)
    if schema and values.get("schema") != schema:
        raise DataError(f"{name} must have the schema {schema!r}, got {values.get('schema')!r}")
    told = {key: value for key, value in values.items() if not (schema and key == "schema")}
    for derived in getattr(cls, "DERIVED", ()):
        told.pop(derived, None)
    hints, made = _hints(cls), {}
    for field in _written(cls):
        key = _key(field)
        path = f"{where}.{key}" if where else key
        if key in told:
            made[field.name] = _read(hints[field.name], told.pop(key), path)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DataError(f'"{path}" is missing')
    if told and not getattr(cls, "OPEN", False):
        path = f"{where}.{next(iter(told))}" if where else next(iter(told))
        raise DataError(f'"{_short(path)}" is not a field that is known here')
    try:
        return cls(**made)
    except MplfitError as error:
        raise DataError(f'"{where}": {error}' if where else str(error)) from None


def _union(args: tuple[Any, ...], value: object, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    some = [one for one in args if one is not type(None)]
    for one in some[:-1]:
        try:
            return _read(one, value, where)
        except DataError:
            pass
    return _read(some[-1], value, where)


def _tuple(args: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, "a list", value)
    kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
    if len(kinds) != len(value):
        raise _wrong(where, f"a list of {len(kinds)}", value)
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_read(kind, one, f"{where}[{i}]") for i, (kind, one) in pairs)


def _array(value: object, where: str, *, whole: bool) -> FloatArray | IntArray:
    """Numbers (whole ones if asked for), or lists of one length of them, to any depth."""

    def check(part: object, path: str) -> None:
        if isinstance(part, list | tuple):
            for i, one in enumerate(part):
                check(one, f"{path}[{i}]")
        elif whole:
            _read(int, part, path)
        else:
            _number(part, path)

    if not isinstance(value, list | tuple):
        raise _wrong(where, "a list of numbers", value)
    check(value, where)
    try:
        return np.array(value, np.int64) if whole else np.array(value, np.float64)
    except ValueError:
        raise DataError(f'"{where}" must be a list of lists of one length') from None


def _column(value: object, where: str, *, texts: bool) -> npt.NDArray[Any]:
    if not isinstance(value, list | tuple):
        raise _wrong(where, "a list", value)
    if texts and value and all(isinstance(one, str) for one in value):
        return np.array([_text(one, f"{where}[{i}]") for i, one in enumerate(value)], dtype=object)
    return np.array([_read(MaybeNaN, one, f"{where}[{i}]") for i, one in enumerate(value)], float)


def _any(value: object, where: str) -> Any:
    if isinstance(value, Mapping):
        return FrozenMap({_text(k, where): _any(one, f"{where}.{k}") for k, one in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_any(one, f"{where}[{i}]") for i, one in enumerate(value))
    if isinstance(value, str):
        return _text(value, where)
    if value is not None and not isinstance(value, bool):
        _number(value, where)
    return value


def _number(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            if isfinite(value):
                return float(value)
        except OverflowError:  # a whole number of more than 308 digits
            pass
    raise _wrong(where, "a finite number", value)


def _text(value: object, where: str) -> str:
    if isinstance(value, str):
        try:
            value.encode("utf-8", "surrogateescape")  # which names of files may need
            return value
        except UnicodeEncodeError:  # half of a surrogate pair
            pass
    raise _wrong(where, "text", value)


def _wrong(where: str, expected: str, value: object) -> DataError:
    name = f'"{_short(where)}"' if where else "this"
    return DataError(f"{name} must be {expected}, got {_short(_shown(value))}")


def _shown(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    if isinstance(value, int) and abs(value) >= _LARGEST:
        return "a whole number of more than 18 digits"
    return ascii(value)


def _short(text: str) -> str:
    printable = (
        text.encode("ascii", "backslashreplace").decode() if not text.isprintable() else text
    )
    return printable if len(printable) <= 80 else f"{printable[:79]}…"


def _key(field: Field[Any]) -> str:
    return str(field.metadata.get("key", field.name))


@cache
def _fields(cls: Any) -> tuple[Field[Any], ...]:
    return tuple(field for field in fields(cls) if field.init)


@cache
def _written(cls: Any) -> tuple[Field[Any], ...]:
    return tuple(field for field in _fields(cls) if field.metadata.get("written", True))


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _frozen(value: Any) -> Any:
    """The same as something that cannot be changed."""
    if isinstance(value, Mapping):
        return FrozenMap({key: _frozen(one) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return tuple(_frozen(one) for one in value)
    if isinstance(value, np.ndarray) and value.flags.writeable:
        value = value.copy()
        value.flags.writeable = False
    return value
