"""A stand-in for AWS, for tests: moto behind what moto lacks.

moto does not speak CBOR, which the SDKs of CloudWatch and Performance Insights speak: it is translated here to the JSON
that moto knows. What moto does not do at all (throttling, refusals, pages, partial data, states of queries) is answered
from scripts. Every request is kept as it came, since moto answers whatever it is asked.

It listens on a free port of the loopback, or of the address that is its argument, and tells the port in its first line
of output. Then it does what each line of its input says, answers with a line, and ends when its input does:

  {"key", "operation", "answers": [...]}   answers, in order, to this operation when it is signed with this access key id;
                                           the last one is repeated. An answer is one of
                                             {"moto": true}                  what moto says
                                             {"status", "code", "message"}   an error
                                             {"answer": {...}}               CBOR or JSON
                                             {"xml": "..."}                  for services that speak XML
                                             {"silence": SECONDS}            none for so long
  {}                                       all requests so far, each {"key", "service", "region", "operation",
                                           "parameters", "token"}
"""

import datetime
import gzip
import http.client
import json
import logging
import os
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

import cbor2
from moto.server import ThreadedMotoServer

JSON_TARGETS = {"monitoring": "GraniteServiceVersion20100801"}
TIMES = {"Timestamp", "Timestamps", "StartTime", "EndTime", "AlignedStartTime", "AlignedEndTime"}


class Scripts:
    """What is answered in place of moto, and what was asked."""

    def __init__(self):
        self._lock = threading.Lock()
        self._answers = {}
        self._requests = []

    def obey(self, command):
        with self._lock:
            if not command:
                return self._requests
            self._answers[(command["key"], command["operation"])] = command["answers"]
            return {}

    def next(self, request):
        with self._lock:
            self._requests.append(request)
            answers = self._answers.get((request["key"], request["operation"]))
            if not answers:
                return {"moto": True}
            return answers.pop(0) if len(answers) > 1 else answers[0]


def plain(value):
    """A value of CBOR as JSON has it: instants are whole seconds since 1970."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime.datetime):
        return int(value.timestamp())
    return value


def with_instants(value, name=None):
    """A value of JSON as CBOR has it."""
    if isinstance(value, dict):
        return {key: with_instants(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [with_instants(item, name) for item in value]
    if name in TIMES and isinstance(value, (int, float)):
        return cbor2.CBORTag(1, value)
    if name in TIMES and isinstance(value, str):
        return cbor2.CBORTag(1, datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp())
    return value


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    scripts = Scripts()
    moto_port = 0

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request, protocol = self.read(body)
        answer = self.scripts.next(request)
        if "silence" in answer:
            time.sleep(answer["silence"])
            answer = {"status": 503, "code": "ServiceUnavailable", "message": "at last"}
        if "moto" in answer:
            return self.ask_moto(request, protocol, body)
        if "xml" in answer:
            return self.reply(200, "text/xml", answer["xml"].encode())
        if "answer" in answer:
            return self.answer(200, protocol, answer["answer"])
        return self.refuse(protocol, answer["status"], answer["code"], answer["message"])

    def read(self, body):
        """What is asked, and in which protocol."""
        credential = self.headers.get("Authorization", "").partition("Credential=")[2].partition(",")[0]
        key, _, region, service, _ = (credential.split("/") + [""] * 5)[:5]
        if self.headers.get("smithy-protocol") == "rpc-v2-cbor":
            protocol, operation = "cbor", self.path.rpartition("/")[2]
            parameters = plain(cbor2.loads(body)) if body else {}
        elif "X-Amz-Target" in self.headers:
            protocol, operation = "json", self.headers["X-Amz-Target"].rpartition(".")[2]
            parameters = json.loads(body or b"{}")
        else:
            protocol, parameters = "query", dict(urllib.parse.parse_qsl(body.decode()))
            operation = parameters.get("Action", "")
        token = self.headers.get("X-Amz-Security-Token")
        request = {"key": key, "service": service, "region": region, "operation": operation}
        return {**request, "parameters": parameters, "token": token}, protocol

    def ask_moto(self, request, protocol, body):
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-length"}
        path = self.path
        if protocol == "cbor":
            if request["service"] not in JSON_TARGETS:
                return self.refuse(protocol, 501, "NotImplemented", "neither moto nor a script answers this")
            target = JSON_TARGETS[request["service"]]
            headers = {name: value for name, value in headers.items() if not name.lower().startswith("smithy")}
            headers |= {"X-Amz-Target": f"{target}.{request['operation']}", "Content-Type": "application/x-amz-json-1.0"}
            path, body = "/", json.dumps(request["parameters"]).encode()
        headers = {name: value for name, value in headers.items() if name.lower() != "content-encoding"}
        connection = http.client.HTTPConnection("127.0.0.1", self.moto_port, timeout=60)
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            text, kind = response.read(), response.getheader("Content-Type", "text/plain")
        finally:
            connection.close()
        if protocol == "cbor":
            return self.answer(response.status, protocol, json.loads(text) if text else {})
        return self.reply(response.status, kind, text)

    def refuse(self, protocol, status, code, message):
        if protocol != "query":
            return self.answer(status, protocol, {"__type": code, "message": message})
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        )
        return self.reply(status, "text/xml", text.encode())

    def answer(self, status, protocol, value):
        if protocol == "cbor":
            return self.reply(status, "application/cbor", cbor2.dumps(with_instants(value)), {"smithy-protocol": "rpc-v2-cbor"})
        return self.reply(status, "application/x-amz-json-1.1", json.dumps(value).encode())

    def reply(self, status, kind, body, headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    Handler.moto_port = moto.get_host_and_port()[1]
    address = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    server = ThreadingHTTPServer((address, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    # The tests hold the other end: it closes also when they are killed.
    for line in sys.stdin:
        print(json.dumps(Handler.scripts.obey(json.loads(line))), flush=True)
    os._exit(0)


main()
