"""Every operation of botocore's own model of Roles Anywhere against an emulator.

Usage: control_plane.py URL ANCHOR_PEM LEAF_PEM CRL_PEM

The model says which operations there are, what their requests may hold and what
their answers do. What does not fit is printed, one sentence a line. The account
has one subject already.
"""

import base64
import copy
import json
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

url, anchor_file, leaf_file, crl_file = sys.argv[1:]
read = lambda path: open(path, "rb").read()
ANCHOR, LEAF, CRL = read(anchor_file).decode(), read(leaf_file).decode(), read(crl_file)
ROLE = "arn:aws:iam::123456789012:role/app"
PLACE = "arn:aws:rolesanywhere:us-east-1:123456789012"
MISSING = "00000000-0000-4000-8000-000000000000"
BUNDLE = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": ANCHOR}}
TAGS = [{"key": "team", "value": "a b"}, {"key": "empty", "value": ""}]
SETTING = {"enabled": False, "event": "CA_CERTIFICATE_EXPIRY", "threshold": 360, "channel": "ALL"}

raw = {}
wrong = []


def client(**more):
    made = boto3.client(
        "rolesanywhere",
        endpoint_url=url,
        region_name="us-east-1",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}),
        **more,
    )
    keep = lambda http_response, **_: raw.update(
        content=http_response.content,
        status=http_response.status_code,
        reason=http_response.headers.get("x-windlass-reason"),
    )
    made.meta.events.register("after-call.rolesanywhere", keep)
    return made


aws = client()
model = aws.meta.service_model


def call(operation, parameters):
    method = next(m for m, o in aws.meta.method_to_api_mapping.items() if o == operation)
    return getattr(aws, method)(**parameters)


def check(holds, sentence):
    if not holds:
        wrong.append(sentence)


def refused(operation, parameters, code, words=""):
    """The call is refused by an error that botocore has a class for."""
    what = f"{operation} with {json.dumps(parameters, default=str)[:300]}"
    try:
        call(operation, parameters)
    except ClientError as error:
        got = error.response["Error"]
        check(got["Code"] == code, f"{what}: {got}, not {code}")
        check(words in got["Message"], f"{what}: {got}, not '{words}'")
        check(raw["reason"], f"{what}: no x-windlass-reason")
        known = getattr(aws.exceptions, code, None)
        check(known and isinstance(error, known), f"{what}: {type(error)}")
    else:
        wrong.append(f"{what}: it was granted")


# ---- What the operations are called with ----


def anchor(**more):
    made = call("CreateTrustAnchor", {"name": "t", "source": BUNDLE, **more})["trustAnchor"]
    return made["trustAnchorId"], made["trustAnchorArn"]


def profile(**more):
    made = call("CreateProfile", {"name": "p", "roleArns": [ROLE], **more})["profile"]
    return made["profileId"], made["profileArn"]


def crl(**more):
    given = {"name": "c", "crlData": CRL, "trustAnchorArn": anchor()[1], **more}
    made = call("ImportCrl", given)["crl"]
    return made["crlId"], made["crlArn"]


def subject():
    return call("ListSubjects", {})["subjects"][0]["subjectId"]


def both(make, member):
    """By the id, and by the ARN."""
    return lambda: ({member: make()[0]}, {member: make()[1]})


def wipe():
    for things, key, verb in [
        ("ListCrls", "crlId", "DeleteCrl"),
        ("ListProfiles", "profileId", "DeleteProfile"),
        ("ListTrustAnchors", "trustAnchorId", "DeleteTrustAnchor"),
    ]:
        while True:
            page = call(things, {})
            (found,) = [value for name, value in page.items() if isinstance(value, list)]
            for one in found:
                call(verb, {key: one[key]})
            if "nextToken" not in page:
                break


