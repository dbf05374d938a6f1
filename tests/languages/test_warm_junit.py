"""A JVM that runs before its run comes: it does all that one does which is started for it."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from runner.authors.options import COLOURS, in_colour, read_replacements
from runner.authors.start_point import SCRIPT, read_start_point
from tests.daemon_process import Daemon
from tests.languages.folders import IMAGES, START_POINTS

# Two JVMs, one after the other, with a limit of SECONDS each.
pytestmark = [pytest.mark.docker, pytest.mark.languages, pytest.mark.timeout(200)]

PLAIN = "dojo-runner/java-junit:latest"
WARM = "dojo-runner/java-junit-warm:latest"
RAG = (IMAGES / "languages/java-junit/red_amber_green.rb").read_text()
JUNIT = "/usr/share/java/junit-platform-console-standalone.jar"

START_POINT = read_start_point(START_POINTS["java-junit"])
OWN_SCRIPT = START_POINT.files[SCRIPT]
GREEN = in_colour("green", START_POINT, read_replacements(START_POINT)).files
JAVAC = f"javac -cp .:{JUNIT} *.java"
JAVA = (
    f"java -jar {JUNIT} --disable-banner --disable-ansi-colors --details=summary"
    " --class-path . --scan-class-path"
)
SECONDS = 60  # they end in five on a machine without other work


def _test(body: str, *, throws: str = "Exception") -> dict[str, str]:
    """A test of that body, instead of the start point's."""
    imports = "".join(
        f"import {one}.*;\n" for one in ("org.junit.jupiter.api", "java.io", "java.util")
    )
    return {
        "HikerTest.java": f"{imports}"
        f"public class HikerTest {{\n  @Test void it() throws {throws} {{\n{body}\n  }}\n}}\n"
    }


MAIN = {
    "Main.java": "public class Main {\n  public static void main(String[] arguments) {\n"
    '    System.out.println(String.join("-", arguments)); System.exit(4);\n  }\n}\n'
}
SPEAKS = _test(
    'for (String name : new String[] {"user.dir", "java.class.path", "file.encoding", "user.name",'
    '    "sun.jnu.encoding", "user.home", "java.io.tmpdir", "stdout.encoding", "line.separator",'
    '    "jdk.module.main", "java.library.path", "user.language", "user.timezone"})'
    "  System.out.println(name + ' ' + System.getProperty(name));\n"
    "for (var one : new TreeMap<>(System.getenv()).entrySet())"
    '  if (!List.of("_", "SHLVL").contains(one.getKey())) System.out.println(one);\n'
    "System.out.println(Thread.currentThread().getName() + ThreadLayout.groups());\n"
    'System.out.println(Runtime.getRuntime().maxMemory() + " "'
    " + Runtime.getRuntime().availableProcessors());\n"
    'System.out.println(HikerTest.class.getClassLoader().getClass() + " "'
    " + Thread.currentThread().getContextClassLoader().getClass());\n"
    'System.out.println(ModuleLayer.boot().findModule("java.sql").isPresent());\n'
    "System.err.println(System.in.read());"
) | {
    "ThreadLayout.java": "class ThreadLayout {\n  static String groups() {\n"
    '    return " " + Thread.currentThread().getThreadGroup().getName();\n  }\n}\n'
}
# Each with its files and its script.
CASES: dict[str, tuple[Mapping[str, str], str]] = {
    "prints on both": (
        _test(
            "for (int n = 0; n < 50; n++) { System.out.println(n); System.err.println(-n); }"
            ' System.out.print("no newline"); Assertions.fail("odd");'
        ),
        f"{JAVAC} && {JAVA} 2>&1 | cat",
    ),
    "what it sees": (SPEAKS, f"export MINE=1; {JAVAC} && echo in | {JAVA} --details=tree"),
    "exits": (_test("System.exit(3);"), f"{JAVAC} && {JAVA}; echo $?"),
    "halts": (_test("Runtime.getRuntime().halt(5);"), f"{JAVAC} && {JAVA}; echo $?"),
    "exits with a hook": (
        _test(
            "Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println(\"bye\")));"
        ),
        f"{JAVAC} && {JAVA}; echo $?",
    ),
    "recurses without end": (
        _test("deep(0);\n  }\n  static int deep(int n) { return 1 + deep(n + 1);"),
        f"{JAVAC} && {JAVA} | grep -c Overflow",
    ),
    "a thread goes on": (
        _test(
            "new Thread(() -> { while (true) { } }).start(); System.out.println(\"started\");"
        ),
        f"{JAVAC} && {JAVA}",
    ),
    "a process of its own": (
        _test(
            'new ProcessBuilder("bash", "-c", "echo out; echo err >&2; echo $MINE; pwd;'
            ' ls -l /proc/self/fd | wc -l")'
            ".inheritIO().start().waitFor();"
        ),
        f"export MINE=mine; {JAVAC} && {JAVA}",
    ),
    "a compiler that a test starts": (
        _test('new ProcessBuilder("javac", "-version").inheritIO().start().waitFor();'),
        f"{JAVAC} && {JAVA}",
    ),
    "writes a file": (
        _test('try (var to = new FileWriter("made.txt")) { to.write("made"); }'),
        f"{JAVAC} && {JAVA}",
    ),
    "does not compile": ({"HikerTest.java": "class HikerTest {"}, f"{JAVAC}; echo $?"),
    "is compiled twice": (GREEN, f"{JAVAC} && {JAVAC} -Xlint:all && {JAVA}"),
    "is tested twice": (GREEN, f"{JAVAC} && {JAVA} && {JAVA}"),
    "at the same time": (GREEN, f"{JAVAC} & {JAVAC} -Xlint:all; wait; ls *.class; {JAVA}"),
    "in a folder": (
        {f"sub/{name}": text for name, text in GREEN.items() if name.endswith(".java")},
        f"cd sub && {JAVAC} && {JAVA}",
    ),
    "options of its own": (GREEN, f"{JAVAC} && JAVA_TOOL_OPTIONS=-Dmine=1 {JAVA}"),
    "no such option": (GREEN, f"{JAVAC} -no-such; {JAVA} --no-such; echo $?"),
    "a class path of its own": (GREEN, f"CLASSPATH=.:{JUNIT} javac *.java; ls *.class"),
    "a program": (MAIN, "javac Main.java && java -cp . Main a b; echo $?"),
    "versions": ({}, "java -version; javac -version; java --version"),
    "limits": (GREEN, f"{JAVAC} && (ulimit -n 99; {JAVA})"),
    "no output": (GREEN, f"{JAVAC} && {JAVA} >&-; echo $?"),
    "nothing": ({}, "javac; echo $?; java; echo $?"),
    "is told to end": (
        _test('new File("begun").createNewFile(); Thread.sleep(20_000);'),
        f"{JAVAC}; (until [[ -e begun ]]; do sleep 0.05; done; kill -TERM $(<pid)) &\n"
        f"bash -c 'echo $$ >pid; exec {JAVA}'; echo $?; rm pid begun",
    ),
    "looks into Java": (
        _test(
            'var field = String.class.getDeclaredField("value"); field.setAccessible(true);'
        ),
        f"{JAVAC} && {JAVA}",
    ),
}  # fmt: skip


