"""How botocore signs POST requests, as JSON: a list of signed requests.

Usage: sigv4.py < REQUESTS

REQUESTS is a JSON list; each request has url, region, service, headers, body,
date (RFC 3339 without fractions), key_id, secret and token.
"""

import datetime
import json
import sys

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class Recording(botocore.auth.SigV4Auth):
    """The signer, which keeps the canonical request."""

    def canonical_request(self, request):
        self.canonical = super().canonical_request(request)
        return self.canonical


signed = []
for wanted in json.load(sys.stdin):
    now = datetime.datetime.fromisoformat(wanted["date"])
    botocore.auth.get_current_datetime = lambda now=now: now
    request = AWSRequest(
        method="POST",
        url=wanted["url"],
        headers=wanted["headers"],
        data=wanted["body"].encode(),
    )
    credentials = Credentials(wanted["key_id"], wanted["secret"], wanted["token"])
    auth = Recording(credentials, wanted["service"], wanted["region"])
    auth.add_auth(request)
    signed.append(
        {
            "authorization": request.headers["Authorization"],
            "canonical_request": auth.canonical,
        }
    )
print(json.dumps(signed))
