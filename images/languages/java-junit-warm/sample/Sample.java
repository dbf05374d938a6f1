public class Sample {

    public static int answer() {
        return 6 * 7;
    }
}
