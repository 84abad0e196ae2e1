"""What the cryptography package reads in PKCS#12 files.

Usage: pkcs12_reader.py LIST

LIST is a JSON list of {"file", "passphrase"}. Prints a JSON list with, for each,
null where the passphrase does not open the file, or the friendly name, the key
(PKCS#8 DER in hex) and the certificates (DER in hex, the key's own first).
"""

import json
import sys

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)


def read(file, passphrase):
    with open(file, "rb") as opened:
        content = opened.read()
    try:
        found = pkcs12.load_pkcs12(content, passphrase.encode())
    except ValueError:
        return None
    name = found.cert.friendly_name
    certificates = [found.cert, *found.additional_certs]
    return {
        "name": name and name.decode(),
        "key": found.key.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        ).hex(),
        "certificates": [
            one.certificate.public_bytes(Encoding.DER).hex() for one in certificates
        ],
    }


with open(sys.argv[1], encoding="utf-8") as opened:
    asked = json.load(opened)
print(json.dumps([read(**one) for one in asked]))
