"""The shape of a request body: keys, types and blocks, the same for every model.

Shapes are those of Anthropic's Messages API reference (2026-10-21) and its OpenAPI file; what
depends on the model, or on two places at once, is in `rules`.
"""

from __future__ import annotations

import re
from typing import Any

from harness.simulator.problem import InvalidError
from harness.simulator.shapes import (
    Check,
    anything,
    at_most,
    boolean,
    list_of,
    mapping,
    matching,
    nullable,
    number,
    one_of,
    shape,
    tagged,
    text,
    text_or,
    whole,
)

MAX_MESSAGES = 100_000
MIN_BUDGET_TOKENS = 1024
SAMPLING = ("temperature", "top_p", "top_k")
SAMPLING_VERSION = "2023-06-01"
VERSIONS = (SAMPLING_VERSION, "2026-10-21")

TYPE = {"type": text}
IDENTIFIER = matching("[a-zA-Z0-9_-]+")
TOOL_NAME = matching("[a-zA-Z0-9_-]{1,128}")
CACHE_CONTROL = nullable(
    tagged({"ephemeral": shape(TYPE, {"ttl": one_of("5m", "1h")})}),
)
CACHED: dict[str, Check] = {"cache_control": CACHE_CONTROL}
CITATIONS = {"citations": nullable(shape({}, {"enabled": boolean}))}

TEXT_BLOCK = shape({**TYPE, "text": text}, {**CACHED, "citations": nullable(list_of(mapping))})
URL_SOURCE = shape({**TYPE, "url": text})
FILE_SOURCE = shape({**TYPE, "file_id": text})
IMAGE_MEDIA = one_of("image/jpeg", "image/png", "image/gif", "image/webp")
IMAGE_BLOCK = shape(
    {
        **TYPE,
        "source": tagged(
            {
                "base64": shape({**TYPE, "media_type": IMAGE_MEDIA, "data": text}),
                "url": URL_SOURCE,
                "file": FILE_SOURCE,
            }
        ),
    },
    {**CACHED, "transformations": nullable(mapping)},
)
TEXTS = list_of(tagged({"text": TEXT_BLOCK}))
PICTURES_AND_TEXTS = list_of(tagged({"text": TEXT_BLOCK, "image": IMAGE_BLOCK}))
DOCUMENT_BLOCK = shape(
    {
        **TYPE,
        "source": tagged(
            {
                "base64": shape({**TYPE, "media_type": one_of("application/pdf"), "data": text}),
                "text": shape({**TYPE, "media_type": one_of("text/plain"), "data": text}),
                "content": shape({**TYPE, "content": text_or(PICTURES_AND_TEXTS)}),
                "url": URL_SOURCE,
                "file": FILE_SOURCE,
            }
        ),
    },
    {**CACHED, **CITATIONS, "title": nullable(at_most(500)), "context": nullable(text)},
)
SEARCH_RESULT_BLOCK = shape(
    {**TYPE, "content": TEXTS, "source": text, "title": text}, {**CACHED, **CITATIONS}
)
RESULT_CONTENT = tagged(
    {
        "text": TEXT_BLOCK,
        "image": IMAGE_BLOCK,
        "document": DOCUMENT_BLOCK,
        "search_result": SEARCH_RESULT_BLOCK,
        "tool_reference": shape({**TYPE, "tool_name": text}, CACHED),
    }
)
TOOL_USE_BLOCK = shape(
    {**TYPE, "id": IDENTIFIER, "name": text, "input": mapping},
    {**CACHED, "caller": nullable(mapping), "toolset_name": nullable(text)},
)
TOOL_RESULT_BLOCK = shape(
    {**TYPE, "tool_use_id": IDENTIFIER},
    {
        **CACHED,
        "content": text_or(list_of(RESULT_CONTENT)),
        "is_error": boolean,
        "toolset_name": nullable(text),
    },
)
SERVER_RESULT_BLOCK = shape(
    {**TYPE, "tool_use_id": text, "content": anything}, {**CACHED, "caller": nullable(mapping)}
)
BLOCK = tagged(
    {
        "text": TEXT_BLOCK,
        "image": IMAGE_BLOCK,
        "document": DOCUMENT_BLOCK,
        "search_result": SEARCH_RESULT_BLOCK,
        "thinking": shape({**TYPE, "thinking": text, "signature": text}),
        "redacted_thinking": shape({**TYPE, "data": text}),
        "tool_use": TOOL_USE_BLOCK,
        "tool_result": TOOL_RESULT_BLOCK,
        "server_tool_use": TOOL_USE_BLOCK,
        "container_upload": shape({**TYPE, "file_id": text}, CACHED),
    },
    otherwise=lambda tag: SERVER_RESULT_BLOCK if tag.endswith("_tool_result") else None,
)
MESSAGE = shape({"role": one_of("user", "assistant", "system"), "content": text_or(list_of(BLOCK))})

