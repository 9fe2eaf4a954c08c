"""The git commit that a program was run at, read from the files of its repository: no process is started."""

from __future__ import annotations

import re
from pathlib import Path

COMMIT = re.compile(r"[0-9a-f]{40,64}")


def commit(folder: Path | None = None) -> str | None:
    """The commit that is checked out where a folder (the current one) lies; None where there is none to be read.

    Source: gitrepository-layout(5), https://git-scm.com/docs/gitrepository-layout
    """
    try:
        folder = folder or Path.cwd()  # which may have been deleted
        found = next((place / ".git" for place in (folder, *folder.parents) if (place / ".git").exists()), None)
        if found is None:
            return None
        if found.is_file():  # a work tree or a submodule: the file names the folder
            found = (found.parent / found.read_text(encoding="utf-8").partition("gitdir:")[2].strip()).resolve()
        head = (found / "HEAD").read_text(encoding="utf-8").strip()
        if head.startswith("ref:"):
            head = _resolved(found, head.removeprefix("ref:").strip())
    except (OSError, ValueError):
        return None
    return head if COMMIT.fullmatch(head) else None


def _resolved(repository: Path, name: str) -> str:
    """What a branch points to: a file of its own, or a line of the packed ones."""
    shared = repository / "commondir"
    places = [repository, (repository / shared.read_text(encoding="utf-8").strip()).resolve()] if shared.is_file() else [repository]
    for place in places:
        if (place / name).is_file():
            return (place / name).read_text(encoding="utf-8").strip()
    for place in places:
        packed = place / "packed-refs"
        for line in packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else ():
            if line.endswith(f" {name}"):
                return line.partition(" ")[0]
    return ""
