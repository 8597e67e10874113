using System.Text;

namespace Brook.MassTransit.Tests.Sending;

public sealed class PartitioningTests
{
    /// <summary>Test vectors of Kafka's own murmur2.</summary>
    [Theory]
    [InlineData("21", -973932308)]
    [InlineData("foobar", -790332482)]
    [InlineData("a-little-bit-long-string", -985981536)]
    [InlineData("a-little-bit-longer-string", -1486304829)]
    [InlineData("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971)]
    [InlineData("abc", 479470107)]
    public void A_key_hashes_as_in_Kafka(string key, int hash) => Assert.Equal(hash, (int)Partitioning.Murmur2(Encoding.UTF8.GetBytes(key)));

    [Fact]
    public void No_key_is_partition_0_and_one_partition_is_always_0()
    {
        Assert.Equal(0, Partitioning.Of(null, 8));
        Assert.Equal(0, Partitioning.Of("foobar", 1));
    }

    [Fact]
    public void Every_partition_gets_its_share()
    {
        var counts = new int[8];
        for (var i = 0; i < 8000; i++) counts[Partitioning.Of($"order-{i}", 8)]++;
        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
    }
}
