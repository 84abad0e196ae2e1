"""A signer for --signer-command, which also checks what it is told.

Usage: signer.py KEY der|raw|base64

Signs its stdin with the PEM key as the variables WINDLASS_SIGNER_* say. raw is
r and s of ECDSA side by side.
"""

import base64
import os
import sys

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.hashes import SHA256

name, form = sys.argv[1:]
with open(name, "rb") as file:
    key = serialization.load_pem_private_key(file.read(), None)
spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
told = {key: os.environ["WINDLASS_SIGNER_" + key] for key in ("PROTOCOL", "ALGORITHM", "INPUT")}
if told["PROTOCOL"] != "1":
    sys.exit("another protocol")
if base64.b64decode(os.environ["WINDLASS_SIGNER_PUBLIC_KEY"]) != key.public_key().public_bytes(*spki):
    sys.exit("another key is meant")

data = sys.stdin.buffer.read()
if told["INPUT"] == "digest" and len(data) != 32:
    sys.exit("this is no digest")
algorithm = utils.Prehashed(SHA256()) if told["INPUT"] == "digest" else SHA256()
match told["ALGORITHM"]:
    case "ECDSA_SHA_256":
        signature = key.sign(data, ec.ECDSA(algorithm))
    case "RSASSA_PKCS1_V1_5_SHA_256":
        signature = key.sign(data, padding.PKCS1v15(), algorithm)
    case "ML_DSA_SHAKE_256" if told["INPUT"] == "message":
        signature = key.sign(data)
    case _:
        sys.exit("this algorithm does not fit this input")
if form == "raw":
    size = (key.curve.key_size + 7) // 8
    numbers = utils.decode_dss_signature(signature)
    signature = b"".join(number.to_bytes(size, "big") for number in numbers)
elif form == "base64":
    signature = base64.encodebytes(signature)
sys.stdout.buffer.write(signature)