BOTH = {
    "TrustAnchor": both(anchor, "trustAnchorId"),
    "Profile": both(profile, "profileId"),
    "Crl": both(crl, "crlId"),
}
# The least and the most that a request holds, for each operation.
CALLS = {
    f"{verb}{kind}": make
    for verb in ("Get", "Delete", "Enable", "Disable")
    for kind, make in BOTH.items()
} | {
    "CreateTrustAnchor": lambda: (
        {"name": "t", "source": BUNDLE},
        {
            "name": "A trust-anchor_1",
            "source": BUNDLE,
            "enabled": True,
            "crlDpRevocationEnabled": True,
            "tags": TAGS,
            "notificationSettings": [SETTING],
            "aliasName": "on-prem/main",
        },
    ),
    "CreateProfile": lambda: (
        {"name": "p", "roleArns": []},
        {
            "name": "p",
            "requireInstanceProperties": True,
            "sessionPolicy": "{}",
            "roleArns": [ROLE],
            "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "durationSeconds": 43200,
            "enabled": True,
            "tags": TAGS,
            "acceptRoleSessionName": True,
            "aliasName": "backup",
        },
    ),
    "ImportCrl": lambda: (
        {"name": "c", "crlData": CRL, "trustAnchorArn": anchor()[1]},
        {
            "name": "c",
            "crlData": CRL,
            "trustAnchorArn": anchor()[1],
            "enabled": True,
            "tags": TAGS,
            "aliasName": "revoked",
        },
    ),
    "UpdateTrustAnchor": lambda: (
        {"trustAnchorId": anchor()[0]},
        {
            "trustAnchorId": anchor(aliasName="before")[1],
            "name": "new",
            "source": BUNDLE,
            "crlDpRevocationEnabled": True,
            "aliasName": "after",
        },
    ),
    "UpdateProfile": lambda: (
        {"profileId": profile()[0]},
        {
            "profileId": profile(aliasName="before")[1],
            "name": "new",
            "sessionPolicy": "{}",
            "roleArns": [ROLE],
            "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "durationSeconds": 900,
            "acceptRoleSessionName": True,
            "aliasName": "after",
        },
    ),
    "UpdateCrl": lambda: (
        {"crlId": crl()[0]},
        {"crlId": crl(aliasName="before")[1], "name": "new", "crlData": CRL, "aliasName": "after"},
    ),
    "PutAttributeMapping": lambda: (
        {"profileId": profile()[0], "certificateField": "x509SAN", "mappingRules": []},
        {
            "profileId": profile()[1],
            "certificateField": "x509SAN",
            "mappingRules": [{"specifier": "DNS"}, {"specifier": "Name/*"}],
        },
    ),
    "DeleteAttributeMapping": lambda: (
        {"profileId": profile()[0], "certificateField": "x509Issuer"},
        {
            "profileId": profile()[1],
            "certificateField": "x509SAN",
            "specifiers": ["DNS", "URI"],
        },
    ),
    "PutNotificationSettings": lambda: (
        {"trustAnchorId": anchor()[0], "notificationSettings": []},
        {"trustAnchorId": anchor()[0], "notificationSettings": [SETTING]},
    ),
    "ResetNotificationSettings": lambda: (
        {"trustAnchorId": anchor()[0], "notificationSettingKeys": []},
        {
            "trustAnchorId": anchor()[0],
            "notificationSettingKeys": [{"event": SETTING["event"], "channel": "ALL"}],
        },
    ),
    "GetSubject": lambda: ({"subjectId": subject()},) * 2,
    "TagResource": lambda: (
        {"resourceArn": anchor()[1], "tags": []},
        {"resourceArn": profile()[1], "tags": TAGS},
    ),
    "UntagResource": lambda: (
        {"resourceArn": anchor()[1], "tagKeys": []},
        {"resourceArn": profile(tags=TAGS)[1], "tagKeys": ["team"]},
    ),
    "ListTagsForResource": lambda: (
        {"resourceArn": crl()[1]},
        {"resourceArn": profile(tags=TAGS)[1]},
    ),
}


def pages(make, listed):
    def calls():
        make(), make()
        token = call(listed, {"pageSize": 1}).get("nextToken", "none")
        return {}, {"pageSize": 1, "nextToken": token}

    return calls


CALLS |= {
    "ListTrustAnchors": pages(anchor, "ListTrustAnchors"),
    "ListProfiles": pages(profile, "ListProfiles"),
    "ListCrls": pages(crl, "ListCrls"),
    # There is one subject, and no second page.
    "ListSubjects": lambda: ({}, {"pageSize": 1}),
}

# Members that an answer has on some occasions only.
SOMETIMES = {"previousAliasName", "nextToken", "acmPcaArn", "aliasName", "aliasArn"}
SOMETIMES |= {"sessionPolicy"}


