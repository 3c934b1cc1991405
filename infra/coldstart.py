"""From the start of a function to its first answer: instructions, counted by callgrind, and CPU time, the least of a few runs.

    python coldstart.py HELLO

AWS is moto, over plain HTTP: the TLS handshakes are not in it, what the trust store costs is. The time that Lambda takes to
fetch and unpack the zip is not in it either.
"""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "target/functions"
TABLE = "leads"
KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="
CPU_RUNS = 5

# The first event of each.
EVENTS = {
    "publish-history": "history-stream",
    "evaluate-requalification": "evaluation-due",
    "sales-desk": "sales-leads",
    "record-engagement": "click-get",
    "notify": "notify-tick",
    "housekeep": "housekeep-tick",
    "ingest-lead": "form-json",
    "schedule-touch": "schedule-tick",
}

# moto has no suppression list of SES: that chore fails, and the function says so after the others.
FAILS = {"housekeep"}


class RuntimeApi(ThreadingHTTPServer):
    """Lambda's side, with one event to give."""

    def __init__(self, event):
        super().__init__(("127.0.0.1", 0), Handler)
        self.event, self.answer, self.answered = event, None, threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        event, self.server.event = self.server.event, None
        if event is None:
            return self.say(410, b"")  # at which the function ends
        headers = {
            "lambda-runtime-aws-request-id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
            "lambda-runtime-deadline-ms": str(int(time.time() * 1000) + 600_000),
            "lambda-runtime-invoked-function-arn": "arn:aws:lambda:eu-central-1:123456789012:function:perennial",
        }
        return self.say(200, event, headers)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.answer = self.server.answer or (self.path.rpartition("/")[2], body)
        self.say(202, b"")
        self.server.answered.set()

    def say(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing."""


class Account:
    """What a function finds on AWS: a table with the shipped programs, a bus."""

    def __init__(self):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        self.client("events").create_event_bus(Name="perennial")
        self.create_table()
        command = [os.environ["PERENNIAL"], "push", "programs", "--table", TABLE]
        subprocess.run(command, env=self.environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    def client(self, service):
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "eu-central-1"}
        return boto3.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"], **keys)

    def create_table(self):
        def key(*names):
            return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]

        indexes = {"pulse": key("shard", "pulse"), "desk": key("owner", "desk")}
        names = ["PK", "SK", *(part["AttributeName"] for index in indexes.values() for part in index)]
        self.client("dynamodb").create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=key("PK", "SK"),
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            GlobalSecondaryIndexes=[
                {"IndexName": name, "KeySchema": index, "Projection": {"ProjectionType": "KEYS_ONLY"}}
                for name, index in indexes.items()
            ],
        )


def cpu_ms(bootstrap, event, environment, kind, wrapper=()):
    """Runs a bootstrap until it has answered."""
    api = RuntimeApi(event)
    environment = environment | {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "perennial",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/perennial",
        "AWS_LAMBDA_LOG_STREAM_NAME": "1",
    }
    out = subprocess.DEVNULL
    process = subprocess.Popen([*wrapper, bootstrap], env=environment, stdout=out, stderr=out)
    assert api.answered.wait(120), f"{bootstrap} does not answer"
    _, _, usage = os.wait4(process.pid, 0)
    api.shutdown()
    api.server_close()
    assert api.answer[0] == kind, (bootstrap, api.answer)
    return (usage.ru_utime + usage.ru_stime) * 1000


def cost(*arguments):
    """Instructions and CPU milliseconds."""
    milliseconds = min(cpu_ms(*arguments) for _ in range(CPU_RUNS))
    with tempfile.NamedTemporaryFile() as out:
        cpu_ms(*arguments, ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}"])
        totals = [line for line in Path(out.name).read_text().splitlines() if line.startswith(("summary:", "totals:"))]
    return int(totals[0].split()[1]), milliseconds


def main(hello):
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    account = Account()
    settings = account.environment | {
        "PERENNIAL_TABLE": TABLE,
        "PERENNIAL_PEPPER": KEY,
        "PERENNIAL_TOKEN_KEYS": f"k1:{KEY}",
        "PERENNIAL_BUS": "perennial",
        "PERENNIAL_BASE_URL": "https://leads.perennial.example",
    }
    base = cost(hello, b"{}", settings, "response")
    print(f"{'':<26}{'instructions':>15}{'÷ hello':>10}{'CPU':>10}{'÷ hello':>10}")
    for function, sample in {"hello": None, **EVENTS}.items():
        instructions, milliseconds = base
        if sample:
            roots = {} if function == "notify" else {"SSL_CERT_FILE": str(FUNCTIONS / function / "amazon-roots.pem")}
            event = (ROOT / "events" / f"{sample}.json").read_bytes()
            kind = "error" if function in FAILS else "response"
            instructions, milliseconds = cost(FUNCTIONS / function / "bootstrap", event, settings | roots, kind)
        ratios = instructions / base[0], milliseconds / base[1]
        print(f"{function:<26}{instructions / 1e6:>13.1f} M{ratios[0]:>10.1f}{milliseconds:>7.1f} ms{ratios[1]:>10.1f}")


main(*sys.argv[1:])
