"""The orders that the support agent can look up; what stands here is all that there is."""

ORDERS = {
    "VK-2041": ("helmet", "delivered", 6),
    "VK-2055": ("bottle cage", "delivered", 3),
    "VK-2077": ("set of lights", "delivered", 12),
    "VK-2103": ("floor pump", "delivered", 29),
    "VK-1866": ("pair of gloves", "delivered", 45),
    "VK-1790": ("jersey", "delivered", 52),
    "VK-2140": ("child seat", "on its way", None),
    "VK-2142": ("bell", "on its way", None),
}


def find_order(order: str) -> dict[str, object]:
    """What the model is told of an order; what is raised reaches it as an error."""
    if order not in ORDERS:
        raise LookupError(f"no order has the number {order!r}")
    item, status, days = ORDERS[order]
    return {"order": order, "item": item, "status": status, "days_since_delivery": days}
