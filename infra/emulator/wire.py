"""Between the functions and the emulator: who calls what, held against what the deployed roles allow.

**Invariant:** IAM on AWS refuses what is not allowed here; the emulator refuses nothing. So the calls are written down,
and judged by the policies as they were deployed (P9).
"""

import fnmatch
import http.client
import json
import re
import threading
from base64 import b64decode
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

# A transaction is allowed by what it consists of.
IN_TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}

# What Lambda does for a function, with its role: never on this wire.
OF_LAMBDA = re.compile(r"logs:|sqs:|kms:|dynamodb:(DescribeStream|GetRecords|GetShardIterator|ListStreams)$")


# What a fault says of a call that it leaves alone.
UNTOUCHED = object()


@dataclass(frozen=True)
class Call:
    function: str
    action: str
    resource: str
    # The condition keys that our policies use.
    context: tuple = field(default=())

    def __str__(self):
        said = " ".join(f"{key}={','.join(values)}" for key, values in self.context)
        return f"{self.function}: {self.action} on {self.resource} {said}"


class Wire:
    """A proxy for each function: the emulator, as that function calls it."""

    def __init__(self, endpoint, region, account):
        self.emulator = urlsplit(endpoint)
        self.arn = f"{region}:{account}"
        self.calls = Counter()
        self.mails = []
        self.puts = []
        self.faults = []

    def meddle(self, function, fault):
        """Lets calls of a function go by way of `fault(operation, body, hand_on)` until it has given an answer of its own.

        That is a status, headers and content, as `hand_on(body)` gives those of the emulator, or `None`: the connection closes.
        """
        self.faults.append((function, fault))

    def answer(self, function, operation, body, hand_on):
        for entry in [entry for entry in self.faults if entry[0] == function]:
            answer = entry[1](operation, body, hand_on)
            if answer is not UNTOUCHED:
                if entry in self.faults:  # another try may have come meanwhile
                    self.faults.remove(entry)
                return answer
        return hand_on(body)

    def endpoints(self, function):
        """Settings of a function by which the SDK calls through here."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, self, function))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        return {f"AWS_ENDPOINT_URL_{service}": url for service in ("DYNAMODB", "SESV2", "EVENTBRIDGE", "S3", "SSM")}

    def note(self, function, method, path, headers, body):
        target = headers.get("X-Amz-Target", "")
        if target.startswith("DynamoDB_"):
            self.calls.update(self.of_dynamodb(function, target.rpartition(".")[2], json.loads(body)))
        elif target.startswith("AWSEvents."):
            entries = json.loads(body)["Entries"]
            self.puts.append([(entry["DetailType"], entry["Detail"]) for entry in entries])
            for entry in entries:
                bus = f"arn:aws:events:{self.arn}:event-bus/{entry['EventBusName']}"
                self.calls[Call(function, "events:PutEvents", bus, (("events:source", (entry["Source"],)),))] += 1
        elif target.startswith("AmazonSSM."):
            for name in json.loads(body)["Names"]:
                self.calls[Call(function, "ssm:GetParameters", f"arn:aws:ssm:{self.arn}:parameter{name}")] += 1
        elif path.startswith("v2/email/outbound-emails"):
            self.of_send_email(function, json.loads(body))
        elif path.startswith("v2/email/suppression/addresses"):
            self.calls[Call(function, "ses:ListSuppressedDestinations", "*")] += 1
        elif method in ("GET", "DELETE"):
            bucket = unquote(urlsplit(path).path)
            action = {"GET": "s3:GetObject", "DELETE": "s3:DeleteObject"}[method]
            self.calls[Call(function, action, f"arn:aws:s3:::{bucket}")] += 1
        else:
            self.calls[Call(function, f"unknown:{method}", path)] += 1

    def of_dynamodb(self, function, operation, body):
        if operation == "TransactWriteItems":
            for item in body["TransactItems"]:
                for kind, request in item.items():
                    yield from self.of_dynamodb(function, IN_TRANSACTION[kind], request)
        elif operation == "BatchGetItem":
            for table, wanted in body["RequestItems"].items():
                for key in wanted["Keys"]:
                    yield self.of_table(function, operation, {"TableName": table, "Key": key})
        else:
            yield self.of_table(function, operation, body)

    def of_table(self, function, operation, body):
        index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
        resource = f"arn:aws:dynamodb:{self.arn}:table/{body['TableName']}{index}"
        return Call(function, f"dynamodb:{operation}", resource, leading_keys(body))

    def of_send_email(self, function, body):
        self.mails.append({"function": function, **body, "mime": b64decode(body["Content"]["Raw"]["Data"]).decode()})
        sender = (("ses:FromAddress", (body["FromEmailAddress"],)),)
        domain = body["FromEmailAddress"].rpartition("@")[2]
        for action in ("ses:SendEmail", "ses:SendRawEmail"):
            self.calls[Call(function, action, f"arn:aws:ses:{self.arn}:identity/{domain}", sender)] += 1
            configuration_set = f"arn:aws:ses:{self.arn}:configuration-set/{body.get('ConfigurationSetName')}"
            self.calls[Call(function, action, configuration_set, sender)] += 1


class Handler(BaseHTTPRequestHandler):
    """Notes a request, and hands it on."""

    protocol_version = "HTTP/1.1"

    def __init__(self, wire, function, *arguments):
        self.wire = wire
        self.function = function
        super().__init__(*arguments)

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.wire.note(self.function, self.command, self.path.removeprefix("/"), self.headers, body)
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        answer = self.wire.answer(self.function, operation, body, self.hand_on)
        if answer is None:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def hand_on(self, body):
        connection = http.client.HTTPConnection(self.wire.emulator.hostname, self.wire.emulator.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "content-length")}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = forward

    def log_message(self, *_):
        """Nothing: the emulator has a log."""


def leading_keys(body):
    """The partition that a request is about: none for a scan."""
    if key := body.get("Key") or body.get("Item"):
        return (("dynamodb:LeadingKeys", (key["PK"]["S"],)),)
    if expression := body.get("KeyConditionExpression"):
        value = re.search(r"#\w+ = (:\w+)", expression).group(1)
        return (("dynamodb:LeadingKeys", (body["ExpressionAttributeValues"][value]["S"],)),)
    return ()


@dataclass(frozen=True)
class Grant:
    """One action on some resources, as a role has it."""

    function: str
    action: str
    resources: tuple
    conditions: tuple

    def allows(self, call):
        return (
            self.action == call.action
            and self.function == call.function
            and any(fnmatch.fnmatchcase(call.resource, resource) for resource in self.resources)
            and all(holds(operator, key, wanted, dict(call.context)) for operator, key, wanted in self.conditions)
        )

    def is_like(self, function, action, on):
        """Whether it is that function's, for that action, and on a partition or resource of that name."""
        named = {value for _, _, wanted in self.conditions for value in wanted} or {
            resource.split(":", 5)[-1] for resource in self.resources
        }
        return self.function == function and self.action == action and (not on or on in named)

    def __str__(self):
        on = ",".join(f"{key} {' '.join(wanted)}" for _, key, wanted in self.conditions)
        where = " ".join(resource.split(":", 5)[-1] for resource in self.resources)
        return f"{self.function}: {self.action} on {where} {on}".strip()


