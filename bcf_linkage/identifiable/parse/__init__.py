"""Opens deliveries: whatever a supplier sent, as text under the declared names, with every row that cannot be read set apart."""

from bcf_linkage.identifiable.parse.delivery import Delivery, files_in, opened

__all__ = ["Delivery", "files_in", "opened"]
