"""A deployment on an emulator of AWS that we did not write (MiniStack): template, functions, and what runs between them.

Nothing here is of the product: what differs from a deployment on AWS is what an operator does by hand there.
"""

import base64
import contextlib
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "infra" / "template.yaml"
FUNCTIONS = ROOT / "target" / "functions"

REGION = "eu-central-1"
ACCOUNT = "000000000000"
STACK = "perennial"
BASE_URL = "https://leads.perennial.example"
SECRETS_PATH = "/perennial"
ARTEFACTS = "artefacts"

# MiniStack 1.5 receives no mail, so it knows no receipt rules (a test puts mail into the bucket as SES would), and no
# alarm on several metrics together. Nothing else is left out.
UNKNOWN_THERE = {"ReplyRule", "Receipts", "FunctionErrors", "FunctionThrottles"}
# Of the first; and DKIM's records, which it makes none of.
UNTOLD_THERE = {"ActivateReplies", "DkimRecord1", "DkimRecord2", "DkimRecord3"}

# How long anything may take to become so. A schedule of the emulator ticks every 10 s, a first call starts a process.
PATIENCE_S = 90
LOOKS_PER_S = 5

# How much of the emulator's log is shown when a test fails, in characters.
LOG_SHOWN_MAX = 8000


def eventually(what, look, patience_s=PATIENCE_S):
    """What `look` answers, as soon as it answers anything; the test fails if it never does."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if found := look():
            print(f"  {what}", flush=True)
            return found
        time.sleep(1 / LOOKS_PER_S)
    raise AssertionError(f"not within {patience_s} s: {what}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Emulator:
    """A MiniStack of its own, on a free port."""

    def __init__(self, directory):
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        self.credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
        self.environment = {
            **os.environ,
            **self.credentials,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": self.endpoint,
        }
        port = self.endpoint.rpartition(":")[2]
        settings = {"GATEWAY_PORT": port, "MINISTACK_REGION": REGION, "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "1"}
        self.log = open(Path(directory) / "ministack.log", "w")
        program = Path(sys.executable).parent / "ministack"
        self.process = subprocess.Popen(
            [program], env=self.environment | settings, stdout=self.log, stderr=subprocess.STDOUT, cwd=directory
        )

    def __enter__(self):
        eventually("the emulator runs", self.is_up, patience_s=30)
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            print(f"--- the emulator's log ends so\n{Path(self.log.name).read_text(errors='replace')[-LOG_SHOWN_MAX:]}", flush=True)
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def is_up(self):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=2).status == 200

    def client(self, service):
        # A call that hangs is a finding, not something to wait for.
        patience = Config(connect_timeout=5, read_timeout=60, retries={"total_max_attempts": 1})
        return boto3.client(
            service,
            config=patience,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


class Deployment:
    """The stack on an emulator, as docs/deploy.md deploys it."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.cloudformation = emulator.client("cloudformation")
        self.s3 = emulator.client("s3")
        self.ssm = emulator.client("ssm")
        self.sqs = emulator.client("sqs")
        self.dynamodb = emulator.client("dynamodb")
        self.awslambda = emulator.client("lambda")
        self.secrets = {
            "pepper": base64.b64encode(secrets.token_bytes(32)).decode(),
            "token-keys": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
            "event-keys": "site:" + secrets.token_hex(16),
            "crm-keys": "crm:" + secrets.token_hex(16),
            "webhook-secrets": "crm:whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
        }

    def put_secrets(self):
        for name, value in self.secrets.items():
            self.ssm.put_parameter(Name=f"{SECRETS_PATH}/{name}", Value=value, Type="SecureString")

    def package(self):
        """What `sam package` does: each function's directory goes to S3, and the template names it there."""
        self.s3.create_bucket(Bucket=ARTEFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})
        template = yaml_parse(TEMPLATE.read_text())
        for name in UNKNOWN_THERE:
            del template["Resources"][name]
        for name in UNTOLD_THERE:
            del template["Outputs"][name]
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                directory = (TEMPLATE.parent / resource["Properties"]["CodeUri"]).resolve()
                key = f"{directory.name}.zip"
                self.s3.put_object(Bucket=ARTEFACTS, Key=key, Body=zipped(directory))
                resource["Properties"]["CodeUri"] = f"s3://{ARTEFACTS}/{key}"
        self.s3.put_object(Bucket=ARTEFACTS, Key="template.json", Body=json.dumps(template).encode())
        return f"{self.emulator.endpoint}/{ARTEFACTS}/template.json"

    def create(self, template, **parameters):
        given = {"BaseUrl": BASE_URL, "SenderDomain": "perennial.example", "SecretsPath": SECRETS_PATH, **parameters}
        self.cloudformation.create_stack(
            StackName=STACK,
            TemplateURL=template,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )

        def is_settled():
            status = self.describe()["StackStatus"]
            return None if status.endswith("IN_PROGRESS") else status

        status = eventually("the stack is settled", is_settled)
        if status != "CREATE_COMPLETE":
            events = self.cloudformation.describe_stack_events(StackName=STACK)["StackEvents"]
            failed = [event for event in events if event["ResourceStatus"].endswith("FAILED")]
            reasons = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}" for event in failed]
            raise AssertionError(f"{status}\n" + "\n".join(reasons))

    def functions(self):
        """The functions by their crates' names."""
        return [name.removeprefix(f"{STACK}-") for name in self.names(self.awslambda.list_functions()["Functions"])]

    @staticmethod
    def names(functions):
        return sorted(function["FunctionName"] for function in functions)

    def configure(self, function, **variables):
        """Changes some variables of a function's environment, and gives those that were there before."""
        name = f"{STACK}-{function}"
        before = self.awslambda.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self.awslambda.update_function_configuration(FunctionName=name, Environment={"Variables": before | variables})
        return before

    def describe(self):
        return self.cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]

    def outputs(self):
        return {output["OutputKey"]: output["OutputValue"] for output in self.describe()["Outputs"]}

    def perennial(self, *arguments):
        """Runs the `perennial` command on the table."""
        program = os.environ.get("PERENNIAL", "perennial")
        environment = self.emulator.environment | {
            "PERENNIAL_PEPPER": self.secrets["pepper"],
            "PERENNIAL_TOKEN_KEYS": self.secrets["token-keys"],
            "PERENNIAL_BASE_URL": BASE_URL,
        }
        command = [program, *arguments, "--table", STACK]
        return subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    def request(self, method, path, body=None, headers=None):
        """Asks the HTTP API, whatever host a link names."""
        api = self.outputs()["ApiEndpoint"].split("//")[1].split(".")[0]
        port = self.emulator.endpoint.rpartition(":")[2]
        headers = {"Host": f"{api}.execute-api.localhost:{port}", **(headers or {})}
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        request = urllib.request.Request(f"{self.emulator.endpoint}{path}", data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=40) as answer:
                return answer.status, answer.read().decode(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), dict(error.headers)

    def queue(self, name):
        return self.sqs.get_queue_url(QueueName=f"{STACK}-{name}")["QueueUrl"]

    def waiting(self, name):
        attributes = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.queue(name), AttributeNames=attributes)
        return sum(int(count) for count in answer["Attributes"].values())

    def items(self, partition_prefix):
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=STACK)
        return [item for page in pages for item in page["Items"] if item["PK"]["S"].startswith(partition_prefix)]


def zipped(directory):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in sorted(directory.iterdir()):
            entry = zipfile.ZipInfo(file.name)
            entry.external_attr = (0o755 if file.name == "bootstrap" else 0o644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()
