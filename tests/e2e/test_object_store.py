"""`cxr publish --to`: a release goes to an S3 server, is taken up again after a kill, and no secret is told."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from building import ROOT, Build, Result, run, tree

pytestmark = pytest.mark.e2e

_KEY_ID, _SECRET = "AKIAHILUMTESTSONLY00", "s3cr3t-of-the-tests-that-nobody-may-see"
_AT_REST_S = 1.0


@dataclass(frozen=True, slots=True)
class Store:
    """An S3 server on this machine and what is needed to write there."""

    url: str
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        keys = {"AWS_ACCESS_KEY_ID": _KEY_ID, "AWS_SECRET_ACCESS_KEY": _SECRET, "AWS_DEFAULT_REGION": "eu-central-1"}
        return {"PATH": os.environ["PATH"], "HOME": str(self.home), "AWS_ENDPOINT_URL": self.url, **keys}

    @property
    def client(self) -> "boto3.client":
        keys = {"aws_access_key_id": _KEY_ID, "aws_secret_access_key": _SECRET, "region_name": "eu-central-1"}
        return boto3.client("s3", endpoint_url=self.url, **keys)

    def lying(self, bucket: str) -> set[str]:
        return {item["Key"] for item in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])}

    def left_lying(self, bucket: str) -> set[str]:
        """What lies there once nothing more arrives: the server ends what a killed client had sent whole."""
        before, there = None, self.lying(bucket)
        while there != before:
            time.sleep(_AT_REST_S)
            before, there = there, self.lying(bucket)
        return there


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("s3")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_for(port, server)
            yield Store(f"http://127.0.0.1:{port}", home)
        finally:
            server.terminate()
            server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    while True:
        assert server.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def bucket(store: Store, request: pytest.FixtureRequest) -> str:
    name = request.node.name.replace("_", "-")[:60].strip("-")
    store.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return name


def _command(build: Build, url: str, *arguments: str) -> list[str]:
    start = [sys.executable, "-c", "from flows.cli import main; main()", "publish", "--to", url]
    return [*start, "--release", str(build.release), *arguments]


def _publish(build: Build, store: Store, url: str, *arguments: str) -> Result:
    result = run(_command(build, url, *arguments), store.environment)
    assert not [secret for secret in (_SECRET, _KEY_ID) if secret in result.out + result.err]
    return result


def _content(store: Store, bucket: str, folder: Path) -> dict[str, str]:
    for key in store.lying(bucket):
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        store.client.download_file(bucket, key, str(folder / key))
    return tree(folder)


def test_the_public_tree_goes_and_nothing_else(base_build: Build, store: Store, bucket: str, tmp_path: Path) -> None:
    result = _publish(base_build, store, f"s3://{bucket}/sets", "--json")
    files = tree(base_build.public)
    assert (result.code, result.err) == (0, "")
    assert {**json.loads(result.out), "sent_bytes": 0} == {
        "place": f"s3://{bucket}/sets/cxr-1.0.0",
        "sent": len(files),
        "kept": 0,
        "sent_bytes": 0,
    }
    assert _content(store, bucket, tmp_path) == {f"sets/cxr-1.0.0/{name}": digest for name, digest in files.items()}


def test_the_withheld_tree_goes_where_it_is_asked_for(base_build: Build, store: Store, bucket: str) -> None:
    assert _publish(base_build, store, f"s3://{bucket}", "--withheld", "--quiet").code == 0
    assert {key.split("/")[0] for key in store.lying(bucket)} == {"cxr-1.0.0-withheld"}


def test_a_withheld_tree_that_is_named_does_not_go_by_itself(base_build: Build, store: Store, bucket: str) -> None:
    command = _command(base_build, f"s3://{bucket}")
    result = run([*command[:-1], str(base_build.withheld)], store.environment)
    assert (result.code, result.err) == (2, "cxr: cxr-1.0.0-withheld is withheld; --withheld says that it may go\n")
    assert store.lying(bucket) == set()


def test_a_copy_that_is_killed_is_no_release_and_goes_on(
    base_build: Build, store: Store, bucket: str, tmp_path: Path
) -> None:
    command = _command(base_build, f"s3://{bucket}", "--quiet")
    process = subprocess.Popen(command, cwd=ROOT, env=store.environment)
    while not store.lying(bucket):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    there = store.left_lying(bucket)
    assert 0 < len(there) < len(tree(base_build.public))
    assert "cxr-1.0.0/SHA256SUMS.txt" not in there

    told = json.loads(_publish(base_build, store, f"s3://{bucket}", "--json").out)

    assert (told["kept"], told["sent"]) == (len(there), len(tree(base_build.public)) - len(there))
    assert _content(store, bucket, tmp_path) == {f"cxr-1.0.0/{k}": v for k, v in tree(base_build.public).items()}
    again = _publish(base_build, store, f"s3://{bucket}")
    assert re_sent(again) == "0 files sent (0.0 MiB)"


def re_sent(result: Result) -> str:
    """The middle of the last line: `PLACE: N files sent (M MiB), K there`."""
    return result.out.split(": ", 1)[1].rpartition(", ")[0]


def test_a_bucket_that_is_not_there_is_refused(base_build: Build, store: Store) -> None:
    result = _publish(base_build, store, "s3://no-such-bucket/sets", "--quiet")
    assert (result.code, result.out) == (2, "")
    assert result.err == "cxr: s3://no-such-bucket/sets does not exist: no such bucket or folder\n"


def test_without_credentials_the_line_says_where_they_are_looked_for(base_build: Build, store: Store) -> None:
    nobody = {name: value for name, value in store.environment.items() if "KEY" not in name}
    result = run(_command(base_build, "s3://bucket", "--quiet"), nobody | {"AWS_EC2_METADATA_DISABLED": "true"})
    assert (result.code, result.out) == (2, "")
    assert result.err == "cxr: s3://bucket: no credentials were found; for s3:// see AWS_PROFILE and ~/.aws\n"
