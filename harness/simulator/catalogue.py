"""The models endpoints: ModelInfo of every model in the registry, and pages of them.

Fields are those of Anthropic's Models API (2026-10-21).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from harness.simulator.pages import page, place
from harness.simulator.problem import ApiError, InvalidError

if TYPE_CHECKING:
    from harness.models import Model, Registry

LINES = ("haiku", "sonnet", "opus", "fable", "mythos")
EFFORTS = ("low", "medium", "high", "max", "xhigh")
THINKING_TYPES = ("adaptive", "between_tools", "disabled", "enabled")
STAGES = ("active", "deprecated", "retired")
LISTED_STAGES = ("active", "deprecated")
YES, NO = {"supported": True}, {"supported": False}


class Catalogue:
    """The models that the API knows, newest first; the harness's short aliases are not its own."""

    def __init__(self, registry: Registry) -> None:
        newest_first = sorted(registry, key=lambda m: m.released or date.min, reverse=True)
        self._infos = [model_info(model) for model in newest_first]
        self._models = {
            name: model for model in newest_first for name in (*model.aliases, model.id)
        }
        self.names: Mapping[str, tuple[str, ...]] = {
            model.id: (
                model.id,
                *model.aliases,
                *(alias for alias, target in registry.aliases.items() if target == model.id),
            )
            for model in newest_first
        }

    def callable(self, name: str) -> Model:
        """The model to answer with; raises ApiError (404) for an unknown or retired one."""
        model = self._models.get(name)
        if model is None or model.lifecycle == "retired":
            raise ApiError(404, f"model: {name}")
        return model

    def info(self, name: str) -> Mapping[str, Any]:
        """The ModelInfo of an id or an alias; raises ApiError (404)."""
        model = self._models.get(name)
        if model is None:
            raise ApiError(404, f"model: {name}")
        return next(info for info in self._infos if info["id"] == model.id)

    def page(self, query: Mapping[str, str], lifecycle: Sequence[str]) -> dict[str, Any]:
        """A page of the list as `limit`, `after_id` and `before_id` ask; raises InvalidError."""
        unknown = [stage for stage in lifecycle if stage not in STAGES]
        if unknown:
            raise InvalidError("Input should be 'active', 'deprecated' or 'retired'").under(
                "lifecycle"
            )
        wanted = lifecycle or LISTED_STAGES
        infos = [info for info in self._infos if info["lifecycle"] in wanted]
        where, more = place([info["id"] for info in infos], query)
        return page(infos[where], has_more=more)


def model_info(model: Model) -> dict[str, Any]:
    """The ModelInfo of a model; what the registry does not know is null, or not supported."""
    line = next((name for name in LINES if name in model.id), None)
    lifecycle = model.lifecycle or "active"
    return {
        "type": "model",
        "id": model.id,
        "display_name": _display_name(model.id),
        "created_at": _midnight(model.released) or "1970-01-01T00:00:00Z",
        "lifecycle": lifecycle,
        "deprecated_at": None,
        "retires_at": _midnight(model.retires_on) if lifecycle != "active" else None,
        "line": line,
        "max_input_tokens": model.context_tokens,
        "max_tokens": model.max_output_tokens,
        "capabilities": _capabilities(model),
    }


def _capabilities(model: Model) -> dict[str, Any]:
    thinking, efforts = model.thinking or (), model.efforts or ()
    return {
        "batch": YES,
        "citations": YES,
        "code_execution": NO,
        "context_management": {"supported": False},
        "effort": {
            "supported": bool(efforts),
            **{e: _support(supported=e in efforts) for e in EFFORTS},
        },
        "image_input": YES,
        "pdf_input": YES,
        "server_tools": {"supported": False, "code_execution": NO, "web_search": NO},
        "structured_outputs": YES,
        "thinking": {
            "supported": bool(thinking),
            "types": {kind: _support(supported=kind in thinking) for kind in THINKING_TYPES},
        },
    }


def _support(*, supported: bool) -> dict[str, bool]:
    return YES if supported else NO


def _midnight(day: date | None) -> str | None:
    return f"{day.isoformat()}T00:00:00Z" if day else None


def _display_name(model_id: str) -> str:
    name = re.sub(r"-\d{8}$", "", model_id)
    words = re.sub(r"(?<=\d)-(?=\d)", ".", name).split("-")
    return " ".join(word.capitalize() for word in words)
