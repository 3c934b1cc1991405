"""From a form post to the mail, over everything that the template deploys (docs/deploy.md, CONTRIBUTING.md).

    infra/e2e

What each step shows is its name. Where MiniStack is wrong, the test says so and goes around it; the product does not.
"""

import email
import email.policy
import faulthandler
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from deployment import ACCOUNT, BASE_URL, REGION, ROOT, STACK, Deployment, Emulator, eventually
from wire import UNTOUCHED, Wire, grants

SAMPLES = ROOT / "events"
ADA = "ada@example.org"
BEN = "ben@example.org"
CLEO = "cleo@example.org"
DAN = "dan@example.org"
EVE = "eve@example.org"
FAY = "fay@example.org"
GUS = "gus@example.org"
HAL = "hal@example.org"
SENDER = "perennial.example"

# It takes two to five minutes; one that hangs says where.
STORY_S_MAX = 600

DECIDING = [
    "ingest-lead",
    "schedule-touch",
    "record-engagement",
    "sales-desk",
    "housekeep",
    "evaluate-requalification",
]
INBOX = f"{STACK}-inbox-{ACCOUNT}-{REGION}"


# What a role allows and this story does not need, or not at any hour: function, action, and on what. The reason above each.
NOT_NEEDED_HERE = [
    # No call of its own: without it S3 answers 403 for a mail that is gone, and not 404.
    ("record-engagement", "s3:ListBucket", INBOX),
    ("notify", "s3:ListBucket", INBOX),
    # Any decision may give a lead to a rep; which does here, the form's or a later one, is a matter of who comes first.
    *((function, "dynamodb:Query", "REP#*") for function in DECIDING),
    # A captcha's answer counts once, where a form asks for one.
    ("ingest-lead", "dynamodb:PutItem", "ONCE#*"),
    # Links that were followed are judged after minutes.
    ("schedule-touch", "dynamodb:Query", "LEAD#*"),
    # The breaker has closed; SES has suspended the account.
    ("schedule-touch", "dynamodb:PutItem", "SENDER#*"),
    ("schedule-touch", "dynamodb:PutItem", "CONTROL"),
    # A link to a desk is too old after 60 days; then a fresh one is sent.
    ("sales-desk", "dynamodb:PutItem", "EFFECT#*"),
    ("sales-desk", "dynamodb:DeleteItem", "EFFECT#*"),
    ("sales-desk", "ses:SendEmail", f"*@{SENDER}"),
    ("sales-desk", "ses:SendRawEmail", f"*@{SENDER}"),
    # Digests go out when their readers are in.
    ("notify", "dynamodb:PutItem", "NEWS#*"),
    ("notify", "dynamodb:DeleteItem", "NEWS#*"),
    # SES takes what it is given: nothing is let go of, and nobody stays untold.
    ("notify", "dynamodb:DeleteItem", "EFFECT#*"),
    ("notify", "dynamodb:PutItem", "UNTOLD"),
    ("notify", "dynamodb:DeleteItem", "UNTOLD"),
    # What was kept for months is let go of; whom SES has suppressed is suppressed; whoever leaves hands over.
    ("housekeep", "dynamodb:DeleteItem", "LEAD#*"),
    ("housekeep", "dynamodb:DeleteItem", "IDEM#*"),
    ("housekeep", "dynamodb:PutItem", "LEAD#*"),
    ("housekeep", "dynamodb:UpdateItem", "LEAD#*"),
    ("housekeep", "dynamodb:PutItem", "CONTROL"),
    ("housekeep", "dynamodb:DeleteItem", "CONTROL"),
]


def step(name):
    print(f"== {name}", flush=True)


