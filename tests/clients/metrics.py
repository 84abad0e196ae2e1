"""Reads metrics on stdin as Prometheus' own library does, and prints what it found as
JSON: each family with its type, its help and its samples."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

found = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    assert family.name not in found, family.name
    found[family.name] = {
        "type": family.type,
        "help": family.documentation,
        "samples": [
            {"name": sample.name, "labels": sample.labels, "value": sample.value}
            for sample in family.samples
        ],
    }
json.dump(found, sys.stdout)
