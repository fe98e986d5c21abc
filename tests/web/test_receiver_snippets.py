"""What a page tells receivers to verify with is true: each snippet is run against a signed request."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tocsin.domain.payload import PayloadProfile, make_body
from tocsin.web.receiver_snippets import snippets_for
from tocsin_receiver import decode_form, sign

ODD = r"""/~a//b/%2F/%41?q="x'y"&$HOME=`id`;{z}$(id)!|<b>@URL@\\n"""
URL = "https://Pager.example:443" + ODD.replace("\\", "")
AUTH_CODE = "w~4bT8-uQz0LhXo5Yc2RsJ7dVn1MgKe9PiAf"
ALERT = {
    "message_type": "CRITICAL",
    "entity_id": "db-4 / disk + 100 %",
    "state_message": 'two\nlines, "quoted", a \\ and a \t, größer 🔥 ~*\'\n',
    "vo_annotate.u.Run book": "https://wiki.example/?a=b&c=d",
    "an empty one": "",
    "ünïcode": "yes",
    "x:y": "before a letter, behind a dot",
}
SNIPPETS = {each.name: each.text for each in snippets_for(URL)}
BODIES = {profile: make_body(profile, incident=31, alert=ALERT).form for profile in PayloadProfile}


def _run(*command: str, given: bytes = b"", cwd: Path | None = None) -> str:
    environment = {**os.environ, "AUTH_CODE": AUTH_CODE, "GO111MODULE": "off"}
    done = subprocess.run(
        command, input=given, cwd=cwd, env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


Check = Callable[[Path, bytes, str], str]
"""Runs a snippet on a body and a signature; returns `yes` or `no`."""


def python_library(folder: Path, body: bytes, signature: str) -> str:
    end = """
import sys
headers = {"X-VictorOps-Signature": sys.argv[1]}
print("yes" if fields_of(headers, sys.stdin.buffer.read()) else "no")
"""
    (folder / "it.py").write_text(SNIPPETS["python-library"] + end)
    return _run(sys.executable, str(folder / "it.py"), signature, given=body).splitlines()[-1]


def python(folder: Path, body: bytes, signature: str) -> str:
    end = """
import sys
print("yes" if is_genuine(sys.stdin.buffer.read(), sys.argv[1]) else "no")
"""
    (folder / "it.py").write_text(SNIPPETS["python"] + end)
    return _run(sys.executable, str(folder / "it.py"), signature, given=body)


def shell(folder: Path, body: bytes, signature: str) -> str:
    (folder / "it.sh").write_text(SNIPPETS["shell"])
    return "yes" if _run("bash", str(folder / "it.sh"), given=body) == signature else "no"


def node(folder: Path, body: bytes, signature: str) -> str:
    end = """
console.log(isGenuine(require("node:fs").readFileSync(0), process.argv[2]) ? "yes" : "no");
"""
    (folder / "it.js").write_text(SNIPPETS["node"] + end)
    return _run("node", str(folder / "it.js"), signature, given=body)


def ruby(folder: Path, body: bytes, signature: str) -> str:
    (folder / "it.rb").write_text(
        SNIPPETS["ruby"] + '\nputs genuine?($stdin.binmode.read, ARGV[0]) ? "yes" : "no"\n'
    )
    return _run("ruby", str(folder / "it.rb"), signature, given=body)


def php(folder: Path, body: bytes, signature: str) -> str:
    end = "\necho is_genuine(file_get_contents('php://stdin'), $argv[1]) ? 'yes' : 'no';\n"
    (folder / "it.php").write_text(SNIPPETS["php"] + end)
    return _run("php", str(folder / "it.php"), signature, given=body)


def go(folder: Path, body: bytes, signature: str) -> str:
    (folder / "it.go").write_text(SNIPPETS["go"])
    (folder / "main.go").write_text("""
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	body, _ := io.ReadAll(os.Stdin)
	fmt.Println(map[bool]string{true: "yes", false: "no"}[isGenuine(body, os.Args[1])])
}
""")
    if not (folder / "it").exists():
        _run("go", "build", "-o", "it", "it.go", "main.go", cwd=folder)
    return _run(str(folder / "it"), signature, given=body)


def java(folder: Path, body: bytes, signature: str) -> str:
    main = """
class Main {
    public static void main(String[] given) throws Exception {
        System.out.println(Webhook.isGenuine(System.in.readAllBytes(), given[0]) ? "yes" : "no");
    }
}
"""
    (folder / "Webhook.java").write_text(SNIPPETS["java"] + main)
    if not (folder / "Main.class").exists():
        _run("javac", "-J-Xshare:auto", "-encoding", "UTF-8", "Webhook.java", cwd=folder)
    return _run("java", "-Xshare:auto", "-cp", str(folder), "Main", signature, given=body)


CHECKS = [
    pytest.param(python_library, id="python-library"),
    pytest.param(python, id="python"),
    pytest.param(shell, id="shell", marks=pytest.mark.needs("openssl")),
    pytest.param(node, id="node", marks=pytest.mark.needs("node", "nodejs")),
    pytest.param(ruby, id="ruby", marks=pytest.mark.needs("ruby")),
    pytest.param(php, id="php", marks=pytest.mark.needs("php", "php-cli")),
    # These two are large, and so no part of what `.ci/run` installs: they are tried where they are.
    *(pytest.param(go, id="go") for _ in filter(None, [shutil.which("go")])),
    *(pytest.param(java, id="java") for _ in filter(None, [shutil.which("javac")])),
]


@pytest.mark.parametrize("check", CHECKS)
def test_a_snippet_believes_what_was_signed_and_nothing_else(check: Check, tmp_path: Path) -> None:
    """Both profiles, with a URL and values of every odd character; not with one byte changed."""
    for body in BODIES.values():
        signature = sign(URL, decode_form(body), AUTH_CODE)
        assert check(tmp_path, body, signature) == "yes"
    assert check(tmp_path, body.replace(b"=31", b"=32"), signature) == "no"


def test_every_snippet_is_tried() -> None:
    """Where its language is."""
    assert set(SNIPPETS) == {str(each.id) for each in CHECKS} | {"go", "java"}


def test_a_url_stands_there_as_it_is_written() -> None:
    """A URL without quotes needs no escape in any language."""
    plain = "https://pager.example:8443/a//b?c=%2f&d=~"
    for each in snippets_for(plain):
        assert plain in each.text
        assert "@URL@" not in each.text
