"""ML-DSA identities below an issuing CA, which OpenSSL 3.0 cannot make.

Usage: ml_dsa_identities.py DIRECTORY

DIRECTORY holds issuing.crt and issuing-key.pem. For 44, 65 and 87 it gets
mldsaNN.crt and the private key in the three forms of RFC 9881 section 6:
mldsaNN-seed.pem, mldsaNN-expanded.pem and mldsaNN-both.pem, each as .der too;
and mldsaNN-locked.pem, encrypted under what the file passphrase holds.
"""

import base64
import datetime
import os
import sys
import textwrap

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import mldsa
from cryptography.x509.oid import NameOID
from dilithium_py.ml_dsa import ML_DSA_44, ML_DSA_65, ML_DSA_87

SETS = {
    "44": (17, mldsa.MLDSA44PrivateKey, ML_DSA_44),
    "65": (18, mldsa.MLDSA65PrivateKey, ML_DSA_65),
    "87": (19, mldsa.MLDSA87PrivateKey, ML_DSA_87),
}


def element(tag, *parts):
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def private_key_info(arc, inner):
    oid = bytes.fromhex("6086480165030403") + bytes([arc])
    algorithm = element(0x30, element(0x06, oid))
    return element(0x30, element(0x02, b"\0"), algorithm, element(0x04, inner))


def issue(public_key, common_name, issuer, issuer_key):
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(issuer.subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.BasicConstraints(False, None), critical=True)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def write(name, content):
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)


os.chdir(sys.argv[1])
with open("issuing.crt", "rb") as file:
    issuer = x509.load_pem_x509_certificate(file.read())
with open("issuing-key.pem", "rb") as file:
    issuer_key = serialization.load_pem_private_key(file.read(), None)
with open("passphrase", "rb") as file:
    encryption = serialization.BestAvailableEncryption(file.read().rstrip(b"\n"))

for name, (arc, kind, independent) in SETS.items():
    seed = os.urandom(32)
    key = kind.from_seed_bytes(seed)
    public_key = key.public_key()
    # OpenSSL does not give the expanded key away.
    public, expanded = independent._keygen_internal(seed)
    assert public == public_key.public_bytes_raw()
    forms = {
        "seed": element(0x80, seed),
        "expanded": element(0x04, expanded),
        "both": element(0x30, element(0x04, seed), element(0x04, expanded)),
    }
    for form, inner in forms.items():
        der = private_key_info(arc, inner)
        write(f"mldsa{name}-{form}.der", der)
        lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
        pem = ["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""]
        write(f"mldsa{name}-{form}.pem", "\n".join(pem).encode())
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write(f"mldsa{name}-locked.pem", key.private_bytes(*pem, encryption))
    leaf = issue(public_key, f"mldsa{name}", issuer, issuer_key)
    write(f"mldsa{name}.crt", leaf.public_bytes(serialization.Encoding.PEM))
