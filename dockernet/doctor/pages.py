"""The pages "When it does not connect", written from the table of codes.

``python -m dockernet.doctor.pages FOLDER`` writes them; a test compares what is there.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dockernet.doctor.codes import ENTRIES, Code, Severity, Theme
from dockernet.doctor.ways import CAUSES

__all__ = ["pages"]

_INTRO = """\
# When it does not connect

`dockernet doctor` examines why, and names what it finds by the codes below.
Each has a page: what it means, what follows, how it is found and what mends it.
[](../how-to/doctor.md) tells how to ask.
"""
_TREE = """\
```{{toctree}}
:hidden:

{names}
```
"""
_PAGE = """\
# {code}

**{title}.**
{severity}

So {follows}.

## How it is found

{found}

## What mends it

{mend}
"""
_SEVERITIES = {
    Severity.FAULT: "It is a fault: something does not connect, or will not.",
    Severity.WARNING: "It is a warning: something may connect, and something else is wrong.",
    Severity.NOTICE: "It is a notice: it connects, and something about it is worth knowing.",
    Severity.NOT_EXAMINED: "It is no fault: nothing is known.",
}


def pages() -> Mapping[str, str]:
    """The text of each page, by the name of its file.

    Example:
        >>> from dockernet.doctor.pages import pages
        >>> pages()["paused.md"].splitlines()[0]
        '# paused'
    """
    found = {f"{code}.md": _page(code) for code in Code}
    return {"index.md": "\n".join(_index()), **found}


def _page(code: Code) -> str:
    entry = ENTRIES[code]
    text = _PAGE.format(
        code=code,
        title=entry.title,
        severity=_SEVERITIES[entry.severity],
        follows=entry.follows,
        found=entry.found,
        mend=entry.mend,
    )
    return text + _due(CAUSES.get(code, ()))


def _due(causes: tuple[Code, ...]) -> str:
    if not causes:
        return ""
    links = "".join(f"- [{cause}]({cause}.md)\n" for cause in causes)
    return f"\n## What it may be due to\n\n{links}"


def _index() -> Iterator[str]:
    yield _INTRO
    for theme in Theme:
        yield f"## {theme}\n"
        for code in (c for c in Code if ENTRIES[c].theme is theme):
            yield f"[{code}]({code}.md)\n: {ENTRIES[code].title}.\n"
    yield _TREE.format(names="\n".join(Code))


def main(folder: str) -> None:
    """Write every page into a folder."""
    for name, text in pages().items():
        Path(folder, name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