def fits(shape, value, at, full):
    """The answer has the members of the model and no others."""
    if shape.type_name == "structure":
        for name in value:
            check(name in shape.members, f"{at}.{name} is not in the model")
        for name, member in shape.members.items():
            if name in value:
                fits(member, value[name], f"{at}.{name}", full)
            else:
                check(name in SOMETIMES and not full(name), f"{at}.{name} is missing")
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            fits(shape.member, item, f"{at}[{index}]", full)
    elif shape.type_name in ("string", "timestamp", "blob"):
        check(isinstance(value, str), f"{at} is no string")
    elif shape.type_name == "integer":
        check(isinstance(value, int), f"{at} is no integer")
    elif shape.type_name == "boolean":
        check(isinstance(value, bool), f"{at} is no boolean")


def every_operation_is_answered():
    for operation in sorted(model.operation_names):
        if operation not in CALLS:
            wrong.append(f"{operation} is in the model, and not known here")
            continue
        for index in (0, 1):
            wipe()
            parameters = CALLS[operation]()[index]
            shape = model.operation_model(operation)
            if index:
                allowed = set(shape.input_shape.members)
                check(set(parameters) <= allowed, f"{operation}: too much")
                check(
                    operation == "ListSubjects" or set(parameters) == allowed,
                    f"{operation}: {allowed - set(parameters)} is not tried",
                )
            try:
                call(operation, parameters)
            except ClientError as error:
                wrong.append(f"{operation} {index}: {error}: {raw['reason']}")
                continue
            answered = json.loads(raw["content"])
            wanted = shape.http["responseCode"]
            check(raw["status"] == wanted, f"{operation}: {raw['status']}, not {wanted}")

            def full(name):
                given = index and name in shape.input_shape.members
                return given or (
                    index
                    and operation in ("UpdateTrustAnchor", "UpdateProfile", "UpdateCrl")
                    and name in ("previousAliasName", "aliasArn")
                )

            fits(
                shape.output_shape,
                answered,
                operation,
                lambda name: name not in ("nextToken", "acmPcaArn") and full(name),
            )
    for known in CALLS:
        check(known in model.operation_names, f"{known} is not in the model")


# ---- What is out of bounds ----


def violations(shape):
    """Values that break one constraint of the shape, with what is said of them."""
    data = shape.metadata
    longer = "length less than or equal to"
    shorter = "length greater than or equal to"
    if shape.type_name == "string":
        if "max" in data:
            yield "a" * (data["max"] + 1), longer
        if data.get("min", 0) > 0:
            yield "a" * (data["min"] - 1), shorter
        if "pattern" in data:
            yield "!" * max(data.get("min", 1), 1), "regular expression pattern"
        if shape.enum:
            yield "other", "enum value set"
    elif shape.type_name == "blob":
        yield b"a" * (data["max"] + 1), longer
        if data.get("min", 0) > 0:
            yield b"", shorter
    elif shape.type_name == "integer":
        if "max" in data:
            yield data["max"] + 1, "value less than or equal to"
        if "min" in data:
            yield data["min"] - 1, "value greater than or equal to"


def walk(shape, value, path=()):
    """Every place in a request, with its shape."""
    yield path, shape
    if shape.type_name == "structure":
        for name in value:
            yield from walk(shape.members[name], value[name], (*path, name))
    elif shape.type_name == "list" and value:
        yield from walk(shape.member, value[0], (*path, 0))


def put(parameters, path, value):
    changed = copy.deepcopy(parameters)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


def named(path):
    """How a message names the place."""
    return ".".join(f"{step + 1}.member" if isinstance(step, int) else step for step in path)


