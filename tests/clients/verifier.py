"""A CreateSession service with a canonicalisation and verification of its own.

Usage: verifier.py READY_FILE LOG_FILE

Listens on a free port of 127.0.0.1, which READY_FILE then names. Each request
is a line of JSON in LOG_FILE: whether its signature verified and why not, its
algorithm, the SHA-256 of the leaf and of the certificates in the chain header
(null without one), and the access key id of the made-up credentials that it was
answered with. It ends when its stdin closes, and after five minutes anyway.
"""

import base64
import datetime
import hashlib
import http.server
import json
import os
import re
import sys
import threading
import urllib.parse

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

AUTHORIZATION = re.compile(
    r"(AWS4-X509-[A-Z0-9-]+) Credential=([0-9]+)/([0-9]{8})/([a-z0-9-]+)"
    r"/rolesanywhere/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]+)"
)
ML_DSA = (mldsa.MLDSA44PublicKey, mldsa.MLDSA65PublicKey, mldsa.MLDSA87PublicKey)
UTC = datetime.timezone.utc

ready, log = sys.argv[1:]
lock = threading.Lock()
count = 0


class Refused(Exception):
    """Why a request is not granted a session."""


def require(holds, reason):
    if not holds:
        raise Refused(reason)


def certificate(encoded):
    return x509.load_der_x509_certificate(base64.b64decode(encoded, validate=True))


def fingerprint(found):
    return found.fingerprint(SHA256()).hex()


def quote(text):
    return urllib.parse.quote(text, safe="-_.~")


def canonical_request(headers, target, names, body):
    path, _, query = target.partition("?")
    require(path == "/sessions", "the path is not /sessions")
    pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    encoded = sorted((quote(name), quote(value)) for name, value in pairs)
    lines = ["POST", path, "&".join("=".join(pair) for pair in encoded)]
    for name in names:
        values = headers.get_all(name)
        require(values, f"the signed header {name} is missing")
        lines.append(name + ":" + ",".join(" ".join(value.split()) for value in values))
    lines += ["", ";".join(names), hashlib.sha256(body).hexdigest()]
    return "\n".join(lines)


def check_signature(algorithm, key, signature, message):
    if isinstance(key, rsa.RSAPublicKey):
        expected = "AWS4-X509-RSA-SHA256"
        arguments = (signature, message, padding.PKCS1v15(), SHA256())
    elif isinstance(key, ec.EllipticCurvePublicKey):
        expected = "AWS4-X509-ECDSA-SHA256"
        arguments = (signature, message, ec.ECDSA(SHA256()))
    else:
        require(isinstance(key, ML_DSA), "the leaf's key is of another type")
        expected = "AWS4-X509-MLDSA"
        arguments = (signature, message)
    require(algorithm == expected, f"{algorithm} does not fit the leaf's key")
    try:
        key.verify(*arguments)
    except InvalidSignature:
        raise Refused("the signature does not verify") from None


def judge(headers, target, body, record):
    leaf = certificate(headers.get("X-Amz-X509", ""))
    record["leaf"] = fingerprint(leaf)
    chain = headers.get("X-Amz-X509-Chain")
    if chain is not None:
        record["chain"] = [fingerprint(certificate(one)) for one in chain.split(",")]
    parts = AUTHORIZATION.fullmatch(headers.get("Authorization", ""))
    require(parts, "Authorization is malformed")
    algorithm, serial, day, region, names, signature = parts.groups()
    record["algorithm"] = algorithm
    record["serial"] = serial
    require(serial == str(leaf.serial_number), "the serial is not the leaf's")
    names = names.split(";")
    require(names == sorted(set(names)), "SignedHeaders is not sorted")
    required = {"content-type", "host", "x-amz-date", "x-amz-x509"}
    required |= {"x-amz-x509-chain"} if chain is not None else set()
    require(required <= set(names), "a header that must be signed is not")
    stamp = headers["X-Amz-Date"]
    date = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    skew = abs(datetime.datetime.now(UTC) - date)
    require(skew < datetime.timedelta(minutes=5), "the date is off")
    require(stamp.startswith(day), "the scope's day is not the date's")
    canonical = canonical_request(headers, target, names, body)
    scope = f"{day}/{region}/rolesanywhere/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    message = "\n".join([algorithm, stamp, scope, digest])
    check_signature(algorithm, leaf.public_key(), bytes.fromhex(signature), message.encode())


def session(key_id):
    expiration = datetime.datetime.now(UTC) + datetime.timedelta(hours=1)
    credentials = {
        "accessKeyId": key_id,
        "secretAccessKey": "made-up/secret+key",
        "sessionToken": "made-up/session+token==",
        "expiration": expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    user = {
        "arn": "arn:aws:sts::123456789012:assumed-role/backup/0123",
        "assumedRoleId": "AROAMATRIX0000000000:0123",
    }
    entry = {
        "assumedRoleUser": user,
        "credentials": credentials,
        "packedPolicySize": 1,
        "roleArn": "arn:aws:iam::123456789012:role/backup",
        "sourceIdentity": "CN=matrix",
    }
    subject = "arn:aws:rolesanywhere:us-east-1:123456789012:subject/0123"
    return {"credentialSet": [entry], "subjectArn": subject}


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = 10

    def do_POST(self):
        global count
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        record = {"verified": False, "reason": None, "chain": None}
        try:
            judge(self.headers, self.path, body, record)
            record["verified"] = True
        except (Refused, ValueError, KeyError) as error:
            record["reason"] = str(error)
        with lock:
            count += 1
            record["key_id"] = f"ASIAMATRIX{count:010}"
            with open(log, "a", encoding="ascii") as lines:
                lines.write(json.dumps(record) + "\n")
        if record["verified"]:
            self.answer(201, session(record["key_id"]))
        else:
            self.answer(403, {"message": record["reason"]})

    def answer(self, status, document):
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status == 403:
            self.send_header("x-amzn-ErrorType", "AccessDeniedException")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Requests are logged as JSON only."""


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_stdin, daemon=True).start()
timer = threading.Timer(300, lambda: os._exit(1))
timer.daemon = True
timer.start()
open(log, "w", encoding="ascii").close()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(ready + ".new", "w", encoding="ascii") as file:
    file.write(str(server.server_address[1]))
os.rename(ready + ".new", ready)
server.serve_forever()
