# SPDX-License-Identifier: MIT
"""An import that does not fit the disk is refused with 507, wherever it was, and changes nothing."""
import pytest

from harness.server import wait_for


def post(client, table, body, mode="append"):
    return client.http.post(f"/api/v1/tables/{table}", content=body, params={"mode": mode},
                            headers={"Content-Type": "text/csv"}, timeout=120)


def leftovers(server):
    lake = server.data / "lake"
    return [*(lake / "_imports").glob("*"), *lake.glob("main/*/_staging/*")]


@pytest.mark.timeout(240)
def test_a_full_disk_refuses_an_import_and_heals(server, connect, small_disk):
    disk = small_disk(512)
    one = server(data=disk.path / "data")
    client = connect(one)
    assert post(client, "t", b"a\n1\n").status_code == 201
    filler = disk.path / "filler"
    filler.write_bytes(bytes(1 << 20) * 400)
    lines = b"".join(b"%d,%064x\n" % (i, i * 2654435761 % 2**256) for i in range(1_500_000))
    answer = post(client, "t", b"a,b\n" + lines)  # over 100 MB: the body alone does not fit
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full"), answer.text
    assert client.value("SELECT count(*) FROM t") == 1
    wait_for(lambda: not leftovers(one), 20, "the folders to go")
    filler.unlink()
    assert post(client, "t", b"a\n2\n").status_code == 201
    assert client.value("SELECT count(*) FROM t") == 2