def every_bound_holds():
    tried = 0
    for operation in sorted(model.operation_names):
        wipe()
        parameters = CALLS[operation]()[1]
        top = model.operation_model(operation).input_shape
        for path, shape in walk(top, parameters):
            if shape.type_name == "structure":
                for name in shape.required_members:
                    # Without a label there is no path.
                    if shape.members[name].serialization.get("location") != "uri":
                        place = (*path, name)
                        given = put(parameters, place, None)
                        refused(operation, given, "ValidationException", "Member must not be null")
                        refused(operation, given, "ValidationException", f"at '{named(place)}'")
                        tried += 1
            if shape.type_name == "list" and "max" in shape.metadata:
                inner = parameters
                for step in path:
                    inner = inner[step]
                given = put(parameters, path, inner[:1] * (shape.metadata["max"] + 1))
                refused(operation, given, "ValidationException", f"at '{named(path)}'")
                tried += 1
            for value, words in violations(shape):
                is_label = len(path) == 1 and (
                    top.members[path[0]].serialization.get("location") == "uri"
                )
                if is_label and not value:
                    continue
                given = put(parameters, path, value)
                refused(operation, given, "ValidationException", words)
                refused(operation, given, "ValidationException", f"at '{named(path)}'")
                tried += 1
    check(tried > 120, f"only {tried} constraints were tried")
    several = {"name": "", "roleArns": ["x"], "durationSeconds": 1}
    refused("CreateProfile", several, "ValidationException", "3 validation errors detected: ")
    try:
        call("TagResource", {"resourceArn": "x", "tags": [{"key": "se!cret", "value": ""}]})
    except ClientError as error:
        check("se!cret" not in str(error), f"a tag is repeated: {error}")


# ---- Everything else that is refused ----


def what_is_not_there_is_not_found():
    wipe()
    for operation in sorted(model.operation_names):
        errors = [error.name for error in model.operation_model(operation).error_shapes]
        if "ResourceNotFoundException" not in errors:
            continue
        parameters = CALLS[operation]()[1]
        for member in ("trustAnchorId", "profileId", "crlId", "subjectId", "resourceArn"):
            if member not in parameters:
                continue
            kind = {"trustAnchorId": "trust-anchor", "resourceArn": "profile"}.get(member, member[:-2])
            wanted = MISSING if member != "resourceArn" else f"{PLACE}:{kind}/{MISSING}"
            given = {**parameters, member: wanted}
            refused(operation, given, "ResourceNotFoundException", MISSING)
            if parameters[member].startswith("arn:"):
                elsewhere = parameters[member].replace("123456789012", "210987654321")
                given = {**parameters, member: elsewhere}
                refused(operation, given, "AccessDeniedException", f"rolesanywhere:{operation}")
                elsewhere = parameters[member].replace("us-east-1", "eu-west-1")
                given = {**parameters, member: elsewhere}
                refused(operation, given, "ResourceNotFoundException")
        wipe()


def aliases():
    wipe()
    ids = {}
    for kind, make, member, get in [
        ("trust-anchor", anchor, "trustAnchorId", "GetTrustAnchor"),
        ("profile", profile, "profileId", "GetProfile"),
        ("crl", crl, "crlId", "GetCrl"),
    ]:
        ids[kind] = make(aliasName="main/one")[0]
        arn = f"{PLACE}:alias/{kind}/main/one"
        (found,) = [v for k, v in call(get, {member: arn}).items() if k != "ResponseMetadata"]
        check(found[member] == ids[kind] and found["aliasArn"] == arn, f"{get}: {found}")
        refused(get, {member: arn.replace("one", "One")}, "ResourceNotFoundException")
    refused("CreateProfile", {"name": "p", "roleArns": [], "aliasName": "main/one"},
            "ValidationException", "main/one")
    for bad in ("aws/x", "AWS/x"):
        refused("CreateProfile", {"name": "p", "roleArns": [], "aliasName": bad},
                "ValidationException", "aliasName")
    by_alias = {"name": "c", "crlData": CRL, "trustAnchorArn": f"{PLACE}:alias/trust-anchor/main/one"}
    refused("ImportCrl", by_alias, "ResourceNotFoundException")
    update = lambda name: call("UpdateProfile", {"profileId": ids["profile"], "aliasName": name})["profile"]
    check("previousAliasName" not in update("main/one"), "an alias that stays is previous")
    changed = update("two")
    check(changed["previousAliasName"] == "main/one" and changed["aliasName"] == "two", f"{changed}")
    removed = update("")
    check(removed["previousAliasName"] == "two" and "aliasArn" not in removed, f"{removed}")
    check(profile(aliasName="two"), "an alias that is free is not taken")


