import org.junit.jupiter.api.*;
import static org.junit.jupiter.api.Assertions.*;

public class HikerTest {

    @Test
    void life_the_universe_and_everything() {
        assertEquals(42, Hiker.answer());
    }
}
