namespace Brook.Tests.Sending;

/// <summary>A receipt travels as text: through URLs, headers, cookies, and the hands of strangers.</summary>
public sealed class ReceiptTextTests
{
    private static readonly Guid s_message = Guid.Parse("0193f5c1-d5a7-7c9e-8f3a-5b1c2d3e4f50");

    [Fact]
    public void A_receipt_comes_back_from_its_text()
    {
        Receipt[] receipts =
        [
            new([]), new([new("orders/3", s_message, 17, 17)]), new([new("orders/3", default, 1044, 1046)]), new([new("a/0", s_message, 0, long.MaxValue), new("b c:!é%/1", default, 0, 0), new("a/0", Guid.CreateVersion7(), 3, 4)]),
        ];
        foreach (var receipt in receipts)
        {
            Assert.Equal(receipt, Receipt.Parse(receipt.ToString()));
            Assert.Equal(receipt.GetHashCode(), Receipt.Parse(receipt.ToString()).GetHashCode());
            Assert.True(Receipt.TryParse(receipt.ToString(), null, out var again) && again == receipt);
        }
    }

    [Fact]
    public void Its_text_is_short_and_goes_into_a_url_a_header_and_a_cookie_as_it_is()
    {
        Assert.Equal("orders/3:0193f5c1d5a77c9e8f3a5b1c2d3e4f50:17", new Receipt([new("orders/3", s_message, 17, 17)]).ToString());
        Assert.Equal("orders/3:1044-1046!b%20c%3A%21/1:0", new Receipt([new("orders/3", default, 1044, 1046), new("b c:!/1", default, 0, 0)]).ToString());
    }

    [Theory]
    [InlineData("orders/3")]
    [InlineData("orders/3:")]
    [InlineData(":5")]
    [InlineData("orders/3:-1")]
    [InlineData("orders/3:5-")]
    [InlineData("orders/3:5-4")]
    [InlineData("orders/3:5-5")]
    [InlineData("orders/3:1-2-3")]
    [InlineData("orders/3:99999999999999999999")]
    [InlineData("orders/3: 5")]
    [InlineData("orders/3:1e3")]
    [InlineData("orders/3:0193f5c1-d5a7-7c9e-8f3a-5b1c2d3e4f50:1")]
    [InlineData("orders/3:00000000000000000000000000000000:1")]
    [InlineData("orders/3:0193f5c1d5a77c9e8f3a5b1c2d3e4f50:1:2")]
    [InlineData("orders 3:5")]
    [InlineData("orders%2F3:5")]
    [InlineData("orders/3:5!")]
    [InlineData("!orders/3:5")]
    [InlineData("<script>:5")]
    [InlineData("orders/\u0001:5")]
    [InlineData("%ZZ:5")]
    [InlineData("%ff%fe:5")]
    public void What_is_no_receipt_is_refused(string text)
    {
        var error = Assert.Throws<FormatException>(() => Receipt.Parse(text));

        Assert.EndsWith(" is no part of a receipt: that is lane:message:first-last or lane:first-last. Pass on what Receipt.ToString() gave, unchanged.", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("<", error.Message, StringComparison.Ordinal);
        Assert.False(Receipt.TryParse(text, null, out _));
    }

    [Fact]
    public void What_is_too_long_or_names_too_many_lanes_is_refused_and_not_repeated()
    {
        Assert.Equal("The text has 65,537 characters; a receipt has 65,536 at most.", Assert.Throws<FormatException>(() => Receipt.Parse(new string('x', 65_537))).Message);
        Assert.Equal($"'{new string('x', 60)}...' is no part of a receipt: that is lane:message:first-last or lane:first-last. Pass on what Receipt.ToString() gave, unchanged.", Assert.Throws<FormatException>(() => Receipt.Parse(new string('x', 60_000))).Message);
        Assert.Equal("The receipt names 1,025 lanes; a stream has 1,024 at most.", Assert.Throws<FormatException>(() => Receipt.Parse(string.Join('!', Enumerable.Range(0, 1025).Select(lane => $"a/{lane}:0")))).Message);
        Assert.Throws<ArgumentNullException>(() => Receipt.Parse(null!));
        Assert.False(Receipt.TryParse(null, null, out _));
    }
}
