"""Editable installs get the start-up files alone; the data stay in the checkout."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


STARTUP = ("lm_eval_iberian_autoload.pth", "lm_eval_iberian_autoload.start")


class ShippedFolders(BuildHookInterface):  # type: ignore[type-arg]
    """Name what goes into ``site-packages`` beside the packages."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill ``build_data`` for a wheel or for an editable install."""
        startup = {f"startup/{name}": name for name in STARTUP}
        build_data["force_include_editable"] = startup
        if version == "standard":
            build_data["force_include"] = startup | {
                "task_configs": "lm_eval_iberian/_shipped/task_configs",
                "data": "lm_eval_iberian/_shipped/data",
            }
