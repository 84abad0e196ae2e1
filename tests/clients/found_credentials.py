"""What botocore finds in the places that its environment names, as JSON.

Usage: found_credentials.py
"""

import json
import sys
from datetime import datetime, timezone

import boto3

credentials = boto3.Session().get_credentials()
if credentials is None:
    sys.exit("no credentials")
frozen = credentials.get_frozen_credentials()
left = credentials._expiry_time - datetime.now(timezone.utc)
print(
    json.dumps(
        {
            "method": credentials.method,
            "keyId": frozen.access_key,
            "secretLength": len(frozen.secret_key),
            "tokenLength": len(frozen.token),
            "secondsLeft": round(left.total_seconds()),
        }
    )
)
