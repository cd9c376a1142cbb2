"""Citations are labelled by their keys: [S4], [HiPPO], …, as the docstrings cite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style as Unsorted
from pybtex.style.labels import BaseLabelStyle


class KeyLabels(BaseLabelStyle):
    """The key of an entry is its label."""

    def format_labels(self, sorted_entries: Iterable[Any]) -> Iterator[str]:
        """The labels, in order."""
        for entry in sorted_entries:
            yield entry.key


class KeyStyle(Unsorted):
    """Plain entries, alphabetical, with their keys as labels."""

    default_label_style = KeyLabels
    default_sorting_style = "author_year_title"


def setup(app: Any) -> dict[str, bool]:
    """Make the style known as `keys`."""
    register_plugin("pybtex.style.formatting", "keys", KeyStyle)
    return {"parallel_read_safe": True}
