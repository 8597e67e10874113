using System.Globalization;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>A stream message's headers, both ways.</summary>
internal readonly record struct StreamHeaders(string? Version, string Stream, int Partitions, int Count, DateTimeOffset SentAt, string? Node)
{
    public static StreamHeaders Read(Headers headers) => new(
        Text(headers, WireContract.VersionHeader),
        Text(headers, WireContract.StreamHeader) ?? "",
        Number(headers, WireContract.PartitionsHeader),
        Number(headers, WireContract.CountHeader),
        long.TryParse(Text(headers, WireContract.SentAtHeader), NumberStyles.None, CultureInfo.InvariantCulture, out var sent) && sent <= 253_402_300_799_999 ? DateTimeOffset.FromUnixTimeMilliseconds(sent) : DateTimeOffset.UnixEpoch,
        Text(headers, WireContract.NodeHeader));

    public void WriteTo(SendHeaders headers)
    {
        headers.Set(WireContract.VersionHeader, Version);
        headers.Set(WireContract.StreamHeader, Stream);
        headers.Set(WireContract.PartitionsHeader, Partitions.ToString(CultureInfo.InvariantCulture));
        headers.Set(WireContract.CountHeader, Count.ToString(CultureInfo.InvariantCulture));
        headers.Set(WireContract.SentAtHeader, SentAt.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture));
        if (Node is not null) headers.Set(WireContract.NodeHeader, Node);
    }

    private static int Number(Headers headers, string name) => int.TryParse(Text(headers, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string? Text(Headers headers, string name) => headers.TryGetHeader(name, out var value) ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;
}
