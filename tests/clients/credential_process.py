"""What botocore and boto3 make of a profile with a credential_process, as JSON.

Usage: credential_process.py PROFILE STS_URL

The profile stands in $AWS_CONFIG_FILE; STS_URL is asked who the caller is.
"""

import json
import sys

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

profile, sts_url = sys.argv[1:]

session = botocore.session.Session(profile=profile)
credentials = session.get_credentials()
frozen = credentials.get_frozen_credentials()
request = AWSRequest(method="GET", url="https://sts.us-east-1.amazonaws.com/")
SigV4Auth(frozen, "sts", "us-east-1").add_auth(request)

client = boto3.Session(botocore_session=session).client(
    "sts", region_name="us-east-1", endpoint_url=sts_url
)

print(
    json.dumps(
        {
            "method": credentials.method,
            "key_id": frozen.access_key,
            "token": frozen.token,
            "expiry": credentials._expiry_time.isoformat(),
            "signed_authorization": request.headers["Authorization"],
            "signed_token": request.headers["X-Amz-Security-Token"],
            "caller": client.get_caller_identity()["Arn"],
        }
    )
)
