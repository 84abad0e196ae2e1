"""Credentials by the PyPI package iam-rolesanywhere-session, as JSON.

Usage: roles_anywhere_session.py URL CA_BUNDLE DIRECTORY TRUST_ANCHOR_ARN
       PROFILE_ARN ROLE_ARN

DIRECTORY holds cert.pem, chain.pem and key.pem. A refusal is JSON too.
"""

import json
import sys
from urllib.parse import urlsplit

from iam_rolesanywhere_session import CredentialsRetrievalError, IAMRolesAnywhereSession

url, bundle, directory, trust_anchor_arn, profile_arn, role_arn = sys.argv[1:]

client = IAMRolesAnywhereSession(
    certificate=f"{directory}/cert.pem",
    certificate_chain=f"{directory}/chain.pem",
    private_key=f"{directory}/key.pem",
    trust_anchor_arn=trust_anchor_arn,
    profile_arn=profile_arn,
    role_arn=role_arn,
    region=trust_anchor_arn.split(":")[3],
    # The package wants a host and always speaks HTTPS.
    endpoint=urlsplit(url).netloc,
    verify=bundle,
)
try:
    credentials = client.get_session().get_credentials()
    frozen = credentials.get_frozen_credentials()
except CredentialsRetrievalError as error:
    print(json.dumps({"status": error.status_code, "message": error.message}))
else:
    print(
        json.dumps(
            {
                "key_id": frozen.access_key,
                "secret_length": len(frozen.secret_key),
                "token_length": len(frozen.token),
                "expiry": credentials._expiry_time.isoformat(),
            }
        )
    )
