#!/bin/sh
# Keys of every type that OpenSSL 3.0 makes, each with a certificate below two
# intermediate CAs, in the current directory: NAME.pem, NAME.crt, and root.crt,
# policy.crt, issuing.crt, stray.crt.
set -eu
umask 077

cat >extensions.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid:always
END

# A positive number of 20 octets.
serial() { printf '0x7f%s' "$(openssl rand -hex 19)"; }

# root NAME
root() {
    openssl req -new -x509 -key "$1-key.pem" -subj "/CN=$1" -days 30 -set_serial "$(serial)" \
        -config extensions.cnf -extensions root -out "$1.crt"
}

# issue ISSUER NAME KEY EXTENSIONS DAYS
issue() {
    openssl req -new -key "$3" -subj "/O=Example Corp/CN=$2" -config extensions.cnf -out "$2.csr"
    openssl x509 -req -in "$2.csr" -CA "$1.crt" -CAkey "$1-key.pem" -set_serial "$(serial)" \
        -days "$5" -extfile extensions.cnf -extensions "$4" -out "$2.crt"
    rm "$2.csr"
}

ec() { openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$1" -out "$2"; }

for bits in 4096 3072 2048; do
    openssl genpkey -quiet -algorithm RSA -pkeyopt "rsa_keygen_bits:$bits" -out "rsa$bits.pem" &
done
ec P-384 root-key.pem
ec P-256 policy-key.pem
ec P-384 issuing-key.pem
ec P-256 stray-key.pem
for bits in 256 384 521; do
    ec "P-$bits" "p$bits.pem"
done
ec P-256 other.pem

root root
root stray
issue root policy policy-key.pem ca 30
issue policy issuing issuing-key.pem ca 30
for name in p256 p384 p521 other; do
    issue issuing "$name" "$name.pem" leaf 10
done
issue issuing earlier p256.pem leaf 5
issue issuing later p256.pem leaf 20
issue stray elsewhere other.pem leaf 5
wait
for name in rsa2048 rsa3072 rsa4096; do
    issue issuing "$name" "$name.pem" leaf 10
done