def certificates():
    wipe()
    source = lambda text: {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": text}}
    for text, words in [
        (LEAF, "Incorrect basic constraints for CA certificate"),
        (ANCHOR * 3, "3 certificates, a trust anchor takes 2"),
        ("nothing", "x509CertificateData"),
        (CRL.decode(), "x509CertificateData"),
    ]:
        refused("CreateTrustAnchor", {"name": "t", "source": source(text)}, "ValidationException", words)
        given = {"trustAnchorId": anchor()[0], "source": source(text)}
        refused("UpdateTrustAnchor", given, "ValidationException", words)
    for given, words in [
        ({}, "source.sourceType"),
        ({"sourceType": "CERTIFICATE_BUNDLE"}, "source.sourceData.x509CertificateData"),
        ({"sourceType": "AWS_ACM_PCA", "sourceData": {}}, "source.sourceData.acmPcaArn"),
        ({"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": "x"}}, "acmPcaArn"),
    ]:
        refused("CreateTrustAnchor", {"name": "t", "source": given}, "ValidationException", words)
    pca = {"sourceType": "AWS_ACM_PCA",
           "sourceData": {"acmPcaArn": "arn:aws:acm-pca:us-east-1:123456789012:certificate-authority/x"}}
    made = call("CreateTrustAnchor", {"name": "t", "source": pca})["trustAnchor"]
    check(made["source"] == pca, f"{made}")
    for data in (b"nothing", ANCHOR.encode()):
        given = {"name": "c", "crlData": data, "trustAnchorArn": made["trustAnchorArn"]}
        refused("ImportCrl", given, "ValidationException", "crlData")
    der = base64.b64decode(b"".join(CRL.splitlines()[1:-1]))
    given = {"name": "c", "crlData": der, "trustAnchorArn": made["trustAnchorArn"]}
    listed = call("ImportCrl", given)["crl"]
    check(listed["crlData"] == der and listed["enabled"] is False, "a list is given as it came")


def quotas():
    wipe()
    for _ in range(50):
        arn = anchor()[1]
    refused("CreateTrustAnchor", {"name": "t", "source": BUNDLE}, "ValidationException", "50")
    for _ in range(2):
        call("ImportCrl", {"name": "c", "crlData": CRL, "trustAnchorArn": arn})
    refused("ImportCrl", {"name": "c", "crlData": CRL, "trustAnchorArn": arn}, "ValidationException", "2")
    made = [profile()[0] for _ in range(250)]
    refused("CreateProfile", {"name": "p", "roleArns": []}, "ValidationException", "250")
    found = []
    more = {}
    while more is not None:
        page = call("ListProfiles", {"pageSize": 7, **more})
        more = {"nextToken": page["nextToken"]} if "nextToken" in page else None
        check(len(page["profiles"]) == 7 or more is None, "a page is too small")
        found += [one["profileId"] for one in page["profiles"]]
        if len(found) == 14:
            # What is gone between two pages is missed by nobody.
            call("DeleteProfile", {"profileId": found[-1]})
    check(found == made, "the pages are not all, or in another order")
    listed = aws.get_paginator("list_profiles").paginate().build_full_result()["profiles"]
    check([one["profileId"] for one in listed] == [one for one in made if one != found[13]],
          "botocore's own pages are not all")
    for token in ("nothing", "cHJvZmlsZQ"):
        refused("ListProfiles", {"nextToken": token}, "ValidationException", "nextToken")
    token = call("ListProfiles", {"pageSize": 1})["nextToken"]
    refused("ListCrls", {"nextToken": token}, "ValidationException", "nextToken")
    for size in (0, -1):
        refused("ListProfiles", {"pageSize": size}, "ValidationException", "pageSize")


