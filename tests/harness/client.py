# SPDX-License-Identifier: MIT
"""The HTTP API as the tests use it. Every shape that several tests rely on is spelled out here."""
import json
import time

import httpx


def ndjson(events):
    return b"".join(json.dumps(e, ensure_ascii=False).encode() + b"\n" for e in events)


class Refused(Exception):
    """An answer that is not 2xx, with its problem document."""

    def __init__(self, response):
        self.status = response.status_code
        try:
            self.problem = response.json()
        except ValueError:
            self.problem = {}
        self.code = self.problem.get("code")
        super().__init__(f"{response.request.method} {response.request.url.path} -> "
                         f"{self.status} {response.text[:800]}")


def checked(response):
    if response.status_code // 100 != 2:
        raise Refused(response)
    return response


class Client:
    """One keep-alive connection to a server."""

    def __init__(self, url, headers=None, timeout=30):
        self.url = url
        self.http = httpx.Client(base_url=url, headers=headers or {}, timeout=timeout,
                                 trust_env=False)

    def close(self):
        self.http.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # events
    def post(self, topic, body, *, content_type="application/x-ndjson", encoding=None, params=None,
             idempotency_key=None, headers=None):
        """Raw answer to an events request; body is bytes or an iterator of bytes."""
        heads = {"Content-Type": content_type, **(headers or {})}
        if encoding:
            heads["Content-Encoding"] = encoding
        if idempotency_key:
            heads["Idempotency-Key"] = idempotency_key
        return self.http.post(f"/api/v1/topics/{topic}/events", content=body, headers=heads,
                              params=params)

    def send(self, topic, events, **options):
        """Posts events as NDJSON; every one must be accepted. Returns the answer."""
        answer = checked(self.post(topic, ndjson(events), **options)).json()
        assert answer["accepted"] == len(events), answer
        return answer

    def records(self, topic, partition=0, offset=0, limit=1000):
        return checked(self.http.get(f"/api/v1/topics/{topic}/records", params={
            "partition": partition, "offset": offset, "limit": limit})).json()

    # topics
    def create_topic(self, name, **settings):
        params = settings.pop("params", None)
        return checked(self.http.post("/api/v1/topics", json={"name": name, **settings},
                                      params=params)).json()

    def topic(self, name):
        return checked(self.http.get(f"/api/v1/topics/{name}")).json()

    def topics(self):
        return checked(self.http.get("/api/v1/topics")).json()["topics"]

    def change_topic(self, name, **settings):
        return checked(self.http.patch(f"/api/v1/topics/{name}", json=settings)).json()

    def delete_topic(self, name, **params):
        return checked(self.http.delete(f"/api/v1/topics/{name}", params=params))

    # dead letters
    def dead(self, topic, **params):
        """One page of the dead letters."""
        return checked(self.http.get(f"/api/v1/topics/{topic}/dead", params=params)).json()

    def dead_summary(self, topic):
        return checked(self.http.get(f"/api/v1/topics/{topic}/dead/summary")).json()

    def start_redrive(self, topic, **request):
        return checked(self.http.post(f"/api/v1/topics/{topic}/dead/redrive", json=request)).json()

    def redrive(self, topic, seconds=30, **request):
        """Starts a re-drive and waits for its end; returns the job."""
        job = self.start_redrive(topic, **request)
        path = f"/api/v1/topics/{topic}/dead/redrive/{job['id']}"
        deadline = time.monotonic() + seconds
        while job["state"] in ("running", "cancelling"):
            assert time.monotonic() < deadline, job
            job = checked(self.http.get(path)).json()
        return job

    # tables
    def flush(self, table, timeout=60):
        """Lands everything acknowledged so far; returns the answer with its Delta `version`."""
        return checked(self.http.post(f"/api/v1/tables/{table}/flush", timeout=timeout)).json()

    # SQL
    def post_query(self, sql, **options):
        return self.http.post("/api/v1/query", json={"sql": sql, **options}, timeout=90)

    def query(self, sql, **options):
        """The whole JSON answer."""
        return checked(self.post_query(sql, **options)).json()

    def rows(self, sql, **options):
        return [tuple(r) for r in self.query(sql, **options)["rows"]]

    def value(self, sql, **options):
        rows = self.rows(sql, **options)
        assert len(rows) == 1 and len(rows[0]) == 1, rows
        return rows[0][0]

    # state
    def health(self):
        return self.http.get("/api/v1/health").json()

    def metrics(self):
        return checked(self.http.get("/api/v1/metrics")).json()
