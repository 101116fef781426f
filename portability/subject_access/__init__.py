"""Subject access: all personal data that an archive holds of one contact, and what must be looked at before release.

``collect`` finds the items, by keys and by the model's personal-data classes; ``write_draft`` makes the list of those
that somebody has to decide on; ``write_bundle`` makes what is handed over, once every one of them is decided.
"""

from portability.subject_access.bundle import Bundle, write_bundle, write_draft
from portability.subject_access.collecting import Collection, collect
from portability.subject_access.items import Item
from portability.subject_access.review import Decision, read_review

__all__ = ["Bundle", "Collection", "Decision", "Item", "collect", "read_review", "write_bundle", "write_draft"]
