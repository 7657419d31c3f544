"""The vault: the keys, and everything else that turns a pseudonym back into a person.

It is a folder of its own. It can be moved to another disk, and its keys to the site's key service.
"""

from bcf_linkage.definitions.keys import KeyPurpose, KeySource
from bcf_linkage.identifiable.vault.key import Key, derive_key, key_fingerprint
from bcf_linkage.identifiable.vault.key_ring import KeyEntry, KeyRing, KeyState
from bcf_linkage.identifiable.vault.vault import Vault

__all__ = ["Key", "KeyEntry", "KeyPurpose", "KeyRing", "KeySource", "KeyState", "Vault", "derive_key", "key_fingerprint"]
