"""The vault: keys, and what else opens a pseudonym. Whoever holds it can find the person behind one.

It lies apart from everything else and can be moved apart: to a disk of its own, or its keys to the site's key service.
"""

from bcf_linkage.identifiable.vault.keeping import Vault
from bcf_linkage.identifiable.vault.key import Key, derived, fingerprint
from bcf_linkage.identifiable.vault.ring import Entry, Purpose, Ring, State
from bcf_linkage.identifiable.vault.sources import Source

__all__ = ["Entry", "Key", "Purpose", "Ring", "Source", "State", "Vault", "derived", "fingerprint"]
