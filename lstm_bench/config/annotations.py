"""The types of a signature, in the form in which the values of a yaml file are checked against them.

A yaml file has no tuples, sets, paths or enumerations: a list stands for the first two, text for a path, and the name
or the value of a member for an enumeration. What is in a tuple or a set is checked strictly.
"""

import inspect
import types
from collections import deque
from collections.abc import Callable, Set
from enum import Enum
from functools import partial
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BeforeValidator, ConfigDict, Strict, TypeAdapter
from pydantic.errors import PydanticUserError

STRICT = ConfigDict(strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)
AS_LISTS = (tuple, set, frozenset, deque, Set)
AS_TEXT = (Path, PurePath)


def checkable_type(annotation: Any, target: Callable[..., Any]) -> Any:
    """Return the type by which pydantic checks an argument of a class or function.

    It is Any, which allows everything, where there is no annotation, where it cannot be evaluated at run time (a name
    imported under TYPE_CHECKING, a comment in words), and where pydantic cannot check it.
    """
    if annotation is inspect.Parameter.empty:
        return Any
    try:
        hint = _from_yaml(_evaluated(annotation, target))
        inside: Any = types.GenericAlias(list, hint)  # since a dataclass by itself takes no config
        TypeAdapter[Any](inside, config=STRICT)
    except (PydanticUserError, NameError, AttributeError, TypeError, ValueError, SyntaxError, ImportError):
        return Any
    return hint


def _evaluated(annotation: Any, target: Callable[..., Any]) -> Any:
    """Return an annotation with the names in it replaced by what they mean where `target` is defined."""
    function = inspect.unwrap(target.__init__ if inspect.isclass(target) else target)
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    return get_type_hints(holder, globalns=getattr(function, "__globals__", {}), include_extras=True)["it"]


def _from_yaml(hint: Any) -> Any:
    """Return a type that takes the values which a yaml file has for another type, at any depth."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None and isinstance(hint, type) and issubclass(hint, Enum):
        return Annotated[hint, Strict(False), BeforeValidator(partial(_member, hint))]
    if hint in AS_LISTS or hint in AS_TEXT:
        return Annotated[hint, Strict(False)]
    if origin is None or origin is Literal:
        return hint
    if origin is Annotated:
        return Annotated[(_from_yaml(arguments[0]), *hint.__metadata__)]
    inner = tuple(map(_from_yaml, arguments))
    rebuilt = Union[inner] if origin in (Union, types.UnionType) else origin[inner]  # noqa: UP007  (made at run time)
    return Annotated[rebuilt, Strict(False)] if origin in AS_LISTS else rebuilt


def _member(enumeration: type[Enum], value: Any) -> Any:
    """Return the member with this value, or else with this name; the value itself where there is none."""
    try:
        return enumeration(value)
    except ValueError:
        return enumeration.__members__.get(value, value) if isinstance(value, str) else value
