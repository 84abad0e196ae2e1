"""What boto3 gets from an STS, as JSON: the answer, or the error's code.

Usage: sts.py URL REGION OPERATION PARAMETERS

The credentials stand in the environment; PARAMETERS is JSON. The operation
`get` asks who the caller is by GET, as early clients do.
"""

import json
import sys
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

url, region, operation, parameters = sys.argv[1:]

if operation == "get":
    request = AWSRequest(
        method="GET", url=f"{url}/?Version=2011-06-15&Action=GetCallerIdentity"
    )
    credentials = boto3.Session().get_credentials().get_frozen_credentials()
    SigV4Auth(credentials, "sts", region).add_auth(request)
    plain = urllib.request.Request(request.url, headers=dict(request.headers))
    with urllib.request.urlopen(plain) as answer:
        print(json.dumps({"status": answer.status, "body": answer.read().decode()}))
    sys.exit()

client = boto3.client(
    "sts",
    region_name=region,
    endpoint_url=url,
    config=Config(retries={"total_max_attempts": 1}),
)
try:
    answer = getattr(client, operation)(**json.loads(parameters))
except ClientError as error:
    print(
        json.dumps(
            {
                "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
                "code": error.response["Error"]["Code"],
                "message": error.response["Error"]["Message"],
            }
        )
    )
else:
    answer["status"] = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    print(json.dumps(answer, default=str))
