"""Keeps secrets that were given on the command line out of the record."""

from __future__ import annotations

import re
from collections.abc import Sequence

HIDDEN = "[redacted]"
_SECRET = {
    "key", "apikey", "token", "secret", "password", "passwd", "passphrase", "pwd", "credential", "credentials", "auth",
}  # fmt: skip
_OPTION = re.compile(r"(?P<dashes>-{0,2})(?P<name>[A-Za-z][\w.\-+/]*)", re.ASCII)
_ASSIGNMENT = re.compile(r"(?P<name>[-+]*[A-Za-z][\w.\-/]*)=(?P<value>.*)", re.ASCII | re.DOTALL)
_URL = re.compile(r"(?<=://)[^/@\s]+:[^/@\s]+(?=@)")


def _secret(name: str) -> bool:
    """Whether the last word of an option's name says that a secret follows: `--hf-token`, `apiKey`, `db.password`."""
    words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
    return bool(words) and (words[-1].lower() in _SECRET or "".join(words[-2:]).lower() in _SECRET)


def redact(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Arguments with secret values replaced, and the names of the options concerned.

    Hidden are the values of options whose name ends in key, token, secret, password and the like (`--api-key X`,
    `--token=X`, `auth.token=X`) and the `user:password` of an address.
    """
    shown: list[str] = []
    names: list[str] = []
    expected = False  # the last argument was an option that wants a secret
    for argument in map(str, arguments):
        assignment = _ASSIGNMENT.fullmatch(argument)
        if expected and not argument.startswith("--"):
            shown.append(HIDDEN)
            expected = False
            continue
        expected = False
        if assignment and _secret(assignment["name"]):
            shown.append(f"{assignment['name']}={HIDDEN}")
            names.append(assignment["name"])
            continue
        option = _OPTION.fullmatch(argument)
        if option and option["dashes"] and _secret(option["name"]):
            expected = True
            names.append(argument)
        hidden = _URL.sub(HIDDEN, argument)
        if hidden != argument:
            names.append("address")
        shown.append(hidden)
    return shown, names
