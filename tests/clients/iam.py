"""Calls of boto3 to one service of an endpoint, one after the other, as JSON.

Usage: iam.py URL REGION SERVICE [ATTEMPTS] < CALLS

CALLS is a JSON list of [OPERATION, PARAMETERS]. For each call there is the
answer with its status, or the error's status, code and message. The credentials
stand in the environment.
"""

import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, region, service = sys.argv[1:4]
attempts = int(sys.argv[4]) if len(sys.argv) > 4 else 1

client = boto3.client(
    service,
    region_name=region,
    endpoint_url=url,
    # What is wrong is to be seen by the emulator, not by the client.
    config=Config(retries={"mode": "standard", "total_max_attempts": attempts}, parameter_validation=False),
)
answers = []
for operation, parameters in json.load(sys.stdin):
    try:
        answer = getattr(client, operation)(**parameters)
    except ClientError as error:
        answer = {
            "status": error.response["ResponseMetadata"]["HTTPStatusCode"],
            "code": error.response["Error"]["Code"],
            "message": error.response["Error"]["Message"],
            "class": type(error).__name__,
            "reason": error.response["ResponseMetadata"]["HTTPHeaders"].get(
                "x-windlass-reason"
            ),
        }
    else:
        answer["status"] = answer.pop("ResponseMetadata")["HTTPStatusCode"]
    answers.append(answer)
json.dump(answers, sys.stdout, default=str)
