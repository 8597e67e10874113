using System.Text;
using Confluent.Kafka;

namespace Brook.MassTransit.Kafka;

/// <summary>The headers that say something about an event.</summary>
internal static class RecordHeaders
{
    public const string Id = "brook-id", AutoId = "brook-auto-id", Key = "brook-key", HeaderPrefix = "brook-h-";
    public const string MessageId = "MessageId", MessageType = "MT-MessageType", CorrelationId = "CorrelationId", ActivityId = "MT-Activity-Id";

    /// <summary>The last header of that name as text; null: there is none, or it is not UTF-8.</summary>
    public static string? Text(this Headers? headers, string name)
        => headers is not null && headers.TryGetLastBytes(name, out var value) && value is not null && System.Text.Unicode.Utf8.IsValid(value) ? Encoding.UTF8.GetString(value) : null;

    /// <summary>The event's own headers; null: none.</summary>
    public static Dictionary<string, string>? OfEvent(Headers? headers)
    {
        Dictionary<string, string>? found = null;
        foreach (var header in headers ?? [])
            if (header.Key.Length > HeaderPrefix.Length && header.Key.StartsWith(HeaderPrefix, StringComparison.Ordinal) && header.GetValueBytes() is { } value)
                (found ??= [])[header.Key[HeaderPrefix.Length..]] = Encoding.UTF8.GetString(value);
        return found;
    }
}