def tags():
    wipe()
    arn = anchor(tags=[{"key": f"k{i}", "value": "v"} for i in range(200)])[1]
    given = lambda key: {"resourceArn": arn, "tags": [{"key": key, "value": "w"}]}
    refused("TagResource", given("one-more"), "TooManyTagsException", "200")
    call("TagResource", given("k7"))
    listed = {tag["key"]: tag["value"] for tag in call("ListTagsForResource", {"resourceArn": arn})["tags"]}
    check(len(listed) == 200 and listed["k7"] == "w", f"{listed}")
    call("UntagResource", {"resourceArn": arn, "tagKeys": ["k7", "k8", "never"]})
    left = call("ListTagsForResource", {"resourceArn": arn})["tags"]
    check(len(left) == 198, f"{len(left)} tags are left")
    refused("TagResource", given("aws:x"), "ValidationException", "aws:")
    twice = {"resourceArn": arn, "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}
    refused("TagResource", twice, "ValidationException", "twice")


def settings_and_mappings():
    wipe()
    trust_anchor = anchor()[0]
    shown = lambda answer: {one["event"]: one for one in answer["trustAnchor"]["notificationSettings"]}
    put_settings = lambda *all: shown(call("PutNotificationSettings", {
        "trustAnchorId": trust_anchor, "notificationSettings": list(all)}))
    default = {"enabled": True, "event": SETTING["event"], "threshold": 45, "channel": "ALL",
               "configuredBy": "rolesanywhere.amazonaws.com"}
    check(put_settings()[SETTING["event"]] == default, "another default setting")
    check(put_settings(SETTING)[SETTING["event"]] == {**SETTING, "configuredBy": "123456789012"}, "not put")
    reset = shown(call("ResetNotificationSettings", {
        "trustAnchorId": trust_anchor, "notificationSettingKeys": [{"event": SETTING["event"]}]}))
    check(reset[SETTING["event"]] == default and len(reset) == 2, f"{reset}")

    which = profile()[0]
    rules = lambda answer: {
        one["certificateField"]: [rule["specifier"] for rule in one["mappingRules"]]
        for one in answer["profile"]["attributeMappings"]
    }
    default = {"x509Subject": ["*"], "x509Issuer": ["*"], "x509SAN": ["DNS", "URI", "Name/*"]}
    check(rules(call("GetProfile", {"profileId": which})) == default, "another default mapping")
    delete = lambda field, **more: rules(call("DeleteAttributeMapping", {
        "profileId": which, "certificateField": field, **more}))
    check(delete("x509SAN", specifiers=["DNS", "Name"])["x509SAN"] == ["URI"], "specifiers are left")
    check("x509Issuer" not in delete("x509Issuer"), "the field is left")
    mapped = rules(call("PutAttributeMapping", {
        "profileId": which, "certificateField": "x509Subject",
        "mappingRules": [{"specifier": "CN"}, {"specifier": "OU"}]}))
    check(mapped == {"x509Subject": ["CN", "OU"], "x509SAN": ["URI"]}, f"{mapped}")


def subjects():
    found = call("GetSubject", {"subjectId": subject()})["subject"]
    (seen,) = found["credentials"]
    check(seen["x509CertificateData"] == LEAF and seen["failed"] is False, f"{seen}")
    check(found["x509Subject"] == "CN=web-1" and found["enabled"], f"{found}")
    check(found["lastSeenAt"] == seen["seenAt"], f"{found}")


def signatures():
    """Wrong credentials are told apart."""
    global aws
    right = aws
    keys = boto3.Session().get_credentials().get_frozen_credentials()
    for key_id, secret, token, code in [
        (keys.access_key, "x" * 40, None, "InvalidSignatureException"),
        ("AKIAIOSFODNN7EXAMPLE", keys.secret_key, None, "UnrecognizedClientException"),
        (keys.access_key, keys.secret_key, "token", "UnrecognizedClientException"),
    ]:
        aws = client(aws_access_key_id=key_id, aws_secret_access_key=secret, aws_session_token=token)
        for operation in ("ListProfiles", "GetProfile"):
            given = {"profileId": f"{PLACE}:alias/profile/a/b~c"} if operation == "GetProfile" else {}
            try:
                call(operation, given)
                wrong.append(f"{code}: it was granted")
            except ClientError as error:
                check(error.response["Error"]["Code"] == code, f"{error}, not {code}")
                check(error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, f"{error}")
                check(raw["reason"], f"{code}: no x-windlass-reason")
    aws = right


for part in (
    subjects,
    every_operation_is_answered,
    every_bound_holds,
    what_is_not_there_is_not_found,
    aliases,
    certificates,
    quotas,
    tags,
    settings_and_mappings,
    signatures,
):
    try:
        part()
    except Exception as error:  # a part that breaks off is wrong too
        wrong.append(f"{part.__name__} broke off: {error!r} ({raw.get('reason')})")
wipe()
print("\n".join(wrong))
