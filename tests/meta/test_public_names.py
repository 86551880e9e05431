"""The public surface: complete, sorted, lazy."""

import ast
import importlib
import inspect
import re
import subprocess
import sys

import pydantic
import pytest
from source_tree import PACKAGE

import finetooth


def test_the_public_names_are_sorted_and_each_can_be_had():
    assert finetooth.__all__ == sorted(finetooth.__all__)
    assert dir(finetooth) == finetooth.__all__
    for name in finetooth.__all__:
        assert getattr(finetooth, name) is not None


def test_the_three_lists_of_public_names_agree():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.asname: (node.module, alias.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == finetooth._HOMES
    assert sorted(finetooth._HOMES) == finetooth.__all__


def test_each_name_is_the_one_of_its_home():
    for name, (module, attribute) in finetooth._HOMES.items():
        assert getattr(finetooth, name) is getattr(importlib.import_module(module), attribute)


def test_an_unknown_name_is_an_attribute_error():
    try:
        finetooth.Trainer  # noqa: B018
    except AttributeError as error:
        assert str(error) == "module 'finetooth' has no attribute 'Trainer'"
    else:
        raise AssertionError("no AttributeError")


def test_importing_changes_nothing():
    code = """
import os, sys, signal, threading, warnings, logging
def state():
    root = logging.getLogger()
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)]
    return (dict(os.environ), os.getcwd(), handlers, threading.active_count(), list(warnings.filters),
            root.level, list(root.handlers), sys.excepthook)
before, loaded = state(), set(sys.modules)
import finetooth
assert state() == before
assert {name.split('.')[0] for name in set(sys.modules) - loaded} - set(sys.stdlib_module_names) == {'finetooth'}
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def public_functions():
    """(name, function) of each public function and of each public method and property of a public class."""
    for name in finetooth.__all__:
        thing = getattr(finetooth, name)
        if not inspect.isclass(thing):
            yield name, thing
        elif not issubclass(thing, Exception | pydantic.BaseModel):
            for inner, member in vars(thing).items():
                function = member.fget if isinstance(member, property) else member
                if not inner.startswith("_") and inspect.isfunction(function):
                    yield f"{name}.{inner}", function


@pytest.mark.parametrize("name, function", list(public_functions()), ids=lambda item: item if type(item) is str else "")
def test_the_docstring_of_a_public_name_tells_of_every_argument(name, function):
    told = function.__doc__ or ""
    assert told, f"{name} has no docstring."
    for argument in inspect.signature(function).parameters:
        assert argument == "self" or re.search(rf"\b{argument}\b", told), f"{name}: {argument} is not in its docstring."
