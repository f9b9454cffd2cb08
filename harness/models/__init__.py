"""The models: which there are, what each accepts, and what it costs."""

from harness.models.registry import (
    EFFORTS,
    THINKING_TYPES,
    Band,
    Model,
    PricePeriod,
    Rates,
    Registry,
)

__all__ = ["EFFORTS", "THINKING_TYPES", "Band", "Model", "PricePeriod", "Rates", "Registry"]