class Story:
    def __init__(self, emulator):
        self.emulator = emulator
        self.deployment = Deployment(emulator)
        self.wire = Wire(emulator.endpoint, REGION, ACCOUNT)

    # --- what is there

    def lead_of(self, address):
        """A lead is found by its address only with the pepper; here, by its profile."""
        for item in self.deployment.items("LEAD#"):
            if item["SK"]["S"] == "PROFILE" and address in json.dumps(item):
                return item["PK"]["S"]
        return None

    def history(self, lead):
        """The names of all that happened to a lead."""
        rows = sorted(self.deployment.items(lead), key=lambda item: item["SK"]["S"])
        entries = [row["entries"] for row in rows if row["SK"]["S"].startswith("H#")]
        return re.findall(r'"type": \{"S": "([a-z_.]+)"\}', json.dumps(entries))

    def mails_to(self, address):
        mails = [mail for mail in self.wire.mails if address in mail["Destination"]["ToAddresses"]]
        return [(mail, parsed(mail)) for mail in mails]

    # --- the steps

    def a_template_with_a_parameter_missing_or_wrong_is_refused(self, template):
        step("a deployment that lacks what it needs is refused, with a word on what")
        for wrong, word in [
            ({"BaseUrl": "http://leads.example.com"}, "BaseUrl must be https://"),
            ({"SenderDomain": "me@example.com"}, "SenderDomain must be the domain"),
            ({"JwtIssuer": "https://issuer.example.com"}, "JwtIssuer needs JwtAudience"),
        ]:
            try:
                self.deployment.create(template, **wrong)
            except (ClientError, AssertionError) as error:
                assert word in str(error), error
                print(f"  {word}")
            else:
                raise AssertionError(f"it was deployed with {wrong}")

    def the_stack_is_deployed(self, template):
        step("the stack is deployed from nothing but the template and the functions")
        self.deployment.create(
            template,
            ReplyDomain=f"reply.{SENDER}",
            JwtIssuer="https://issuer.example.com",
            JwtAudience="sales",
            WebhookEvents="lead.qualified,deal.won",
            Dashboard="true",
        )
        for function in self.deployment.functions():
            roots = ROOT / "target/functions" / function / "amazon-roots.pem"  # there is no /var/task here
            assert roots.exists()
            self.deployment.configure(function, SSL_CERT_FILE=str(roots), **self.wire.endpoints(function))

    def a_form_is_asked_to_come_back_before_the_first_push(self):
        step("before the first push a form is asked to come back, and nothing is taken")
        status, _, headers = self.deployment.request("POST", "/v1/forms/contact", {"email": ADA})
        assert status == 503 and headers["retry-after"], status
        print(f"  {self.deployment.perennial('push', 'programs').strip()}")

    def a_form_becomes_a_lead_a_mail_and_an_alert(self):
        step("a form: API → table → stream → bus → mail, and an alert to sales")
        # Libraries look for a release every 30 s.
        post = {"email": ADA, "first_name": "Ada", "message": "How does it work? I would like to see it."}
        eventually("202", lambda: self.deployment.request("POST", "/v1/forms/contact", post)[0] == 202)
        lead = eventually("the lead is in the table", lambda: self.lead_of(ADA))
        [(mail, message)] = eventually("the first mail was handed to SES", lambda: self.mails_to(ADA))
        assert mail["function"] == "schedule-touch" and mail["ConfigurationSetName"] == STACK
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert {tag["Name"] for tag in mail["EmailTags"]} == {"lead", "touch", "attempt"}
        eventually("the mail counts as sent", lambda: "touch.sent" in self.history(lead))
        [alert, *_] = eventually("sales was told", lambda: self.notices_of(ADA))
        assert alert["Destination"]["ToAddresses"] == [f"robin.vale@{SENDER}"]
        return lead

    def links_change_nothing_until_somebody_presses(self, lead):
        step("a link in the mail: GET changes nothing, POST unsubscribes, and no mail follows")
        [(_, mail), *_] = self.mails_to(ADA)
        path = re.search(r"<https://[^/>]+(/v1/unsubscribe/[^>]+)>", mail["List-Unsubscribe"]).group(1)
        before = self.history(lead)
        status, page, _ = self.deployment.request("GET", path)
        assert status == 200 and "<form" in page and self.history(lead) == before
        print("  GET shows a page")
        body = b"List-Unsubscribe=One-Click"
        content = {"Content-Type": "application/x-www-form-urlencoded"}
        assert self.deployment.request("POST", path, body, content)[0] == 200
        assert "address.suppressed" in self.history(lead)[len(before) :]
        print("  POST unsubscribes")

    def doors_are_shut_to_whom_nobody_vouches_for(self):
        step("people need a token, machines a signature or a key, and what nobody serves is not there")
        for path, statuses in [
            ("/v1/sales/leads", {401}),
            ("/v1/crm/leads", {401, 403}),
            ("/v1/dispositions", {401}),
            ("/v1/events", {401}),
            ("/v1/desk/v1.k1.bm9ib2R5.AAAA", {400, 404}),
            ("/v1/leads", {404}),
        ]:
            method = "GET" if path.startswith(("/v1/sales", "/v1/crm", "/v1/desk", "/v1/leads")) else "POST"
            status, *_ = self.deployment.request(method, path, None if method == "GET" else {})
            assert status in statuses, (path, status)
            print(f"  {status} {path}")

    def sales_follows_the_link_of_its_alert(self, lead):
        step("sales: the link in an alert shows the lead, and a press on it counts")
        text = parsed(self.notices_of(ADA)[0]).get_body(("plain",)).get_content()
        path = re.search(r"https://[^/\s]+(/v1/desk/[\w./-]*[\w-])", text).group(1)
        status, page, _ = self.deployment.request("GET", path)
        assert status == 200 and "Ada" in page, status
        print("  the page tells of Ada")
        nonce = re.search(r'name="nonce" value="([^"]+)"', page).group(1)
        press = urlencode({"nonce": nonce, "outcome": "no_answer", "note": "Try again."}).encode()
        content = {"Content-Type": "application/x-www-form-urlencoded"}
        before = self.history(lead)
        for _ in range(2):
            status, *_ = self.deployment.request("POST", path, press, content)
            assert status in (200, 303), status
        assert self.history(lead)[len(before) :].count("disposition.recorded") == 1
        print("  one press that comes twice is one outcome")

    def reps_and_webhooks_are_put_in_force(self):
        step("a roster and a webhook: leads get an owner, and what happens is kept for the webhook")
        self.deployment.perennial("reps", "apply", "docs/examples/reps.toml")
        with tempfile.TemporaryDirectory() as directory:
            programs = Path(directory) / "programs"
            shutil.copytree(ROOT / "programs", programs)
            webhook = '\n[webhooks.crm]\nurl = "https://hooks.perennial.invalid/crm"\nevents = ["lead.qualified", "deal.won"]\n'
            with (programs / "catalog.toml").open("a") as catalog:
                catalog.write(webhook)
            print(f"  {self.deployment.perennial('push', str(programs)).strip()}")
        # A function looks at the release every 30 s, and when it starts: so they start anew.
        for function in self.deployment.functions():
            self.deployment.configure(function, STARTED_AFTER="the second push")

    def a_broadcast_is_tried_sent_and_stopped(self):
        step("a broadcast: a dry run counts, sending lets everybody of the segment have it, and stopping ends it")
        lead = self.lead_of(HAL)
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory) / "news"
            (folder / "touches").mkdir(parents=True)
            until = date.today() + timedelta(days=60)
            head = f'title = "News"\nage_min = "0m"\nbeside_sales = true\nuntil = "{until}"\n'
            (folder / "broadcast.toml").write_text(head + '[segment]\nnot = { stage = "quarantined" }\n')
            (folder / "touches" / "mail.md").write_text('+++\nsubject = "News"\nfrom = "team"\n+++\nThere is news.\n')
            tried = json.loads(self.deployment.perennial("broadcast", "dry-run", str(folder), "--json"))
            assert tried["get_it"] and "broadcast.queued" not in self.history(lead), tried
            sent = json.loads(self.deployment.perennial("broadcast", "send", str(folder), "--json"))
            assert sent["get_it"] == tried["get_it"], (sent, tried)
            again = json.loads(self.deployment.perennial("broadcast", "send", str(folder), "--json"))
            assert not again["get_it"] and self.history(lead).count("broadcast.queued") == 1, again
        self.deployment.perennial("broadcast", "stop", "news")
        status = json.loads(self.deployment.perennial("broadcast", "status", "news", "--json"))
        assert status["waiting"] + status["sent"] + sum(it["leads"] for it in status["skipped"]) == sent["get_it"], status
        print(f"  {sent['get_it']} of {sent['leads']} leads, once each")

    def what_a_webhook_wants_waits_for_its_server(self):
        step("the webhook's server is not there: what it wants is kept, and tried again")
        eventually("a delivery waits", lambda: self.deployment.items("HOOK#"))
        eventually(
            "it was tried", lambda: [item for item in self.deployment.items("HOOK#") if item["attempts"]["N"] != "0"]
        )

    def machines_tell_of_what_happens_elsewhere(self):
        step("a calendar tells of a meeting by its key, and the same twice counts once")
        lead = self.lead_of(ADA)
        event = {"id": "booking-4711", "type": "meeting_booked", "email": ADA}
        key = {"Authorization": f"Bearer {self.deployment.secrets['event-keys'].partition(':')[2]}"}
        before = self.history(lead)
        for _ in range(2):
            status, body, _ = self.deployment.request("POST", "/v1/events", event, key)
            assert status in (200, 202), body
        assert self.history(lead)[len(before) :].count("signal.recorded") == 1

    def an_automatic_answer_is_forgotten(self):
        step("an out-of-office: it is nobody's answer, and gone from the bucket at once")
        [(_, mail), *_] = self.mails_to(CLEO)
        self.somebody_answers(CLEO, mail, "Auto-Submitted: auto-replied\r\n")
        eventually("the bucket is empty", self.is_inbox_empty)
        assert len(self.forwarded(CLEO)) == 1

    def sales_looks_at_its_list(self):
        step("sales: a list, by a link from the command line")
        link = self.deployment.perennial("desk", "--queue", "sdr").split()[0]
        status, page, _ = self.deployment.request("GET", link.removeprefix(BASE_URL))
        assert status == 200 and "Ada" in page, status

    def the_daily_chores_are_done(self):
        step("housekeep: after somebody was erased, the daily chores find nothing that was left")
        self.deployment.perennial("erase", BEN)
        # MiniStack's suppression list is always empty.
        answer = json.loads(self.call("housekeep", json.loads((SAMPLES / "housekeep-tick.json").read_text()), wait=True))
        failed = [done["chore"] for done in answer["done"] if done["counts"] is None]
        assert len(answer["done"]) == 4 and not failed, answer
        print(f"  {', '.join(done['chore'] for done in answer['done'])}")

    def a_bounce_ends_the_mail(self):
        step("a bounce by the second path (SNS → SQS): the address is known to be dead")
        lead = self.a_lead_comes_in(BEN)
        [(mail, _)] = eventually("their first mail", lambda: self.mails_to(BEN))
        self.tell_feedback(self.told(mail, "ses-bounce-permanent"))
        eventually("the address is suppressed", lambda: "address.suppressed" in self.history(lead))
        return mail

    def ses_events_find_their_way(self, mail):
        step("SES's events by EventBridge: the rule takes what SES sends, the function takes what the rule hands on")
        events = self.emulator.client("events")
        pattern = events.describe_rule(Name=f"{STACK}-mail-events")["EventPattern"]
        samples = sorted(SAMPLES.glob("ses-*.json"))
        for sample in samples:
            event = sample.read_text()
            assert events.test_event_pattern(EventPattern=pattern, Event=event)["Result"], sample.name
            foreign = event.replace('"perennial"', '"another"')
            assert not events.test_event_pattern(EventPattern=pattern, Event=foreign)["Result"], sample.name
        print(f"  the rule takes {len(samples)} samples, and none of another configuration set")
        # Nobody but SES may put events of aws.ses onto a bus, so the function is called as the rule calls it.
        event = json.loads((SAMPLES / "ses-delivery.json").read_text())
        event["detail"] = self.told(mail, "ses-delivery")
        self.call("record-engagement", event)
        lead = self.lead_of(BEN)
        eventually(
            "a delivery is kept", lambda: any("#delivered" in item["SK"]["S"] for item in self.deployment.items(lead))
        )

    def one_poison_record_is_set_aside_and_nine_are_done(self, mail):
        step("nine good records and one that nobody can read: nine are done, one is set aside (F18)")
        queue = self.deployment.queue("feedback")
        # Five receipts, as in the template, but not half an hour between them.
        self.deployment.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "1"})
        self.deployment.sqs.send_message_batch(
            QueueUrl=queue,
            Entries=[
                {"Id": str(number), "MessageBody": "not JSON" if number == 4 else json.dumps(self.told(mail, "ses-complaint"))}
                for number in range(10)
            ],
        )
        eventually("one record is set aside", lambda: self.deployment.waiting("failed-feedback") == 1)
        eventually("none waits", lambda: self.deployment.waiting("feedback") == 0)
        lead = self.lead_of(BEN)
        kept = [item for item in self.deployment.items(lead) if "#complained" in item["SK"]["S"]]
        assert len(kept) == 1, "five times nine complaints are one"
        print("  nine complaints about one mail are one")

    def a_function_that_runs_out_of_time_has_done_what_it_did(self):
        step("time runs out in the middle of a batch: what was done stays, and the rest comes back (F30)")
        leads = [self.a_lead_comes_in(address) for address in (FAY, GUS)]
        mails = [eventually("their first mail", partial(self.mails_to, address))[0][0] for address in (FAY, GUS)]
        queue, name = self.deployment.queue("feedback"), f"{STACK}-record-engagement"
        seconds = self.deployment.awslambda.get_function_configuration(FunctionName=name)["Timeout"]
        self.deployment.awslambda.update_function_configuration(FunctionName=name, Timeout=3)
        hung = []

        def hang(operation, body, _):
            if operation != "TransactWriteItems" or leads[1] not in body.decode():
                return UNTOUCHED
            hung.append(operation)
            time.sleep(6)
            return None

        self.wire.meddle("record-engagement", hang)
        self.deployment.sqs.send_message_batch(
            QueueUrl=queue,
            Entries=[
                {"Id": str(number), "MessageBody": json.dumps(self.told(mail, "ses-bounce-permanent"))}
                for number, mail in enumerate(mails)
            ],
        )
        eventually("the second of two hangs", lambda: hung)
        assert "address.suppressed" in self.history(leads[0])
        print("  the first is done")
        eventually("the second is done, too", lambda: "address.suppressed" in self.history(leads[1]))
        eventually("none waits", lambda: self.deployment.waiting("feedback") == 0)
        for lead in leads:
            assert self.history(lead).count("address.suppressed") == 1
        self.deployment.awslambda.update_function_configuration(FunctionName=name, Timeout=seconds)

    def a_bus_that_takes_a_part_gets_the_rest_again(self):
        step("the bus takes all events of a call but one: that one is put again, and no other (F32)")
        refused, before = [], len(self.wire.puts)

        def refuse_one(operation, body, hand_on):
            entries = json.loads(body)["Entries"] if operation == "PutEvents" else []
            if len(entries) < 2:
                return UNTOUCHED
            status, headers, content = hand_on(json.dumps({"Entries": entries[1:]}).encode())
            answer = json.loads(content)
            answer["Entries"].insert(0, {"ErrorCode": "ThrottlingException", "ErrorMessage": "later"})
            refused.append((entries[0]["DetailType"], entries[0]["Detail"]))
            return status, headers, json.dumps({**answer, "FailedEntryCount": 1}).encode()

        self.wire.meddle("publish-history", refuse_one)
        self.a_lead_comes_in(HAL)
        eventually("one is refused", lambda: refused)
        again = eventually("it is put again", lambda: [put for put in self.wire.puts[before:] if put == refused])
        puts = [event for put in self.wire.puts[before:] for event in put]
        assert len(again) == 1 and puts.count(refused[0]) == 2 and len(set(puts)) == len(puts) - 1
        eventually("sales is told", lambda: self.notices_of(HAL))

    def an_answer_reaches_its_owner(self):
        step("an answer by mail: bucket → lead → bus → the owner, and the mail is gone from the bucket")
        lead = self.a_lead_comes_in(CLEO)
        [(_, mail)] = eventually("their first mail", lambda: self.mails_to(CLEO))
        self.somebody_answers(CLEO, mail)
        eventually("it is a sign of the lead", lambda: "reply.received" in self.history(lead))
        assert len(eventually("it is forwarded, with Cleo to answer to", lambda: self.forwarded(CLEO))) == 1
        eventually("the bucket is empty", self.is_inbox_empty)

    def what_could_not_be_taken_in_is_taken_in_after_a_redrive(self):
        step("record-engagement is broken: a mail ends in a queue, and is taken in after infra/redrive")
        # MiniStack hands events of a rule to a function once, and has no destination for them; of S3 it does.
        self.a_lead_comes_in(DAN)
        [(_, mail)] = eventually("their first mail", lambda: self.mails_to(DAN))
        before = self.deployment.configure("record-engagement", PERENNIAL_TABLE="elsewhere")
        self.somebody_answers(DAN, mail)
        eventually("what failed thrice waits in a queue", lambda: self.deployment.waiting("failed-mail-events"))
        assert not self.forwarded(DAN)
        self.restore("record-engagement", before)
        print(f"  {self.redrive('failed-mail-events')}")
        assert len(eventually("the answer is forwarded", lambda: self.forwarded(DAN))) == 1
        eventually("the bucket is empty", self.is_inbox_empty)

    def history_that_was_given_up_is_published_after_a_redrive(self):
        step("publish-history is broken for longer than its rows may wait: they are set aside, and published after a redrive (F19)")
        mapping = self.stream_mapping()
        # The least that Lambda takes, where the template says six hours. Of an answer that names records (which the
        # function gives while the bus is down) MiniStack takes no notice, so here it does not even start.
        self.deployment.awslambda.update_event_source_mapping(UUID=mapping, MaximumRecordAgeInSeconds=60)
        before = self.deployment.configure("publish-history", PERENNIAL_BUS="")
        lead = self.a_lead_comes_in(EVE)
        eventually("the rows were given up", lambda: self.deployment.waiting("failed-history"), patience_s=180)
        assert not self.notices_of(EVE) and "touch.sent" in self.history(lead), "a sweep needs no bus"
        self.restore("publish-history", before)
        print(f"  {self.redrive('failed-history')}")
        eventually("sales is told of Eve", lambda: self.notices_of(EVE))

    def ticks_come(self):
        step("schedules: the sweep and notify are called by Scheduler")
        for function in ["schedule-touch", "notify"]:
            before = self.looks_at_pulses(function)
            eventually(f"{function} looks for what is due", lambda: self.looks_at_pulses(function) > before)

    def looks_at_pulses(self, function):
        looks = [call for call in self.wire.calls if call.function == function and call.resource.endswith("/index/pulse")]
        return sum(self.wire.calls[call] for call in looks)

    def nobody_is_lost(self):
        step("perennial audit: nobody is lost")
        print("  " + self.deployment.perennial("audit").strip().replace("\n", "\n  "))

    def each_function_did_what_its_role_allows_and_no_more(self):
        step("every call was allowed, and everything that is allowed was needed (P9)")
        iam = self.emulator.client("iam")
        granted = []
        for function in self.deployment.functions():
            role = self.deployment.awslambda.get_function_configuration(FunctionName=f"{STACK}-{function}")["Role"]
            granted += grants(iam, role.rpartition("/")[2], function)
        # The table that is not there is what broke a function, above.
        calls = [call for call in self.wire.calls if not call.resource.endswith("table/elsewhere")]
        refused = [str(call) for call in calls if not any(grant.allows(call) for grant in granted)]
        idle = {grant for grant in granted if not any(grant.allows(call) for call in calls)}
        idle = {grant for grant in idle if not any(grant.is_like(*known) for known in NOT_NEEDED_HERE)}
        unknown = [known for known in NOT_NEEDED_HERE if not any(grant.is_like(*known) for grant in granted)]
        assert not refused, "AWS would refuse:\n" + "\n".join(refused)
        assert not idle, "nothing needed:\n" + "\n".join(map(str, idle))
        assert not unknown, f"no role allows what is listed as not needed here: {unknown}"
        print(f"  {len(calls)} kinds of calls by {len(granted)} grants")

    # --- helpers

    def a_lead_comes_in(self, address):
        name = address.partition("@")[0].capitalize()
        post = {"email": address, "first_name": name, "message": "Could we talk about it next week?"}
        status, body, _ = self.deployment.request("POST", "/v1/forms/contact", post)
        assert status == 202, body
        return eventually(f"{name} came in", lambda: self.lead_of(address))

    def somebody_answers(self, address, mail, headers=""):
        """What SES puts into the bucket."""
        answer = (
            f"From: {address}\r\nTo: {mail['Reply-To']}\r\nSubject: Re: {mail['Subject']}\r\n"
            f"Message-ID: <{len(headers)}.{address}>\r\nDate: Thu, 26 Nov 2026 12:00:00 +0000\r\n"
            "Authentication-Results: amazonses.com; spf=pass; dkim=pass; dmarc=pass header.from=example.org\r\n"
            f"X-SES-Spam-Verdict: PASS\r\nX-SES-Virus-Verdict: PASS\r\n{headers}\r\n"
            "Yes, next Tuesday would be good. Who will be there?\r\n"
        )
        key = f"inbound/{address.partition('@')[0]}-{len(headers)}"
        self.deployment.s3.put_object(Bucket=INBOX, Key=key, Body=answer.encode())

    def forwarded(self, address):
        return [mail for mail in self.notices() if address in parsed(mail).get("Reply-To", "")]

    def is_inbox_empty(self):
        return "Contents" not in self.deployment.s3.list_objects_v2(Bucket=INBOX)

    def told(self, mail, sample):
        """What SES tells of a mail that was handed to it, after a sample."""
        detail = json.loads((SAMPLES / f"{sample}.json").read_text())["detail"]
        detail["mail"]["tags"].update({tag["Name"]: [tag["Value"]] for tag in mail["EmailTags"]})
        return detail

    def tell_feedback(self, detail):
        topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:{STACK}-feedback"
        self.emulator.client("sns").publish(TopicArn=topic, Message=json.dumps(detail))

    def call(self, function, event, wait=False):
        kind = "RequestResponse" if wait else "Event"
        answer = self.deployment.awslambda.invoke(
            FunctionName=f"{STACK}-{function}", InvocationType=kind, Payload=json.dumps(event)
        )
        assert "FunctionError" not in answer, answer["Payload"].read()
        return answer["Payload"].read().decode()

    def notices(self):
        return [mail for mail in self.wire.mails if mail["function"] == "notify"]

    def notices_of(self, address):
        return [mail for mail in self.notices() if address in whole(mail)]

    def restore(self, function, variables):
        self.deployment.awslambda.update_function_configuration(
            FunctionName=f"{STACK}-{function}", Environment={"Variables": variables}
        )

    def stream_mapping(self):
        mappings = self.deployment.awslambda.list_event_source_mappings(FunctionName=f"{STACK}-publish-history")
        return mappings["EventSourceMappings"][0]["UUID"]

    def redrive(self, queue):
        command = [sys.executable, ROOT / "infra" / "redrive", STACK, queue]
        ran = subprocess.run(command, env=self.emulator.environment, check=True, capture_output=True, text=True)
        return ran.stdout.strip()


