using NUnit.Framework;

[TestFixture]
public class HikerTest
{
    [Test]
    public void Life_the_universe_and_everything()
    {
        Assert.AreEqual(42, Hiker.Answer());
    }
}
