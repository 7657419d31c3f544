"""Parse deliveries: read each file of a supplier as text under the declared column names, and count the rows that cannot be read."""

from bcf_linkage.identifiable.parse.delivery import ParsedDelivery, list_delivery_files, open_deliveries

__all__ = ["ParsedDelivery", "list_delivery_files", "open_deliveries"]
