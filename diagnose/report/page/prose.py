"""A rule's documentation as HTML: paragraphs, code in backticks, addresses."""

from __future__ import annotations

import re
import textwrap

from markupsafe import Markup, escape

PIECE = re.compile(r"`([^`\n]+)`|(https?://[^\s<>\"'`)\],]+[^\s<>\"'`)\],.;:])")


def prose(text: str) -> Markup:
    """Paragraphs of the text; indented ones stay as they are, as code."""
    parts = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if block.strip() and all(line.startswith("    ") for line in block.splitlines() if line.strip()):
            parts.append(Markup("<pre><code>{}</code></pre>").format(textwrap.dedent(block)))
        elif block.strip():
            parts.append(Markup("<p>{}</p>").format(_line(" ".join(block.split()))))
    return Markup("").join(parts)


def _line(text: str) -> Markup:
    parts, end = [], 0
    for match in PIECE.finditer(text):
        parts.append(escape(text[end : match.start()]))
        if match[1]:
            parts.append(Markup("<code>{}</code>").format(match[1]))
        else:
            parts.append(Markup('<a href="{0}" rel="noreferrer noopener">{0}</a>').format(match[2]))
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])