DISPLAY = {"display": nullable(one_of("summarized", "omitted"))}
THINKING = tagged(
    {
        "enabled": shape({**TYPE, "budget_tokens": whole(MIN_BUDGET_TOKENS)}, DISPLAY),
        "adaptive": shape(TYPE, DISPLAY),
        "disabled": shape(TYPE),
        "between_tools": shape(TYPE),
    }
)
EFFORT = one_of("low", "medium", "high", "xhigh", "max")
OUTPUT_CONFIG = shape(
    {},
    {
        "effort": nullable(EFFORT),
        "format": nullable(tagged({"json_schema": shape({**TYPE, "schema": mapping})})),
    },
)
CUSTOM_TOOL = shape(
    {
        "name": TOOL_NAME,
        "input_schema": shape({"type": one_of("object")}, open_ended=True),
    },
    {
        **CACHED,
        "type": nullable(one_of("custom")),
        "description": text,
        "strict": boolean,
        "defer_loading": boolean,
        "eager_input_streaming": nullable(boolean),
        "allowed_callers": list_of(text),
        "input_examples": list_of(mapping),
    },
)
SERVER_TOOL = shape({**TYPE, "name": TOOL_NAME}, open_ended=True)
TOOLSET = shape(TYPE, open_ended=True)
ALONE = {"disable_parallel_tool_use": boolean}
TOOL_CHOICE = tagged(
    {
        "auto": shape(TYPE, ALONE),
        "any": shape(TYPE, ALONE),
        "tool": shape({**TYPE, "name": text}, ALONE),
        "none": shape(TYPE),
    }
)


def tool(value: Any) -> None:
    """A tool: one of the client's own, or one of the API's, which carry a date in their type."""
    mapping(value)
    kind = value.get("type")
    if isinstance(kind, str) and re.fullmatch(r"[a-z_]+_\d{8}", kind):
        (TOOLSET if "toolset" in kind else SERVER_TOOL)(value)
        return
    try:
        CUSTOM_TOOL(value)
    except InvalidError as exc:
        raise exc.under("custom") from None


SHARED: dict[str, Check] = {
    "cache_control": CACHE_CONTROL,
    "output_config": OUTPUT_CONFIG,
    "speed": nullable(one_of("standard", "fast")),
    "system": text_or(TEXTS),
    "thinking": THINKING,
    "tool_choice": TOOL_CHOICE,
    "tools": list_of(tool),
}
REQUIRED: dict[str, Check] = {"model": text, "messages": list_of(MESSAGE)}
CREATE_REQUIRED: dict[str, Check] = {**REQUIRED, "max_tokens": whole(0)}
CREATE_OPTIONAL: dict[str, Check] = {
    **SHARED,
    "container": nullable(text_or(mapping)),
    "diagnostics": nullable(shape({}, {"previous_message_id": nullable(text)})),
    "inference_geo": nullable(one_of("global", "us")),
    "metadata": shape({}, {"user_id": nullable(at_most(512))}),
    "service_tier": one_of("auto", "standard_only"),
    "stop_sequences": list_of(text),
    "stream": boolean,
}
SAMPLING_OPTIONAL: dict[str, Check] = {
    "temperature": number(0, 1),
    "top_p": number(0, 1),
    "top_k": whole(0),
}

CREATE = {
    VERSIONS[0]: shape(CREATE_REQUIRED, {**CREATE_OPTIONAL, **SAMPLING_OPTIONAL}),
    VERSIONS[1]: shape(CREATE_REQUIRED, CREATE_OPTIONAL),
}
COUNT = {
    VERSIONS[0]: shape(REQUIRED, {**SHARED, **SAMPLING_OPTIONAL}),
    VERSIONS[1]: shape(REQUIRED, SHARED),
}
