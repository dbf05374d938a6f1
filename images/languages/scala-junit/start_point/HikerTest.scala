import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Assertions._

class HikerTest {

  @Test
  def lifeTheUniverseAndEverything(): Unit =
    assertEquals(42, Hiker.answer)
}
