"""Certificate requests that OpenSSL 3.0 does not make.

Usage: certificate_requests.py DIRECTORY

Writes NAME.csr (PEM) for each key type and hash of the tables below.
"""

import os
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.x509.oid import NameOID

directory = sys.argv[1]
SHA2 = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def write(name, key, algorithm, **options):
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Corp"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    names = [x509.DNSName(name + ".example.com"), x509.UniformResourceIdentifier("spiffe://a/" + name)]
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    request = builder.sign(key, algorithm, **options)
    with open(os.path.join(directory, name + ".csr"), "wb") as file:
        file.write(request.public_bytes(serialization.Encoding.PEM))


for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
    key = ec.generate_private_key(curve)
    for word, algorithm in SHA2.items():
        write(f"{curve.name}-{word}", key, algorithm)
key = rsa.generate_private_key(65537, 2048)
for word, algorithm in SHA2.items():
    write(f"rsa-{word}", key, algorithm)
    pss = padding.PSS(padding.MGF1(algorithm), padding.PSS.DIGEST_LENGTH)
    write(f"pss-{word}", key, algorithm, rsa_padding=pss)
for number, made in (("44", mldsa.MLDSA44PrivateKey), ("65", mldsa.MLDSA65PrivateKey), ("87", mldsa.MLDSA87PrivateKey)):
    write(f"mldsa{number}", made.generate(), None)
