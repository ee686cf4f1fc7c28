#!/usr/bin/env python3
"""A Lambda function on the Runtime API, for the tests of the local Lambda.

What it does is in the event: {"detail": {"do": "succeed" | "fail" | "fail-twice" | "crash" | "hang" | "refuse"}}.
"""

import json
import os
import pathlib
import sys
import time
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"


def post(path, body, headers=None):
    request = urllib.request.Request(API + path, json.dumps(body).encode(), headers or {}, method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 202, answer.status


def attempts(request_id):
    record = pathlib.Path(os.environ["RECORDS"]) / request_id
    with record.open("a") as file:
        file.write(".")
    return len(record.read_text())


def handle(event, headers):
    what = event.get("detail", {}).get("do", "succeed")
    tries = attempts(headers["Lambda-Runtime-Aws-Request-Id"])
    if what == "crash":
        print("going down", file=sys.stderr, flush=True)
        sys.exit(3)
    if what == "hang":
        time.sleep(60)
    if what == "fail" or (what == "fail-twice" and tries < 3):
        raise ValueError(f"told to fail, attempt {tries}")
    return {
        "process": os.getpid(),
        "handler": os.environ["_HANDLER"],
        "endpoint": os.environ.get("AWS_ENDPOINT_URL"),
        "clock": os.environ["STATEFUL_ASG_SIM_CLOCK"],
        "deadline_ms": int(headers["Lambda-Runtime-Deadline-Ms"]),
        "arn": headers["Lambda-Runtime-Invoked-Function-Arn"],
    }


def main():
    if os.environ.get("REFUSE"):
        post("/init/error", {"errorType": "Config", "errorMessage": "will not start"})
        time.sleep(60)
    while True:
        with urllib.request.urlopen(API + "/invocation/next") as answer:
            event, headers = json.load(answer), answer.headers
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            result = handle(event, headers)
        except ValueError as error:
            body = {"errorType": "ValueError", "errorMessage": str(error)}
            post(f"/invocation/{request_id}/error", body, {"Lambda-Runtime-Function-Error-Type": "ValueError"})
        else:
            post(f"/invocation/{request_id}/response", result)


main()
