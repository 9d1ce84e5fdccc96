"""YAML as settings are written in it: one document of plain values, each key once."""

from __future__ import annotations

from typing import Any

import yaml

from schemas.errors import SettingsError


def parse_yaml(text: str, *, of: str) -> Any:
    """The value that a text stands for; ``of`` names the text in an error.

    Raises :class:`SettingsError` for what is no YAML, and for a key that a mapping has twice:
    YAML itself leaves open which one holds.

    >>> parse_yaml("signals: {long_threshold: 70}", of="mine.yaml")
    {'signals': {'long_threshold': 70}}
    """
    try:
        return yaml.load(text, _EachKeyOnce)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise SettingsError(f"{of}: not valid YAML: {' '.join(str(error).split())}") from error
    except ValueError as error:  # of what looks like a date and is none
        raise SettingsError(f"{of}: not valid YAML: {error}; quote the value") from error


class _EachKeyOnce(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key.value} is there twice; keep one of them", key.start_mark
                )
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return mapping
