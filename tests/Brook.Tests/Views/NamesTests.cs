using static Brook.Change;

namespace Brook.Tests.Views;

public sealed class NamesTests
{
    private static readonly ViewCollection<int> Things = "things";

    [Theory]
    [InlineData("a")]
    [InlineData("orders:by customer/2")]
    [InlineData("日本")]
    [InlineData("a$")]
    [InlineData("😀")]
    public void A_collection_has_almost_any_name(string name) => Assert.Equal(name, new ViewCollection<int>(name).Name);

    [Fact]
    public void A_collections_name_has_256_bytes_at_most()
    {
        Assert.Equal(256, new ViewCollection<int>(new string('a', 256)).Name.Length);
        Assert.Equal(64, new ViewCollection<int>(string.Concat(Enumerable.Repeat("😀", 64))).Name.EnumerateRunes().Count());

        var error = Assert.Throws<ArgumentException>(() => new ViewCollection<int>(new string('é', 129)));

        Assert.Equal($"The collection name '{new string('é', 60)}...' has 258 bytes of UTF-8; the limit is 256. Use a shorter one, a hash for instance. (Parameter 'name')", error.Message);
    }

    [Theory]
    [InlineData("$lanes", "Collection names beginning with '$' are Brook's own; '$lanes' is not allowed. Choose another name. (Parameter 'name')")]
    [InlineData("a\nb", "The collection name 'a?b' has control characters. Use letters, digits and punctuation. (Parameter 'name')")]
    [InlineData("a\0", "The collection name 'a?' has control characters. Use letters, digits and punctuation. (Parameter 'name')")]
    public void A_collections_name_that_stores_could_not_hold_is_refused_with_the_reason(string name, string message) => Assert.Equal(message, Assert.Throws<ArgumentException>(() => new ViewCollection<int>(name)).Message);

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    public void A_collection_needs_a_name(string? name)
    {
        Assert.ThrowsAny<ArgumentException>(() => new ViewCollection<int>(name!));
        Assert.ThrowsAny<ArgumentException>(() => (ViewCollection<int>)name!);
    }

    [Theory]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("\0")]
    [InlineData("$a")]
    [InlineData("😀")]
    public void A_key_has_any_characters(string key) => Assert.Equal(key, Delete(Things, key).Key);

    [Fact]
    public void A_key_has_1024_bytes_at_most()
    {
        Assert.Equal(1024, Delete(Things, new string('a', 1024)).Key!.Length);
        Assert.NotNull(Delete(Things, string.Concat(Enumerable.Repeat("😀", 256))).Key);

        var error = Assert.Throws<ArgumentException>(() => Delete(Things, new string('a', 1025)));

        Assert.Equal($"The key '{new string('a', 60)}...' has 1,025 bytes of UTF-8; the limit is 1,024. Use a shorter one, a hash for instance. (Parameter 'key')", error.Message);
        Assert.Throws<ArgumentException>(() => Delete(Things, new string('日', 342)));
    }

    [Fact]
    public void A_key_is_not_empty() => Assert.Equal("The key is empty. A key has 1 to 1,024 bytes of UTF-8; is the event's id missing? (Parameter 'key')", Assert.Throws<ArgumentException>(() => Delete(Things, "")).Message);

    [Fact]
    public void Half_a_character_is_no_name()     // not as test data: attributes cannot hold it either
    {
        Assert.Equal("The collection name 'a?' is not valid UTF-16 (a lone surrogate), so stores could not tell it from others. Encode it first. (Parameter 'name')", Assert.Throws<ArgumentException>(() => new ViewCollection<int>("a\ud800")).Message);
        Assert.Equal("The key 'a?b' is not valid UTF-16 (a lone surrogate), so stores could not tell it from others. Encode it first. (Parameter 'key')", Assert.Throws<ArgumentException>(() => Delete(Things, "a\ud800b")).Message);
        Assert.Throws<ArgumentException>(() => Delete(Things, "\ude00\ud83d"));
    }

    [Fact]
    public void A_collection_shows_its_name_and_checks_its_time_to_live()
    {
        Assert.Equal("things", Things.ToString());
        Assert.Null(Things.TimeToLive);
        Assert.Equal(TimeSpan.FromTicks(1), new ViewCollection<int>("a") { TimeToLive = TimeSpan.FromTicks(1) }.TimeToLive);

        var error = Assert.Throws<ArgumentOutOfRangeException>(() => new ViewCollection<int>("a") { TimeToLive = TimeSpan.Zero });

        Assert.StartsWith("TimeToLive of collection 'a' is 00:00:00; it must be positive, or null for ever.", error.Message, StringComparison.Ordinal);
    }
}