def plain(result: dict[str, Any]) -> dict[str, Any]:
    """A result without times, and without the numbers that a JVM gives its objects."""
    text = re.sub(r"after \d+ ms", "after 0 ms", repr(result))
    text = re.sub(r"unnamed module @[0-9a-f]+", "unnamed module @0", text)
    text = text.replace("-warm:latest", ":latest").replace("-warm", "")
    text = re.sub(r"line \d+: +\d+ (Killed|Term)", r"line 1: \1", text)  # bash tells the number
    return dict(eval(text))  # noqa: S307 - of a repr of ours


@pytest.mark.parametrize("colour", COLOURS)
async def test_the_start_point_is_answered_as_without(running: Daemon, colour: str) -> None:
    """In each colour the answer is the same as without the warm-up, but for the times in it."""
    files = in_colour(colour, START_POINT, read_replacements(START_POINT)).files

    how: dict[str, Any] = {"files": files, "rag_lambda": RAG, "seconds": SECONDS}
    real = await running.run(PLAIN, OWN_SCRIPT, **{**how, "files": _without_script(files)})
    warm = await running.run(WARM, OWN_SCRIPT, **{**how, "files": _without_script(files)})

    assert plain(warm) == plain(real)
    assert warm["outcome"] == colour


@pytest.mark.parametrize("case", CASES)
async def test_it_does_what_the_real_ones_do(running: Daemon, case: str) -> None:
    """Status, outputs, created and changed files of javac and JUnit are as without the warm-up."""
    files, script = CASES[case]
    if "HikerTest.java" in files or "Main.java" in files:
        files = {"Hiker.java": GREEN["Hiker.java"], **_without_script(files)}

    real = await running.run(PLAIN, script, files=files, seconds=SECONDS)
    warm = await running.run(WARM, script, files=files, seconds=SECONDS)

    assert real["outcome"] != "timed_out", "this machine has too much to do for a comparison"
    assert plain(warm) == plain(real)


async def test_a_loop_without_end_is_ended_in_time(running: Daemon) -> None:
    """A test that loops for ever is ended in time.

    What was printed before is there, and what a trap prints.
    """
    files = {
        "Hiker.java": GREEN["Hiker.java"],
        **_test('System.out.println("begun"); while (true) { }'),
    }
    script = f"trap 'echo bye' EXIT; {JAVAC}; {JAVA}"

    real = await running.run(PLAIN, script, files=files, seconds=15)
    warm = await running.run(WARM, script, files=files, seconds=15)

    # The log tells of what little of the limit went by before the program began.
    assert plain({**warm, "log": {}}) == plain({**real, "log": {}})
    assert (warm["outcome"], "begun" in warm["stdout"]["content"]) == ("timed_out", True)


async def test_the_jvm_that_waits_is_the_one_that_serves(running: Daemon) -> None:
    """The JVM that runs the tests was there before the script began."""
    files = _test("System.out.println(ProcessHandle.current().info().commandLine().get());")

    said = await running.run(WARM, f"{JAVAC} && {JAVA}", files=files, seconds=SECONDS)

    assert "warm.jar" in said["stdout"]["content"], said


def _without_script(files: Any) -> dict[str, str]:
    return {name: text for name, text in files.items() if name != SCRIPT}