def parsed(mail):
    return email.message_from_string(mail["mime"], policy=email.policy.default)


def whole(mail):
    """All that a mail says, however its lines were folded and encoded."""
    message = parsed(mail)
    bodies = [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join([*(f"{name}: {value}" for name, value in message.items()), *bodies])


def main():
    faulthandler.dump_traceback_later(STORY_S_MAX, exit=True)
    with tempfile.TemporaryDirectory() as directory, Emulator(directory) as emulator:
        story = Story(emulator)
        story.deployment.put_secrets()
        template = story.deployment.package()
        story.a_template_with_a_parameter_missing_or_wrong_is_refused(template)
        story.the_stack_is_deployed(template)
        story.a_form_is_asked_to_come_back_before_the_first_push()
        lead = story.a_form_becomes_a_lead_a_mail_and_an_alert()
        story.links_change_nothing_until_somebody_presses(lead)
        story.doors_are_shut_to_whom_nobody_vouches_for()
        story.sales_follows_the_link_of_its_alert(lead)
        story.machines_tell_of_what_happens_elsewhere()
        story.sales_looks_at_its_list()
        story.reps_and_webhooks_are_put_in_force()
        mail = story.a_bounce_ends_the_mail()
        story.ses_events_find_their_way(mail)
        story.one_poison_record_is_set_aside_and_nine_are_done(mail)
        story.a_function_that_runs_out_of_time_has_done_what_it_did()
        story.a_bus_that_takes_a_part_gets_the_rest_again()
        story.a_broadcast_is_tried_sent_and_stopped()
        story.what_a_webhook_wants_waits_for_its_server()
        story.an_answer_reaches_its_owner()
        story.an_automatic_answer_is_forgotten()
        story.what_could_not_be_taken_in_is_taken_in_after_a_redrive()
        story.history_that_was_given_up_is_published_after_a_redrive()
        story.ticks_come()
        story.the_daily_chores_are_done()
        story.nobody_is_lost()
        story.each_function_did_what_its_role_allows_and_no_more()
        print("the deployment holds")


if __name__ == "__main__":
    main()
