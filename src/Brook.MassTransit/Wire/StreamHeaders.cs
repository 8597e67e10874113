using System.Globalization;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>A stream message's headers, both ways.</summary>
internal readonly record struct StreamHeaders(string? Version, string Stream, int Partitions, int Count, DateTimeOffset SentAt, string? Node)
{
    public static StreamHeaders Read(Headers headers) => Read(name => headers.TryGetHeader(name, out var value) ? Convert.ToString(value, CultureInfo.InvariantCulture) : null);

    /// <param name="text">A header's value by its name; null: there is none.</param>
    public static StreamHeaders Read(Func<string, string?> text) => new(
        text(WireContract.VersionHeader),
        text(WireContract.StreamHeader) ?? "",
        Number(text(WireContract.PartitionsHeader)),
        Number(text(WireContract.CountHeader)),
        long.TryParse(text(WireContract.SentAtHeader), NumberStyles.None, CultureInfo.InvariantCulture, out var sent) && sent <= 253_402_300_799_999 ? DateTimeOffset.FromUnixTimeMilliseconds(sent) : DateTimeOffset.UnixEpoch,
        text(WireContract.NodeHeader));

    public void WriteTo(SendHeaders headers)
    {
        headers.Set(WireContract.VersionHeader, Version);
        headers.Set(WireContract.StreamHeader, Stream);
        headers.Set(WireContract.PartitionsHeader, Partitions.ToString(CultureInfo.InvariantCulture));
        headers.Set(WireContract.CountHeader, Count.ToString(CultureInfo.InvariantCulture));
        headers.Set(WireContract.SentAtHeader, SentAt.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture));
        if (Node is not null) headers.Set(WireContract.NodeHeader, Node);
    }

    private static int Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
