using System.Globalization;
using MassTransit;

namespace Brook.MassTransit;

/// <summary>A stream message's headers, both ways.</summary>
internal readonly record struct StreamHeaders(string? Version, string Stream, int Partitions, DateTimeOffset SentAt, string? Node)
{
    public static StreamHeaders Read(Headers headers) => new(
        Text(headers, WireContract.VersionHeader),
        Text(headers, WireContract.StreamHeader) ?? "",
        int.TryParse(Text(headers, WireContract.PartitionsHeader), NumberStyles.None, CultureInfo.InvariantCulture, out var partitions) ? partitions : 0,
        long.TryParse(Text(headers, WireContract.SentAtHeader), NumberStyles.None, CultureInfo.InvariantCulture, out var sent) ? DateTimeOffset.FromUnixTimeMilliseconds(sent) : DateTimeOffset.UnixEpoch,
        Text(headers, WireContract.NodeHeader));

    public void WriteTo(SendHeaders headers, int count)
    {
        headers.Set(WireContract.VersionHeader, Version);
        headers.Set(WireContract.StreamHeader, Stream);
        headers.Set(WireContract.PartitionsHeader, Partitions.ToString(CultureInfo.InvariantCulture));
        headers.Set(WireContract.CountHeader, count.ToString(CultureInfo.InvariantCulture));
        headers.Set(WireContract.SentAtHeader, SentAt.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture));
        if (Node is not null) headers.Set(WireContract.NodeHeader, Node);
    }

    private static string? Text(Headers headers, string name) => headers.TryGetHeader(name, out var value) ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;
}
