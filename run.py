"""One command on a fresh machine: an environment of its own, then the dashboard, the tests or the data commands.

python run.py [streamlit options]      install and open the dashboard / 安装并打开看板
python run.py test [pytest options]    install and run the tests / 安装并运行测试
python run.py data COMMAND …           demo, check, import, indicators / 数据命令

Standard library only, and readable by older Pythons, so that they can say what is missing.
"""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.json"
APP = ("requirements.txt",)
TESTS = (*APP, "tests/requirements.txt")


def stop(chinese, english):
    """End with one sentence in both languages and exit code 2."""
    print(f"{chinese} / {english}", file=sys.stderr)
    raise SystemExit(2)


def say(chinese, english):
    print(f"{chinese} / {english}", file=sys.stderr, flush=True)


def check_python():
    version = "{}.{}".format(*sys.version_info[:2])
    if sys.version_info < (3, 11):  # noqa: UP036 - the message is for those who have an older one
        stop(f"需要 Python 3.11 或更高版本，现在是 {version}。", f"Python 3.11 or newer is needed; this is {version}.")
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        stop(
            "这个 Python 缺少 venv 模块，Debian、Ubuntu 上请安装软件包 python3-venv。",
            "This Python lacks the venv module; on Debian and Ubuntu install the package python3-venv.",
        )


def installed():
    """What the stamp says is in the environment; nothing where it is missing, broken or of another Python."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if PYTHON.exists() and stamp.get("python") == list(sys.version_info[:2]) else {}


def prepare(files):
    """Have `files` installed in the environment; without a change nothing is asked of the network."""
    # Text, not bytes: a checkout with other line ends is the same list.
    wanted = {name: hashlib.sha256((HERE / name).read_text("utf-8").encode()).hexdigest() for name in files}
    stamp = installed()
    if wanted.items() <= stamp.items():
        return
    say("正在准备运行环境，首次需要几分钟……", "Preparing the environment; the first time takes some minutes …")
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    # Without a stamp the environment is half made or not ours: begin anew (but not from inside it).
    if not stamp and not inside and subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        stop("虚拟环境建立失败，原因见上。", "The virtual environment could not be made; see above.")
    lists = [part for name in files for part in ("-r", name)]
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *lists]
    if subprocess.call(pip, cwd=HERE):
        stop(
            "安装失败，原因见上；不能直接上网时，请在 pip 的设置中指定镜像。",
            "Installing failed, see above; without direct internet access name a mirror in pip's settings.",
        )
    STAMP.write_text(json.dumps({**stamp, "python": list(sys.version_info[:2]), **wanted}), encoding="utf-8")


def hand_over(*arguments):
    """Become the environment's Python; on Windows, which cannot, wait for it."""
    command = [str(PYTHON), *arguments]
    if os.name != "nt":
        os.execv(command[0], command)  # noqa: S606
    with subprocess.Popen(command) as process:
        while True:
            try:
                raise SystemExit(process.wait())
            except KeyboardInterrupt:  # the child got Ctrl-C too and ends by itself
                continue


def main(arguments):
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console without Chinese must not end the start
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return
    check_python()
    mode, rest = (arguments[0], arguments[1:]) if arguments[:1] in (["test"], ["data"]) else ("app", arguments)
    prepare(TESTS if mode == "test" else APP)
    if mode == "data":
        # The folder stays the caller's, so that the files they name are found.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
        hand_over("-m", "data_access", *rest)
    os.chdir(HERE)
    if mode == "test":
        hand_over("-m", "pytest", *rest)
    hand_over("-m", "dashboard", *(rest[1:] if rest[:1] == ["--"] else rest))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        raise SystemExit(130) from None
