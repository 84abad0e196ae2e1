"""Says which credentials boto3 finds in its environment."""

import json

import boto3

credentials = boto3.Session().get_credentials()
frozen = credentials.get_frozen_credentials()
print(json.dumps({"method": credentials.method, "key_id": frozen.access_key, "token": frozen.token}))