def holds(operator, key, wanted, context):
    given = context.get(key, ())
    if operator == "Null":
        return wanted == ("true",) if not given else wanted == ("false",)
    matches = {"StringLike": fnmatch.fnmatchcase, "StringEquals": str.__eq__}[operator.rpartition(":")[2]]
    all_match = all(any(matches(value, pattern) for pattern in wanted) for value in given)
    # ForAllValues holds where there is no value; a plain operator does not.
    return all_match and (operator.startswith("ForAllValues:") or bool(given))


def listed(value):
    return tuple(value) if isinstance(value, list) else (value,)


def grants(iam, role, function):
    """What a deployed role may do that is on this wire."""
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=policy["PolicyArn"])["Policy"]["DefaultVersionId"]
        answer = iam.get_policy_version(PolicyArn=policy["PolicyArn"], VersionId=version)
        documents.append(answer["PolicyVersion"]["Document"])
    for document in documents:
        document = json.loads(document) if isinstance(document, str) else document
        for statement in document["Statement"]:
            conditions = tuple(
                (operator, key, listed(wanted))
                for operator, keys in statement.get("Condition", {}).items()
                for key, wanted in keys.items()
            )
            for action in listed(statement["Action"]):
                if not OF_LAMBDA.match(action):
                    yield Grant(function, action, listed(statement["Resource"]), conditions)
