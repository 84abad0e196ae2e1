#!/bin/sh
# CreateSession with nothing but openssl, curl and awk: an independent client
# that follows the signing process of the Roles Anywhere user guide. Prints what
# the service answered: status line, headers and body.
#
# Usage: create-session.sh URL DIRECTORY TRUST_ANCHOR_ARN PROFILE_ARN ROLE_ARN [CHANGE]
#
# DIRECTORY holds cert.pem, chain.pem and key.pem. CHANGE names the one thing of
# which a single character is changed after the signature was made: body, query,
# date, certificate, chain, signature or serial.
set -eu

url=$1
directory=$2
trust_anchor_arn=$3
profile_arn=$4
role_arn=$5
change=${6:-nothing}

# change_character TEXT BACK: the character BACK places before the last becomes
# another, which hex, decimal and base64 all know.
change_character() {
    printf '%s\n' "$1" | awk -v back="$2" '{
        at = length($0) - back
        other = substr($0, at, 1) == "0" ? "1" : "0"
        print substr($0, 1, at - 1) other substr($0, at + 1)
    }'
}

# The characters of an ARN that a query must escape (RFC 3986), for ARNs without
# spaces and non-ASCII letters.
escape() {
    printf '%s\n' "$1" |
        sed 's/%/%25/g; s/:/%3A/g; s,/,%2F,g; s/+/%2B/g; s/=/%3D/g; s/@/%40/g; s/,/%2C/g'
}

# The certificates of a PEM file as base64 DER, joined by commas.
base64_of() {
    awk '/^-----BEGIN / { if (count++) printf "," }
         !/^-----/ { printf "%s", $0 }
         END { print "" }' "$1"
}

# Hex to decimal, digit by digit: a serial number has up to 160 bits.
decimal() {
    printf '%s\n' "$1" | awk '{
        length_of_number = 1
        number[1] = 0
        for (i = 1; i <= length($0); i++) {
            carry = index("0123456789ABCDEF", substr($0, i, 1)) - 1
            for (j = 1; j <= length_of_number; j++) {
                carry += number[j] * 16
                number[j] = carry % 10
                carry = int(carry / 10)
            }
            while (carry > 0) {
                number[++length_of_number] = carry % 10
                carry = int(carry / 10)
            }
        }
        for (j = length_of_number; j >= 1; j--) printf "%d", number[j]
        print ""
    }'
}

sha256() {
    openssl dgst -sha256 -r | cut -d ' ' -f 1
}

region=$(printf '%s\n' "$trust_anchor_arn" | cut -d : -f 4)
host=${url#*://}
host=${host%/}
date=$(date -u +%Y%m%dT%H%M%SZ)
scope=${date%T*}/$region/rolesanywhere/aws4_request
certificate=$(base64_of "$directory/cert.pem")
chain=$(base64_of "$directory/chain.pem")
serial=$(openssl x509 -in "$directory/cert.pem" -noout -serial)
serial=$(decimal "${serial#serial=}")
case $(openssl x509 -in "$directory/cert.pem" -noout -text) in
*'Public Key Algorithm: rsaEncryption'*) algorithm=AWS4-X509-RSA-SHA256 ;;
*) algorithm=AWS4-X509-ECDSA-SHA256 ;;
esac
signed_headers='content-type;host;x-amz-date;x-amz-x509;x-amz-x509-chain'
body='{"durationSeconds":900}'

# query ROLE_ARN
query() {
    printf 'profileArn=%s&roleArn=%s&trustAnchorArn=%s' \
        "$(escape "$profile_arn")" "$(escape "$1")" "$(escape "$trust_anchor_arn")"
}

canonical_request=$(
    printf '%s\n' \
        POST \
        /sessions \
        "$(query "$role_arn")" \
        'content-type:application/json' \
        "host:$host" \
        "x-amz-date:$date" \
        "x-amz-x509:$certificate" \
        "x-amz-x509-chain:$chain" \
        '' \
        "$signed_headers" \
        "$(printf '%s' "$body" | sha256)"
)
string_to_sign=$(
    printf '%s\n' "$algorithm" "$date" "$scope" "$(printf '%s' "$canonical_request" | sha256)"
)
signature=$(
    printf '%s' "$string_to_sign" |
        openssl dgst -sha256 -sign "$directory/key.pem" |
        od -An -v -tx1 |
        tr -d ' \n'
)

case $change in
nothing) ;;
body) body=$(change_character "$body" 1) ;;
query) role_arn=$(change_character "$role_arn" 0) ;;
date) date=$(change_character "$date" 1) ;;
# The last octets of a certificate are its signature: it still decodes.
certificate) certificate=$(change_character "$certificate" 9) ;;
chain) chain=$(change_character "$chain" 9) ;;
signature) signature=$(change_character "$signature" 0) ;;
serial) serial=$(change_character "$serial" 0) ;;
*)
    echo "create-session.sh: nothing is called '$change'" >&2
    exit 2
    ;;
esac

# -q keeps a user's .curlrc out.
curl -q -sS -i --noproxy '*' --max-time 30 \
    -H 'Content-Type: application/json' \
    -H "X-Amz-Date: $date" \
    -H "X-Amz-X509: $certificate" \
    -H "X-Amz-X509-Chain: $chain" \
    -H "Authorization: $algorithm Credential=$serial/$scope, SignedHeaders=$signed_headers, Signature=$signature" \
    --data-binary "$body" \
    "${url%/}/sessions?$(query "$role_arn")"
