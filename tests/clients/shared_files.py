"""Judges edits of AWS's shared files by Python's configparser and by botocore.

Reads a JSON list of cases from stdin and prints a JSON list of what is wrong,
with the index of the case. A case has "before" and "after" (base64; "after" is
null where the edit was refused), "strict" (a refusal of files that botocore
reads but others read differently), "section", "set" and "removed".
"""

import base64
import configparser
import io
import json
import os
import sys
import tempfile

import botocore.configloader
import botocore.exceptions


def read(content):
    """Sections with their keys, DEFAULT among them; None when refused."""
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8", "surrogateescape")
    parser = configparser.RawConfigParser()
    try:
        parser.read_file(text)
    except configparser.Error:
        return None
    sections = {name: dict(values) for name, values in parser._sections.items()}
    sections["DEFAULT"] = dict(parser._defaults)
    # botocore looks at the values of DEFAULT through the other sections.
    for name in parser.sections():
        for option in parser.options(name):
            value = parser.get(name, option)
            if value.startswith("\n"):
                try:
                    botocore.configloader._parse_nested(value)
                except ValueError:
                    return None
    return sections


def botocore_reads(content, path):
    """What botocore makes of the file; None when it refuses it."""
    with open(path, "wb") as file:
        file.write(content)
    try:
        return botocore.configloader.raw_config_parse(path)
    except botocore.exceptions.ConfigParseError:
        return None


def judge(case, path):
    before = base64.b64decode(case["before"])
    old = read(before)
    try:
        before.decode()
        if (botocore_reads(before, path) is None) != (old is None):
            return "the oracles disagree"
    except UnicodeDecodeError:
        pass
    if case["after"] is None:
        if old is not None and not case["strict"] and b"\0" not in before:
            return "refused, and botocore reads it"
        return None
    if old is None:
        return "edited, and botocore refuses what was there"
    after = base64.b64decode(case["after"])
    new = read(after)
    if new is None:
        return "botocore refuses what came out"
    name = case["section"]
    if name not in new:
        return "the section is not there"
    kept = [old_name for old_name in old if old_name.strip() == name]
    own = old[kept[0]] if kept else {}
    expected = {k: v for k, v in own.items() if k not in case["removed"]}
    expected.update(case["set"])
    if new[name] != expected:
        return f"the section says {sorted(new[name])}, not {sorted(expected)}"
    others = {k: v for k, v in old.items() if k not in kept}
    if {k: v for k, v in new.items() if k != name} != others:
        return "another section has changed"
    try:
        after.decode()
    except UnicodeDecodeError:
        return None
    found = botocore_reads(after, path)
    if found is None or any(found[name].get(k) != v for k, v in case["set"].items()):
        return "botocore does not read the values"
    return None


with tempfile.TemporaryDirectory() as directory:
    path = os.path.join(directory, "file")
    wrong = [
        {"case": index, "reason": reason}
        for index, case in enumerate(json.load(sys.stdin))
        if (reason := judge(case, path))
    ]
print(json.dumps(wrong))
