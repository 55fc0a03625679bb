"""Sentences on where the inference log and the labels are looked for: about a window without
requests, and about objects that are left out because of what they hold or how they are named.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import islice

from modelmedic.steps.contracts.inference_log import span_of
from modelmedic.steps.contracts.ports import ObjectStore
from modelmedic.steps.contracts.window import Window
from modelmedic.steps.runtime.run import Site

_MOST_LISTED = 10_000  # keys of one listing: ten requests to S3, and a log may have millions
_BEYOND_DAYS = ":"  # sorts behind every name that begins with a digit, as a day's does


def no_requests(site: Site, window: Window) -> str:
    """The sentence on a window in which no request is logged: where they were looked for, how many
    files of the log lie there, and the newest of their days.
    """
    prefix = site.policy.log_prefix
    spans = [span for key in islice(site.store.list(f"{prefix}/"), _MOST_LISTED) if (span := span_of(key)) is not None]
    files = len(spans)
    others = f", of which none is of these days{_newest(spans, window)}" if files else ""
    return f"no requests of {site.model} are logged {_spelt(window)}: looked below `{site.store}/{prefix}`, {_files(files)}{others}"


def _newest(spans: Sequence[Window], window: Window) -> str:
    """Words on the newest day of the log and the window that ends with it; none where a longer
    listing may hold a newer one, or that day is no earlier than the window.
    """
    last = max(span.end for span in spans)
    if len(spans) >= _MOST_LISTED or last > window.start:
        return ""
    day = (last - timedelta(microseconds=1)).date()
    return f"; the newest is of {day}, which `--end {day + timedelta(days=1)}` looks at"


def say_what_is_left_out(site: Site, window: Window) -> None:
    """Say which objects could not be read, and which are read in no window; nothing where there are
    none.
    """
    for sentence in (left_out(site), passed_over(site, window)):
        if sentence:
            site.say(sentence)


def left_out(site: Site) -> str:
    """One sentence on the objects of the log that were met and cannot be read; empty for none."""
    unreadable = site.windows.unreadable
    if not unreadable:
        return ""
    some = (
        f"{len(unreadable)} objects of the inference log and the labels are"
        if len(unreadable) > 1
        else "one object of the inference log is"
    )
    return f"{some} left out, such as this: {next(iter(unreadable.values()))}"


def passed_over(site: Site, window: Window) -> str:
    """One sentence on the objects below the prefixes of log and labels that are read in no window,
    because their names are not the layout's; empty for none.

    Of a large log the oldest days, those from the window's first day on and whatever is no day are
    looked through, some thousands of keys of each.
    """
    found = [*_strangers(site.store, site.policy.log_prefix, window), *_strangers(site.store, site.policy.labels_prefix, window)]
    if not found:
        return ""
    some = "one object is" if len(found) == 1 else f"{len(found)} objects are"
    first = "this" if len(found) == 1 else "such as this"
    return (
        f"{some} passed over below the inference log's and the labels' prefixes, {first}: {found[0]}; "
        "its name is not of the layout, and `modelmedic log` writes rows in it (docs/feeding.md)"
    )


def _strangers(store: ObjectStore, prefix: str, window: Window) -> Iterator[str]:
    """Keys below the prefix that state no span, each once. A log of few objects is listed once."""

    def listed(after: str = "") -> list[str]:
        return list(islice(store.list(f"{prefix}/", after=after), _MOST_LISTED))

    keys = listed()
    if len(keys) == _MOST_LISTED:
        keys += [*listed(f"{prefix}/{window.start:%Y-%m-%d}"), *listed(f"{prefix}/{_BEYOND_DAYS}")]
    yield from dict.fromkeys(key for key in keys if span_of(key) is None)


def _spelt(window: Window) -> str:
    """`from 14 to 28 November 2026`; hours where the window is of less than two days."""
    start, end = window.start, window.end
    if window.length < timedelta(days=2):
        return f"from {start:%Y-%m-%dT%H:%MZ} to {end:%Y-%m-%dT%H:%MZ}"
    day = f"{start.day}" if (start.year, start.month) == (end.year, end.month) else f"{start.day} {start:%B}"
    year = f" {start.year}" if start.year != end.year else ""
    return f"from {day}{year} to {end.day} {end:%B %Y}"


def _files(count: int) -> str:
    if count >= _MOST_LISTED:
        return f"{_MOST_LISTED} files or more"
    return "1 file" if count == 1 else f"{count} files"
