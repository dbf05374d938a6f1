import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Properties;
import java.util.TimeZone;
import org.junit.platform.console.ConsoleLauncher;

/**
 * A JVM that has compiled and tested something before its run comes. It compiles whatever it is asked to,
 * and becomes the JVM of the first tests: it ends with them, as a JVM of their own would.
 *
 * Its arguments are a folder of sources to compile and test, and how often; a third one has it end then, for
 * the archive of its classes.
 */
public final class Warm {

    private static final String JUNIT = "/usr/share/java/junit-platform-console-standalone.jar";

    public static void main(String[] arguments) throws IOException {
        Properties atStart = (Properties) System.getProperties().clone();
        System.load("/usr/local/lib/warm-junit/libadopt.so");
        for (int left = Integer.parseInt(arguments[1]); left > 0; left--) {
            warmUp(Path.of(arguments[0]));
        }
        if (arguments.length > 2) {
            return;
        }
        ended(0);
        while (true) {
            String[] words = next();
            String[] rest = Arrays.copyOfRange(words, 1, words.length);
            if (words[0].equals("javac")) {
                int status = com.sun.tools.javac.Main.compile(rest);
                System.out.flush();
                System.err.flush();
                ended(status);
            } else {
                test(rest, atStart);
            }
        }
    }

    /** Never returns. What the warm-up has found out of the time zone is found out anew. */
    private static void test(String[] arguments, Properties atStart) {
        System.setProperties(atStart);
        TimeZone.setDefault(null);
        System.setProperty("java.class.path", JUNIT);
        System.setProperty("sun.java.command", String.join(" ", Arrays.copyOfRange(arguments, 1, arguments.length)));
        ConsoleLauncher.main(Arrays.copyOfRange(arguments, 2, arguments.length));
    }

    private static void warmUp(Path sources) throws IOException {
        Path classes = Files.createTempDirectory("warm-up");
        try (DirectoryStream<Path> files = Files.newDirectoryStream(sources, "*.java")) {
            String[] compile = {"-Xlint:unchecked", "-Xlint:deprecation", "-cp", JUNIT, "-d", classes.toString()};
            int count = compile.length;
            for (Path file : files) {
                compile = Arrays.copyOf(compile, ++count);
                compile[count - 1] = file.toString();
            }
            com.sun.tools.javac.Main.compile(compile, new PrintWriter(OutputStream.nullOutputStream()));
        }
        PrintStream nowhere = new PrintStream(OutputStream.nullOutputStream());
        ConsoleLauncher.execute(nowhere, nowhere, "--disable-banner", "--disable-ansi-colors", "--details=tree",
            "--details-theme=ascii", "--class-path", classes.toString(), "--scan-class-path");
        try (DirectoryStream<Path> made = Files.newDirectoryStream(classes)) {
            for (Path file : made) {
                Files.delete(file);
            }
        }
        Files.delete(classes);
    }

    private static native String[] next();

    private static native void ended(int status);
}
