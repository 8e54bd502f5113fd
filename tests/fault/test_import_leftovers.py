# SPDX-License-Identifier: MIT
"""The files of an import that has ended go without anybody waiting for it."""
import httpx

from harness.server import wait_for


def test_removing_an_imports_files_holds_up_nobody(server, connect, faults_library, tmp_path):
    """A kernel may take seconds to let go of many GiB: the server answers meanwhile."""
    arm, log = tmp_path / "arm", tmp_path / "calls"
    one = server(env={"LD_PRELOAD": str(faults_library), "TARN_FAULT": "unlink:1:0:held",
                      "TARN_FAULT_ARM": str(arm), "TARN_FAULT_LOG": str(log)})
    client = connect(one, timeout=10)
    arm.touch()
    try:
        answer = client.http.post("/api/v1/tables/t", content=b'a,b\n1,"open\n',
                                  headers={"Content-Type": "text/csv"})
        assert answer.status_code == 400, answer.text
        wait_for(lambda: "held" in log.read_text(), 10, "the removal to begin")
        assert client.health()["state"] == "ok"
        client.send("events", [{"n": 1}])
    except httpx.TimeoutException as error:
        raise AssertionError("nothing is answered while files are removed") from error
    finally:
        arm.unlink()
    wait_for(lambda: not list((one.data / "lake" / "_imports").glob("*")), 10, "the folder to go")
